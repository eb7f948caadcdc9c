#include "store/vector/collection.h"

#include <algorithm>

#include "core/assert.h"
#include "store/vector/collection_options.h"

namespace strata::store::vector {

namespace {

bool changes_vector(const PointChange& change, const Layout& layout, std::string_view vector) {
  return std::any_of(change.vectors.begin(), change.vectors.end(),
                     [&](const VectorChange& each) { return layout.options.vectors[each.place].name == vector; });
}

std::uint64_t budget_of(const IndexOptions& index) { return index.memory_bytes == 0 ? UINT64_MAX : index.memory_bytes; }

}  // namespace

Collection::Collection(std::uint64_t id, std::string name, const CollectionOptions& options, Lsn created,
                       std::shared_ptr<MemoryBudget> of_store, std::vector<std::shared_ptr<Collection>> vectors)
    : id_(id),
      name_(std::move(name)),
      options_(of_rows(options)),
      created_(created),
      store_budget_(std::move(of_store)),
      budget_(std::make_shared<MemoryBudget>(budget_of(options.index))),
      layouts_{{created, options, {}}},
      vectors_(std::move(vectors)) {
  take_live_layout();
}

IndexOptions Collection::index() const {
  const core::MutexLock lock(layout_mutex_);
  return index_;
}

QuantizationOptions Collection::quantization() const {
  const core::MutexLock lock(layout_mutex_);
  return quantization_;
}

void Collection::take_live_layout() {
  live_ = layout(kLive - 1);
  live_vectors_ = vectors(live_);
}

Layout Collection::layout(Lsn view) const {
  Layout layout;
  {
    const core::MutexLock lock(layout_mutex_);
    auto at = layouts_.rbegin();
    while (at + 1 != layouts_.rend() && at->since > view) ++at;
    layout = *at;
    index_rows_as_now(layout.options);
  }
  index_vectors_as_now(layout);
  return layout;
}

std::vector<Layout> Collection::layouts() const {
  std::vector<Layout> all;
  {
    const core::MutexLock lock(layout_mutex_);
    all = layouts_;
    for (Layout& each : all) index_rows_as_now(each.options);
  }
  for (Layout& each : all) index_vectors_as_now(each);
  return all;
}

void Collection::index_rows_as_now(CollectionOptions& options) const {
  if (options.dimension == 0) return;
  options.index = index_;
  options.quantization = quantization_;
}

void Collection::index_vectors_as_now(Layout& layout) const {
  for (NamedVector& each : layout.options.vectors) {
    if (each.kind == VectorKind::sparse) continue;
    const auto kept = vector(each.name, layout.since);
    if (kept == nullptr) continue;
    each.index = kept->index();
    each.quantization = kept->quantization();
  }
}

std::shared_ptr<Collection> Collection::vector(std::string_view name, Lsn view) const {
  const std::string whole = name_of_vector(name_, name);
  const core::MutexLock lock(layout_mutex_);
  for (const auto& each : vectors_) {
    if (each->name() == whole && each->visible(view)) return each;
  }
  return nullptr;
}

std::vector<std::shared_ptr<Collection>> Collection::vectors(const Layout& layout) const {
  std::vector<std::shared_ptr<Collection>> kept;
  for (const NamedVector& each : layout.options.vectors) kept.push_back(vector(each.name, layout.since));
  return kept;
}

std::vector<std::shared_ptr<Collection>> Collection::all_vectors() const {
  const core::MutexLock lock(layout_mutex_);
  return vectors_;
}

Lsn Collection::rows_vector_gone() const {
  if (options_.dimension == 0) return kLive;
  const core::MutexLock lock(layout_mutex_);
  Lsn gone = kLive;
  for (auto each = layouts_.rbegin(); each != layouts_.rend(); ++each) {
    if (each->options.dimension > 0 || !each->in_rows.empty()) break;
    gone = each->since;
  }
  return gone;
}

void Collection::reshape(Lsn lsn, const Reshape& reshape, std::vector<std::shared_ptr<Collection>> added) {
  const Layout before = live_;
  if (reshapes(before.options, reshape)) {
    for (std::size_t i = 0; i < live_vectors_.size(); ++i) {
      const std::string& name = before.options.vectors[i].name;
      if (std::binary_search(reshape.dropped.begin(), reshape.dropped.end(), name)) live_vectors_[i]->drop(lsn);
    }
    std::string in_rows = reshape.named.empty() ? before.in_rows : reshape.named;
    if (std::binary_search(reshape.dropped.begin(), reshape.dropped.end(), in_rows)) in_rows.clear();
    if (!reshape.named.empty()) active_ = nullptr;  // the next row holds no vector
    const core::MutexLock lock(layout_mutex_);
    vectors_.insert(vectors_.end(), added.begin(), added.end());
    layouts_.push_back({lsn, reshape.options, std::move(in_rows)});
  }
  index_as(reshape.options);
  take_live_layout();
}

void Collection::index_as(const CollectionOptions& options) {
  const Layout now = layout(kLive - 1);
  if (options.dimension > 0) alter(options.index, options.quantization);
  const auto kept = vectors(now);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const NamedVector& each = options.vectors[i];
    if (each.kind == VectorKind::sparse) continue;
    kept[i]->alter(each.index, each.quantization);
    if (each.name == now.in_rows) alter(each.index, each.quantization);
  }
}

void Collection::alter(const IndexOptions& index, const QuantizationOptions& quantization) {
  {
    const core::MutexLock lock(layout_mutex_);
    index_ = index;
    quantization_ = quantization;
  }
  budget_->set_bytes(budget_of(index));
}

void Collection::restore_layouts(std::vector<Layout> layouts) {
  {
    const core::MutexLock lock(layout_mutex_);
    layouts_ = std::move(layouts);
  }
  take_live_layout();
}

void Collection::forget_before(Lsn horizon) {
  const core::MutexLock lock(layout_mutex_);
  while (layouts_.size() > 1 && layouts_[1].since <= horizon) layouts_.erase(layouts_.begin());
  std::erase_if(vectors_, [horizon](const auto& each) { return each->deleted() <= horizon; });
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

Result<std::shared_ptr<const PartList>> Collection::parts_with_vectors(Lsn view) const {
  std::shared_ptr<const PartList> parts = STRATA_TRY(this->parts(view));
  const auto holds_none = [](const Part* part) { return part->dimension() == 0; };
  if (std::none_of(parts->all.begin(), parts->all.end(), holds_none)) return parts;
  auto with = std::make_shared<PartList>(*parts);
  std::erase_if(with->all, holds_none);
  return std::shared_ptr<const PartList>(std::move(with));
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
    CollectionOptions options = options_;
    if (live_.options.dimension == 0) options.dimension = 0;
    parts->deltas.push_back(std::make_shared<Delta>(options));
    active_ = parts->deltas.back().get();
    publish(std::move(parts));
  }
  return *active_;
}

std::shared_ptr<Delta> Collection::delta_that_needs_a_graph(Row rows_min) const {
  if (active_ == nullptr || active_->dimension() == 0 || !active_->claim_graph(rows_min)) return nullptr;
  return unchecked_parts()->deltas.back();
}

Result<Collection::Live> Collection::find_live(const PartList& parts, std::string_view id, std::uint64_t hash) const {
  for (Part* part : parts.all) {
    if (const auto row = STRATA_TRY(part->find(id, hash, kLive - 1))) return Live{part, *row};
  }
  return Live{};
}

Result<void> Collection::apply(Lsn lsn, const PointChange& change) {
  using Kind = PointChange::Kind;
  const auto parts = STRATA_TRY(this->parts(kLive - 1));
  const std::uint64_t hash = hash_of_id(change.id);
  const Live before = STRATA_TRY(find_live(*parts, change.id, hash));
  const bool exists = change.kind == Kind::set_payload || change.kind == Kind::set_vectors;
  if (exists && before.part == nullptr) {
    return Error(ErrorCode::corruption, "vector section: a change of a point that does not exist: \"" + name_ + ":" +
                                            std::string(change.id) + "\"");
  }
  // The row holds a vector that has a name by now, and that this change replaces or takes away: it goes on without.
  const bool holds = before.part != nullptr && !live_.in_rows.empty() && before.part->dimension() > 0;
  const bool loses = holds && change.kind == Kind::set_vectors && changes_vector(change, live_, live_.in_rows);
  if (change.kind == Kind::set_vectors && !loses) {
    return apply_to_vectors(lsn, change, STRATA_TRY(before.part->payload(before.row)), {});
  }
  ByteView elements = change.elements;
  ByteView payload = change.payload;
  ByteView terms = change.terms;
  ByteView carried;
  std::uint32_t words = change.words;
  std::vector<float> room;
  Bytes kept_terms;
  if (exists) {
    (live_.options.dimension > 0 ? elements : carried) = STRATA_TRY(before.part->elements(before.row, room));
    if (loses) payload = STRATA_TRY(before.part->payload(before.row));
    kept_terms = to_term_list(STRATA_TRY(before.part->terms(before.row)));
    terms = kept_terms;
    words = before.part->length(before.row);
  }
  if (!holds || loses) carried = {};
  // From here on nothing fails. The new version first: a reader that meets both sees neither at its view or the right one.
  if (change.kind != Kind::remove) {
    active().append(lsn, change.id, hash, elements, payload, terms, words);
    count(lsn, +1, words);
  }
  if (before.part != nullptr) {
    before.part->mark_deleted(before.row, lsn);
    count(lsn, -1, before.part->length(before.row));
  }
  return apply_to_vectors(lsn, change, payload, carried);
}

Result<void> Collection::apply_to_vectors(Lsn lsn, const PointChange& change, ByteView payload, ByteView carried) {
  auto listed = change.vectors.begin();
  for (std::size_t place = 0; place < live_vectors_.size(); ++place) {
    Collection& vector = *live_vectors_[place];
    const bool changes = listed != change.vectors.end() && listed->place == place;
    const bool takes = !carried.empty() && live_.options.vectors[place].name == live_.in_rows;
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
    } else if (change.kind == PointChange::Kind::set_payload && takes) {
      own.kind = PointChange::Kind::upsert;
      own.elements = carried;
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
  for (const auto& vector : live_vectors_) vector->drop(lsn);
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
