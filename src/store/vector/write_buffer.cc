#include "store/vector/write_buffer.h"

#include <algorithm>
#include <utility>

#include "core/checksum.h"
#include "store/vector/collection_options.h"

namespace strata::store::vector {
namespace {

constexpr std::uint64_t kPointSeed = 0x7665'6374'6f72'0001;  // "vector": keys of other stores have other seeds
constexpr std::uint64_t kCollectionSeed = 0x7665'6374'6f72'0002;
constexpr std::uint64_t kPointsSeed = 0x7665'6374'6f72'0003;

// What changes of a point's named vectors.
std::vector<VectorChange> vectors_of_point(const BufferedCollection& collection, std::string_view id,
                                           PointChange::Kind kind) {
  std::vector<VectorChange> changes;
  for (std::uint32_t place = 0; place < collection.vectors.size(); ++place) {
    const auto found = collection.vectors[place].points.find(id);
    if (found == collection.vectors[place].points.end()) continue;
    const BufferedPoint& vector = found->second;
    if (vector.kind == PointChange::Kind::upsert) {
      changes.push_back({place, true, vector.elements.empty() ? vector.terms : vector.elements});
    } else if (vector.kind == PointChange::Kind::remove && kind != PointChange::Kind::upsert) {
      changes.push_back({place, false, {}});
    }
  }
  return changes;
}

}  // namespace

std::vector<BufferedVector>& BufferedCollection::vectors_of(const CollectionOptions& options) {
  if (vectors.empty()) {
    for (const NamedVector& vector : options.vectors) vectors.push_back({vector.name, options_of_vector(vector), {}});
  }
  return vectors;
}

void BufferedCollection::keep_vectors_of(const CollectionOptions& options) {
  std::vector<BufferedVector> before = std::exchange(vectors, {});
  for (BufferedVector& now : vectors_of(options)) {
    const auto was =
        std::find_if(before.begin(), before.end(), [&](const BufferedVector& each) { return each.name == now.name; });
    if (was != before.end()) now.points = std::move(was->points);
  }
}

transaction::KeyHash point_key(std::string_view collection, std::string_view id) {
  return core::xxh3_64(id, core::xxh3_64(collection, kPointSeed));
}

transaction::KeyHash collection_key(std::string_view collection) { return core::xxh3_64(collection, kCollectionSeed); }

transaction::KeyHash points_predicate(std::string_view collection) { return core::xxh3_64(collection, kPointsSeed); }

const BufferedCollection* WriteBuffer::find(std::string_view collection) const {
  const auto found = collections_.find(collection);
  return found == collections_.end() ? nullptr : &found->second;
}

BufferedCollection& WriteBuffer::at(std::string_view collection) {
  const auto found = collections_.find(collection);
  return found != collections_.end() ? found->second : collections_[std::string(collection)];
}

bool WriteBuffer::empty() const {
  return std::all_of(collections_.begin(), collections_.end(), [](const auto& entry) {
    return !entry.second.dropped && !entry.second.created && !entry.second.altered && entry.second.points.empty();
  });
}

void WriteBuffer::encode(core::Encoder& out) const {
  Mutation mutation;
  for (const auto& [name, collection] : collections_) {
    if (!collection.dropped && !collection.created && !collection.altered && collection.points.empty()) continue;
    CollectionChange change;
    change.name = name;
    change.dropped = collection.dropped;
    change.created = collection.created;
    change.altered = collection.altered;
    for (const auto& [id, point] : collection.points) {
      PointChange& own =
          change.points.emplace_back(PointChange{point.kind, id, point.elements, point.payload, point.terms});
      if (point.kind != PointChange::Kind::remove) own.vectors = vectors_of_point(collection, id, point.kind);
    }
    mutation.push_back(std::move(change));
  }
  encode_mutation(mutation, out);
}

Result<void> WriteBuffer::affects(transaction::Context&, std::vector<std::uint64_t>& predicates) const {
  bool listed = false;
  for (const auto& [name, collection] : collections_) {
    predicates.push_back(points_predicate(name));
    listed |= collection.dropped || collection.created.has_value() || collection.altered.has_value();
  }
  if (listed) predicates.push_back(kCollectionsPredicate);
  return {};
}

std::unique_ptr<WriteBuffer::Saved> WriteBuffer::save() {
  return std::make_unique<transaction::SavedCopy<decltype(collections_)>>(collections_);
}

void WriteBuffer::restore(const Saved& saved) {
  collections_ = transaction::SavedCopy<decltype(collections_)>::of(saved);
}

std::string WriteBuffer::describe(std::uint64_t key) const {
  for (const auto& [name, collection] : collections_) {
    if (collection_key(name) == key) return "collection " + name;
    for (const auto& [id, point] : collection.points) {
      if (point_key(name, id) == key) return name + ":" + id;
    }
  }
  return "a point";
}

}  // namespace strata::store::vector
