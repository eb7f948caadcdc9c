#include "store/vector/collection.h"

#include <algorithm>

#include "core/assert.h"
#include "store/vector/collection_options.h"

namespace strata::store::vector {

namespace {

std::uint64_t budget_of(const IndexOptions& index) { return index.memory_bytes == 0 ? UINT64_MAX : index.memory_bytes; }

}  // namespace

Collection::Collection(std::uint64_t id, std::string name, const CollectionOptions& options, Lsn created,
                       std::shared_ptr<MemoryBudget> of_store, std::vector<std::shared_ptr<Collection>> vectors)
    : id_(id),
      name_(std::move(name)),
      options_(options),
      created_(created),
      vectors_(std::move(vectors)),
      store_budget_(std::move(of_store)),
      budget_(std::make_shared<MemoryBudget>(budget_of(options.index))) {}

CollectionOptions Collection::present_options() const {
  CollectionOptions options = options_;
  for (std::size_t i = 0; i < vectors_.size(); ++i) {
    if (options.vectors[i].kind == VectorKind::sparse) continue;
    options.vectors[i].index = vectors_[i]->index();
    options.vectors[i].quantization = vectors_[i]->quantization();
  }
  const core::MutexLock lock(indexing_mutex_);
  options.index = index_;
  options.quantization = quantization_;
  return options;
}

IndexOptions Collection::index() const {
  const core::MutexLock lock(indexing_mutex_);
  return index_;
}

QuantizationOptions Collection::quantization() const {
  const core::MutexLock lock(indexing_mutex_);
  return quantization_;
}

IndexFigures Collection::index_figures() const {
  IndexFigures figures;
  const auto parts = unchecked_parts();
  Row largest = 0;
  for (const auto& segment : parts->segments) {
    const auto index = segment->index_file();
    if (!index || index->damaged()) continue;
    figures.rows += segment->rows();
    if (segment->rows() < largest) continue;
    largest = segment->rows();
    const auto graph = segment->graph_file();
    const GraphMaking making = graph ? graph->making() : GraphMaking{.chosen = resolved({})};
    figures.quantization = making.chosen;
    figures.code_bytes =
        graph ? making.code_bytes : static_cast<std::uint32_t>(distance::half_stride(options_.dimension));
    figures.recall = making.recall;
  }
  for (const auto& delta : parts->deltas) {
    if (const PartGraph graph = delta->graph(); graph.view != nullptr) figures.rows += graph.view->rows;
  }
  return figures;
}

void Collection::alter(const CollectionOptions& options) {
  {
    const core::MutexLock lock(indexing_mutex_);
    index_ = options.index;
    quantization_ = options.quantization;
  }
  budget_->set_bytes(budget_of(options.index));
  for (std::size_t i = 0; i < vectors_.size(); ++i) {
    if (options.vectors[i].kind == VectorKind::dense) vectors_[i]->alter(options_of_vector(options.vectors[i]));
  }
}

std::shared_ptr<const PartList> Collection::unchecked_parts() const {
  core::MutexLock lock(parts_mutex_);
  return parts_;
}

Result<std::shared_ptr<const PartList>> Collection::parts(Lsn view) const {
  std::shared_ptr<const PartList> parts = unchecked_parts();
  bool hides = false;
  for (const auto& segment : parts->segments) {
    STRATA_TRY(segment->prepare());
    hides = hides || segment->none_visible(view);
  }
  if (!hides) return parts;
  auto seen = std::make_shared<PartList>(*parts);
  std::erase_if(seen->all, [view](const Part* part) { return part->none_visible(view); });
  return std::shared_ptr<const PartList>(std::move(seen));
}

void Collection::publish(std::shared_ptr<PartList> parts) {
  parts->all.clear();
  for (auto delta = parts->deltas.rbegin(); delta != parts->deltas.rend(); ++delta) parts->all.push_back(delta->get());
  for (auto segment = parts->segments.rbegin(); segment != parts->segments.rend(); ++segment) {
    parts->all.push_back(segment->get());
  }
  core::MutexLock lock(parts_mutex_);
  parts_ = std::move(parts);
}

Result<Totals> Collection::totals(Lsn view) const {
  {
    core::MutexLock lock(totals_mutex_);
    if (totals_lsn_ <= view) return totals_;
  }
  const auto parts = STRATA_TRY(this->parts(view));
  Totals totals;
  for (const Part* part : parts->all) {
    const Row rows = part->rows();
    for (Row row = 0; row < rows; ++row) {
      if (!part->visible(row, view)) continue;
      const std::uint32_t length = part->length(row);
      ++totals.points;
      totals.texts += length > 0 ? 1 : 0;
      totals.words += length;
    }
  }
  return totals;
}

Totals Collection::latest_totals() const {
  core::MutexLock lock(totals_mutex_);
  return totals_;
}

void Collection::count(Lsn lsn, int sign, std::uint32_t length) {
  core::MutexLock lock(totals_mutex_);
  const auto change = [sign](std::uint64_t& value, std::uint64_t by) { value = sign > 0 ? value + by : value - by; };
  totals_lsn_ = lsn;
  change(totals_.points, 1);
  change(totals_.texts, length > 0 ? 1 : 0);
  change(totals_.words, length);
}

Delta& Collection::active() {
  if (active_ == nullptr) {
    auto parts = std::make_shared<PartList>(*unchecked_parts());
    parts->deltas.push_back(std::make_shared<Delta>(options_));
    active_ = parts->deltas.back().get();
    publish(std::move(parts));
  }
  return *active_;
}

std::shared_ptr<Delta> Collection::delta_that_needs_a_graph(Row rows_min) const {
  if (active_ == nullptr || !active_->claim_graph(rows_min)) return nullptr;
  return unchecked_parts()->deltas.back();
}

Result<Collection::Live> Collection::find_live(const PartList& parts, std::string_view id, std::uint64_t hash) const {
  for (Part* part : parts.all) {
    if (const auto row = STRATA_TRY(part->find(id, hash, kLive - 1))) return Live{part, *row};
  }
  return Live{};
}

Result<void> Collection::apply(Lsn lsn, const PointChange& change) {
  const bool adds = change.kind == PointChange::Kind::upsert || change.kind == PointChange::Kind::set_payload;
  Delta* into = adds ? &active() : nullptr;
  const auto parts = STRATA_TRY(this->parts(kLive - 1));
  const std::uint64_t hash = hash_of_id(change.id);
  const Live before = STRATA_TRY(find_live(*parts, change.id, hash));
  const bool exists = change.kind == PointChange::Kind::set_payload || change.kind == PointChange::Kind::set_vectors;
  if (exists && before.part == nullptr) {
    return Error(ErrorCode::corruption, "vector section: a change of a point that does not exist: \"" + name_ + ":" +
                                            std::string(change.id) + "\"");
  }
  if (change.kind == PointChange::Kind::set_vectors) {
    return apply_to_vectors(lsn, change, STRATA_TRY(before.part->payload(before.row)));
  }
  ByteView elements = change.elements;
  ByteView terms = change.terms;
  std::uint32_t words = change.words;
  Bytes kept_terms;
  if (change.kind == PointChange::Kind::set_payload) {
    elements = STRATA_TRY(before.part->elements(before.row));
    kept_terms = to_term_list(STRATA_TRY(before.part->terms(before.row)));
    terms = kept_terms;
    words = before.part->length(before.row);
  }
  // From here on nothing fails. The new version first: a reader that meets both sees neither at its view or the right one.
  if (into != nullptr) {
    into->append(lsn, change.id, hash, elements, change.payload, terms, words);
    count(lsn, +1, words);
  }
  if (before.part != nullptr) {
    before.part->mark_deleted(before.row, lsn);
    count(lsn, -1, before.part->length(before.row));
  }
  return apply_to_vectors(lsn, change, change.payload);
}

Result<void> Collection::apply_to_vectors(Lsn lsn, const PointChange& change, ByteView payload) {
  auto listed = change.vectors.begin();
  for (std::size_t place = 0; place < vectors_.size(); ++place) {
    Collection& vector = *vectors_[place];
    const bool changes = listed != change.vectors.end() && listed->place == place;
    PointChange own;
    own.id = change.id;
    own.payload = payload;
    if (changes && listed->given) {
      own.kind = PointChange::Kind::upsert;
      if (vector.options().dimension > 0) {
        own.elements = listed->bytes;
      } else {
        own.terms = listed->bytes;
        own.words = static_cast<std::uint32_t>(core::Decoder(listed->bytes).count(5));
      }
    } else if (changes || change.kind == PointChange::Kind::upsert || change.kind == PointChange::Kind::remove) {
      own.kind = PointChange::Kind::remove;
    } else if (change.kind == PointChange::Kind::set_payload) {
      const auto parts = STRATA_TRY(vector.parts(kLive - 1));
      if (STRATA_TRY(vector.find_live(*parts, change.id, hash_of_id(change.id))).part == nullptr) continue;
      own.kind = PointChange::Kind::set_payload;
    } else {
      continue;
    }
    if (changes) ++listed;
    STRATA_TRY(vector.apply(lsn, own));
  }
  return {};
}

void Collection::drop(Lsn lsn) {
  deleted_.store(lsn, std::memory_order_relaxed);
  for (const auto& vector : vectors_) vector->drop(lsn);
}

void Collection::restore(std::vector<std::shared_ptr<Segment>> segments, const Totals& totals, Lsn lsn, Lsn deleted) {
  auto parts = std::make_shared<PartList>();
  parts->segments = std::move(segments);
  for (const auto& segment : parts->segments) segment->keep_within(store_budget_, budget_);
  publish(std::move(parts));
  deleted_.store(deleted, std::memory_order_relaxed);
  core::MutexLock lock(totals_mutex_);
  totals_ = totals;
  totals_lsn_ = lsn;
}

void Collection::freeze() { active_ = nullptr; }

void Collection::install(const Replacement& replacement) {
  auto parts = std::make_shared<PartList>(*unchecked_parts());
  const auto replaced = [&](const auto& part) {
    return std::find(replacement.replaced.begin(), replacement.replaced.end(), part.get()) !=
           replacement.replaced.end();
  };
  // Rows that were deleted while the file was written.
  for (const Replacement::Made& made : replacement.made) {
    for (std::size_t i = 0; i < made.sources.size(); ++i) {
      const SourceRow& source = made.sources[i];
      const Lsn now = source.part->deleted(source.row);
      if (now != source.deleted) made.segment->mark_deleted(static_cast<Row>(i), now);
    }
  }
  std::erase_if(parts->segments, replaced);
  std::erase_if(parts->deltas, replaced);
  for (const Replacement::Made& made : replacement.made) {
    made.segment->keep_within(store_budget_, budget_);
    parts->segments.push_back(made.segment);
  }
  publish(std::move(parts));
}

}  // namespace strata::store::vector
