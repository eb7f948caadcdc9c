#include "store/vector/vector_store.h"

#include <algorithm>

#include "core/assert.h"
#include "core/checksum.h"
#include "core/failpoint.h"
#include "store/vector/collection_options.h"

namespace strata::store::vector {

VectorParticipant::VectorParticipant(io::FileSystem& files, std::string directory, const VectorOptions& options)
    : files_(files),
      directory_(std::move(directory)),
      options_(options),
      memory_(std::make_shared<MemoryBudget>(options.memory_bytes == 0 ? usual_memory_budget() : options.memory_bytes)),
      graphs_(files, directory_, options.graph_rows_min, [this] { return next_number(); }) {}

VectorParticipant::~VectorParticipant() = default;

Result<void> VectorParticipant::close() {
  graphs_.stop();
  return {};
}

std::shared_ptr<Collection> VectorParticipant::find(std::string_view name, Lsn view) const {
  core::ReaderLock lock(collections_mutex_);
  const auto found = collections_.find(name);
  if (found == collections_.end()) return nullptr;
  for (auto each = found->second.rbegin(); each != found->second.rend(); ++each) {
    if ((*each)->visible(view)) return *each;
  }
  return nullptr;
}

std::vector<std::shared_ptr<Collection>> VectorParticipant::every_collection() const {
  std::vector<std::shared_ptr<Collection>> all;
  core::ReaderLock lock(collections_mutex_);
  for (const auto& [name, incarnations] : collections_) {
    for (const auto& collection : incarnations) {
      const auto vectors = collection->all_vectors();
      all.insert(all.end(), vectors.begin(), vectors.end());
      all.push_back(collection);
    }
  }
  return all;
}

std::vector<std::shared_ptr<Collection>> VectorParticipant::visible_collections(Lsn view) const {
  std::vector<std::shared_ptr<Collection>> visible;
  core::ReaderLock lock(collections_mutex_);
  for (const auto& [name, incarnations] : collections_) {
    for (const auto& collection : incarnations) {
      if (collection->visible(view)) visible.push_back(collection);
    }
  }
  return visible;
}

std::shared_ptr<Collection> VectorParticipant::make_collection(const CollectionChange& change, Lsn lsn) {
  std::vector<std::shared_ptr<Collection>> vectors;
  for (const NamedVector& vector : change.created->vectors) {
    vectors.push_back(make_vector(change.name, vector, lsn));
  }
  return std::make_shared<Collection>(next_collection_++, std::string(change.name), *change.created, lsn, memory_,
                                      std::move(vectors));
}

std::shared_ptr<Collection> VectorParticipant::make_vector(std::string_view collection, const NamedVector& vector,
                                                           Lsn lsn) {
  return std::make_shared<Collection>(next_collection_++, name_of_vector(collection, vector.name),
                                      options_of_vector(vector), lsn, memory_);
}

void VectorParticipant::reshape(Collection& collection, const Reshape& reshape, Lsn lsn) {
  const CollectionOptions before = collection.present_options();
  std::vector<std::shared_ptr<Collection>> added;
  for (const NamedVector& vector : reshape.options.vectors) {
    if (vector.name != reshape.named && !is_added(before, reshape, vector.name)) continue;
    added.push_back(make_vector(collection.name(), vector, lsn));
  }
  collection.reshape(lsn, reshape, std::move(added));
}

Result<void> VectorParticipant::apply(const transaction::Commit& commit, ByteView section) {
  STRATA_FAILPOINT("vector.apply.begin");
  const auto options_of = [&](std::string_view name) -> std::optional<CollectionOptions> {
    const auto collection = find(name, kLive - 1);
    return collection ? std::optional(collection->present_options()) : std::nullopt;
  };
  const Mutation mutation = STRATA_TRY(decode_mutation(section, options_of));
  for (const CollectionChange& change : mutation) {
    auto collection = find(change.name, kLive - 1);
    if (change.dropped && collection) {
      collection->drop(commit.lsn);
      collection = nullptr;
    }
    if (change.created) {
      if (collection) {
        return Error(ErrorCode::corruption,
                     "vector section: creates a collection that exists: \"" + std::string(change.name) + "\"");
      }
      collection = make_collection(change, commit.lsn);
      core::WriterLock lock(collections_mutex_);
      collections_[collection->name()].push_back(collection);
    }
    if (change.altered) {
      reshape(*collection, *change.altered, commit.lsn);
      if (recovered_) {
        want_indexes(*collection);
        for (const auto& vector : collection->all_vectors()) want_indexes(*vector);
      }
    }
    for (const PointChange& point : change.points) STRATA_TRY(collection->apply(commit.lsn, point));
    if (!collection) continue;
    want_graphs_of_deltas(*collection);
    for (const auto& vector : collection->live_vectors()) want_graphs_of_deltas(*vector);
  }
  applied_.store(commit.lsn, std::memory_order_release);
  STRATA_CRASHPOINT("vector.apply.end");
  return {};
}

void VectorParticipant::want_graphs_of_deltas(Collection& collection) {
  if (!walks(collection)) return;
  if (auto delta = collection.delta_that_needs_a_graph(options_.graph_rows_min)) graphs_.want(std::move(delta));
}

Result<transaction::Summary> VectorParticipant::summarize(Lsn view) {
  transaction::Summary summary;
  for (const auto& collection : every_collection()) {
    if (!collection->visible(view)) continue;
    Bytes head;
    core::Encoder out(head);
    out.text(collection->name());
    const Layout layout = collection->layout(view);
    encode_options(content_of(layout.options), out);
    summary.add(core::xxh3_128(head));
    const bool holds_vectors = layout.options.dimension > 0 || !layout.in_rows.empty();
    const auto parts = STRATA_TRY(collection->parts(view));
    std::vector<float> room;
    for (const Part* part : parts->all) {
      const Row rows = part->rows();
      for (Row row = 0; row < rows; ++row) {
        if (!part->visible(row, view)) continue;
        Bytes sizes;
        core::Encoder point(sizes);
        point.text(collection->name());
        point.text(STRATA_TRY(part->id(row)));
        const ByteView payload = STRATA_TRY(part->payload(row));
        point.varint(payload.size());
        core::Hasher128 hasher;
        hasher.update(sizes);
        hasher.update(payload);
        if (holds_vectors) hasher.update(STRATA_TRY(part->elements(row, room)));
        hasher.update(to_term_list(STRATA_TRY(part->terms(row))));
        summary.add(hasher.digest());
      }
    }
  }
  return summary;
}

Result<std::vector<transaction::Damage>> VectorParticipant::verify() {
  std::vector<transaction::Damage> found;
  for (const auto& collection : every_collection()) {
    for (const auto& segment : collection->unchecked_parts()->segments) {
      for (transaction::Damage& damage : segment->verify()) found.push_back(std::move(damage));
      const auto index = segment->index_file();
      if (!index) continue;
      for (transaction::Damage& damage : index->verify()) found.push_back(std::move(damage));
    }
  }
  if (auto damage = STRATA_TRY(verify_deletes())) found.push_back(*std::move(damage));
  return found;
}

transaction::Statistics VectorParticipant::statistics() {
  std::uint64_t items = 0, collections = 0, segments = 0, bytes_on_disk = 0, bytes_in_memory = 0, rows = 0;
  std::uint64_t graphs = 0, rows_in_graphs = 0, in_lists = 0, rows_in_lists = 0;
  for (const auto& collection : every_collection()) {
    if (collection->deleted() == kLive && !keeps_vector(collection->name())) {
      ++collections;
      items += collection->latest_totals().points;
    }
    const auto parts = collection->unchecked_parts();
    segments += parts->segments.size();
    for (const auto& segment : parts->segments) {
      bytes_on_disk += segment->file_bytes();
      rows += segment->rows();
      bytes_in_memory += segment->bytes_in_memory();
      const auto index = segment->index_file();
      if (!index || index->damaged()) continue;
      const bool lists = segment->lists_file() != nullptr;
      ++(lists ? in_lists : graphs);
      (lists ? rows_in_lists : rows_in_graphs) += segment->rows();
      bytes_on_disk += index->file().bytes;
    }
    for (const auto& delta : parts->deltas) {
      bytes_in_memory += delta->bytes_in_memory();
      rows += delta->rows();
      const PartGraph graph = delta->graph();
      if (graph.view == nullptr) continue;
      ++graphs;
      rows_in_graphs += graph.view->rows;
    }
  }
  transaction::Statistics out{{"items", items},
                              {"collections", collections},
                              {"segments", segments},
                              {"rows", rows},
                              {"graphs", graphs},
                              {"rows_in_graphs", rows_in_graphs},
                              {"segments_in_lists", in_lists},
                              {"rows_in_lists", rows_in_lists},
                              {"rows_waiting_for_graphs", graphs_.rows_waiting()},
                              {"rows_linked", graphs_.rows_linked()},
                              {"bytes_on_disk", bytes_on_disk},
                              {"bytes_in_memory", bytes_in_memory},
                              {"memory_bytes_max", memory_->bytes()},
                              {"memory_releases", memory_->releases()}};
  if (const auto error = graphs_.error()) out.set("graph_error", error->message());
  return out;
}

}  // namespace strata::store::vector
