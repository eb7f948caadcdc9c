#include "store/array/array_store.h"

#include <algorithm>
#include <set>

#include "core/assert.h"
#include "core/failpoint.h"
#include "store/array/layout.h"
#include "store/array/mutation.h"

namespace strata::store::array {
namespace {

Error contradicts(std::string what) {
  return Error(ErrorCode::corruption, "an array record contradicts the state: " + std::move(what));
}

}  // namespace

ArrayParticipant::ArrayParticipant(io::FileSystem& files, const ArrayOptions& options)
    : options_(options), files_(std::make_shared<PartFiles>(files, options.open_files_max)) {}

ArrayParticipant::~ArrayParticipant() = default;

// ---- the catalog -----------------------------------------------------------------------------------------------------

std::shared_ptr<Dataset> ArrayParticipant::find_dataset(std::string_view name, Lsn view) const {
  const core::ReaderLock lock(catalog_mutex_);
  const auto at = catalog_.find(name);
  if (at == catalog_.end()) return nullptr;
  const auto& versions = at->second;
  const auto found =
      std::find_if(versions.rbegin(), versions.rend(), [&](const auto& d) { return d->visible_at(view); });
  return found == versions.rend() ? nullptr : *found;
}

std::vector<std::shared_ptr<Dataset>> ArrayParticipant::all_datasets() const {
  const core::ReaderLock lock(catalog_mutex_);
  std::vector<std::shared_ptr<Dataset>> all;
  for (const auto& [name, versions] : catalog_) all.insert(all.end(), versions.begin(), versions.end());
  return all;
}

std::vector<std::shared_ptr<Dataset>> ArrayParticipant::datasets_at(Lsn view) const {
  auto all = all_datasets();
  std::erase_if(all, [&](const auto& dataset) { return !dataset->visible_at(view); });
  return all;
}

// ---- files written ahead ---------------------------------------------------------------------------------------------

Result<FileReference> ArrayParticipant::write_ahead(const DatasetOptions& options, std::uint64_t rows, ByteView data) {
  const std::uint64_t each = row_bytes(options);
  const auto source = [&](std::uint64_t begin, std::uint64_t count, std::span<std::byte> out) -> Result<void> {
    const ByteView piece = data.subspan(begin * each, count * each);
    std::copy(piece.begin(), piece.end(), out.begin());
    return {};
  };
  return STRATA_TRY(files_->write(options, rows, nullptr, source)).file;
}

std::shared_ptr<Part> ArrayParticipant::written_part(const DatasetOptions& options, const FileReference& file,
                                                     std::uint64_t rows) {
  PartDescription description;
  description.file = file;
  description.rows = rows;
  return std::make_shared<Part>(files_, options, std::move(description));
}

void ArrayParticipant::remove_written(const FileReference& file) {
  PartDescription description;
  description.file = file;
  files_->remove(description);
}

// ---- records -----------------------------------------------------------------------------------------------------------

/// The effects of one section. Whatever does not fit the state is corruption: the transaction was validated.
class ArrayParticipant::Applier {
 public:
  Applier(ArrayParticipant& store, Lsn lsn) : store_(store), lsn_(lsn) {}

  Result<void> operator()(const CreateDataset& m) {
    if (store_.find_dataset(m.dataset, lsn_)) return contradicts("dataset exists already: " + std::string(m.dataset));
    auto dataset = std::make_shared<Dataset>(store_.next_id_++, std::string(m.dataset), m.options, lsn_);
    leave();
    const core::WriterLock lock(store_.catalog_mutex_);
    store_.catalog_[dataset->name()].push_back(std::move(dataset));
    return {};
  }
  Result<void> operator()(const DropDataset& m) {
    STRATA_TRY(target(m.dataset))->drop(lsn_);
    leave();
    return {};
  }
  Result<void> operator()(const AppendRows& m) {
    Dataset* dataset = STRATA_TRY(target(m.dataset));
    const std::uint64_t each = dataset->bytes_per_row();
    if (m.data.size() / each != m.rows || m.data.size() % each != 0) return contradicts("rows of another size");
    if (m.data.size() > MemorySegment::kBytesMax) return contradicts("an append too large for a record");
    dataset->append(lsn_, m.rows, m.key, m.data);
    return {};
  }
  Result<void> operator()(const AdoptPart& m) {
    Dataset* dataset = STRATA_TRY(target(m.dataset));
    store_.files_->number_used(m.file.number);
    PartDescription part;
    part.file = m.file;
    part.rows = m.rows;
    part.first_lsn = part.last_lsn = lsn_;
    part.key = m.key;
    dataset->adopt(std::make_shared<Part>(store_.files_, dataset->options(), std::move(part)));
    return {};
  }
  Result<void> operator()(const ClearRows& m) {
    Dataset* dataset = STRATA_TRY(target(m.dataset));
    const std::uint64_t base = m.own ? own_base_ : 0;
    if (m.begin > kRowsMax || m.end > kRowsMax) return contradicts("a clear beyond every row");
    dataset->clear(lsn_, base + m.begin, base + m.end);
    return {};
  }
  Result<void> operator()(SetAttribute& m) {
    STRATA_TRY(target(m.dataset))->set_attribute(lsn_, m.name, std::move(m.value));
    return {};
  }

 private:
  /// The dataset and, in own_base_, its length before this section. Sections mostly stay with one dataset.
  Result<Dataset*> target(std::string_view name) {
    if (last_ && last_->name() == name) return last_.get();
    leave();
    last_ = store_.find_dataset(name, lsn_);
    if (!last_) return contradicts("no such dataset: " + std::string(name));
    const auto known = bases_.find(last_.get());
    own_base_ = known != bases_.end() ? known->second : last_->rows_now();
    return last_.get();
  }

  void leave() {
    if (last_) bases_[last_.get()] = own_base_;
    last_.reset();
  }

  ArrayParticipant& store_;
  const Lsn lsn_;
  std::shared_ptr<Dataset> last_;
  std::uint64_t own_base_ = 0;
  std::map<Dataset*, std::uint64_t> bases_;
};

Result<void> ArrayParticipant::apply(const transaction::Commit& commit, ByteView section) {
  STRATA_FAILPOINT("array.apply.begin");
  SectionReader reader(section);
  Applier applier(*this, commit.lsn);
  while (auto mutation = STRATA_TRY(reader.next())) STRATA_TRY(std::visit(applier, *mutation));
  applied_.store(commit.lsn, std::memory_order_release);
  STRATA_CRASHPOINT("array.apply.end");
  return {};
}

// ---- opening -------------------------------------------------------------------------------------------------------------

Result<std::vector<std::string>> ArrayParticipant::files_in_directory() {
  if (!STRATA_TRY(files_->files().exists(kDirectory))) return std::vector<std::string>{};
  return files_->files().list(kDirectory);
}

Result<void> ArrayParticipant::open(const transaction::Checkpoint* last) {
  // Numbers of leftovers are not used again either: a transaction may still be about to remove its file by name.
  for (const std::string& name : STRATA_TRY(files_in_directory())) {
    const std::string digits = name.substr(0, name.find('.'));
    if (digits.empty() || digits.size() > 18 || digits.find_first_not_of("0123456789") != std::string::npos) continue;
    files_->number_used(std::stoull(digits));
  }
  if (last == nullptr) return {};
  const StoreState state = STRATA_TRY(decode_store_state(last->state));
  if (state.next_number > 1) files_->number_used(state.next_number - 1);
  next_id_ = state.next_id;
  const core::WriterLock lock(catalog_mutex_);
  for (const DatasetState& each : state.datasets) {
    auto dataset = std::make_shared<Dataset>(each.id, each.name, each.options, each.created);
    std::vector<std::shared_ptr<Segment>> segments;
    for (const PartDescription& part : each.parts)
      segments.push_back(std::make_shared<Part>(files_, each.options, part));
    dataset->restore(std::move(segments), each.clears, each.attributes,
                     each.dropped == 0 ? Dataset::kNever : each.dropped);
    catalog_[each.name].push_back(std::move(dataset));
  }
  applied_.store(last->lsn, std::memory_order_release);
  durable_.store(last->lsn, std::memory_order_release);
  return {};
}

Result<void> ArrayParticipant::recovered(Lsn) {
  std::set<std::string> named{std::string(kVirtualIndex)};
  for (const auto& dataset : all_datasets()) {
    for (const auto& segment : dataset->segments()) {
      if (segment->in_memory()) continue;
      const PartDescription& part = static_cast<const Part&>(*segment).description();
      named.insert(rows_file_name(part.file.number));
      if (part.index) named.insert(index_file_name(part.index->number));
    }
  }
  bool any = false, index_is_old = false;
  for (const std::string& name : STRATA_TRY(files_in_directory())) {
    const std::string path = std::string(kDirectory) + "/" + name;
    if (named.contains(path)) continue;
    // Only a crash between the manifest and the renaming of the index leaves this: the old index may name removed parts.
    index_is_old = index_is_old || path == std::string(kVirtualIndex) + ".tmp";
    STRATA_TRY(files_->files().remove(path));
    any = true;
  }
  if (index_is_old) (void)rewrite_virtual_index().has_value();  // derived, and no reason not to open
  if (any) STRATA_TRY(files_->files().sync_directory(kDirectory));
  return {};
}

Result<std::vector<std::string>> ArrayParticipant::written_ahead() {
  std::vector<std::string> names;
  for (const std::string& name : STRATA_TRY(files_in_directory())) {
    const std::string path = std::string(kDirectory) + "/" + name;
    if (!name.ends_with(".tmp") && path != kVirtualIndex) names.push_back(path);
  }
  return names;
}

Result<void> ArrayParticipant::close() { return {}; }

// ---- what is there -------------------------------------------------------------------------------------------------------

Result<transaction::Summary> ArrayParticipant::summarize(Lsn view) {
  transaction::Summary summary;
  Bytes item;
  for (const auto& dataset : datasets_at(view)) {
    const auto begin_item = [&](char kind) {
      item.clear();
      core::Encoder out(item);
      out.u8(static_cast<std::uint8_t>(kind));
      out.text(dataset->name());
      return out;
    };
    auto head = begin_item('d');
    encode(head, dataset->options());
    const std::uint64_t rows = STRATA_TRY(dataset->rows_at(view));
    head.varint(rows);
    summary.add(core::xxh3_128(item));
    for (const auto& [name, value] : dataset->attributes_at(view)) {
      auto out = begin_item('a');
      out.text(name);
      out.value(value);
      summary.add(core::xxh3_128(item));
    }
    // Rows by blocks that depend on their index alone, so that parts and memory do not show.
    const std::uint64_t block = std::max<std::uint64_t>(1, (1 << 20) / dataset->bytes_per_row());
    Bytes data;
    for (std::uint64_t begin = 0; begin < rows; begin += block) {
      const std::uint64_t end = std::min(rows, begin + block);
      data.resize((end - begin) * dataset->bytes_per_row());
      STRATA_TRY(dataset->read(view, begin, end, data));
      auto out = begin_item('r');
      out.varint(begin);
      const core::Hash128 hash = core::xxh3_128(data);
      out.u64(hash.low);
      out.u64(hash.high);
      summary.add(core::xxh3_128(item));
    }
    STRATA_TRY(dataset->visit_appends(view, [&](const Append& append, const KeyDigest* key) {
      auto out = begin_item('k');
      out.varint(append.begin);
      out.varint(append.end);
      if (key != nullptr) out.raw(key->data(), key->size());
      summary.add(core::xxh3_128(item));
    }));
  }
  return summary;
}

Result<std::vector<transaction::Damage>> ArrayParticipant::verify() {
  std::vector<transaction::Damage> damage;
  for (const auto& dataset : all_datasets()) {
    for (const auto& segment : dataset->segments()) {
      if (!segment->in_memory()) STRATA_TRY(static_cast<Part&>(*segment).verify(damage));
    }
  }
  return damage;
}

transaction::Statistics ArrayParticipant::statistics() {
  std::uint64_t datasets = 0, rows = 0, parts = 0, on_disk = 0, in_memory = 0, clears = 0;
  for (const auto& dataset : all_datasets()) {
    if (dataset->dropped() == Dataset::kNever) {
      ++datasets;
      rows += dataset->rows_now();
    }
    clears += dataset->clears().size();
    in_memory += dataset->bytes_in_memory();
    for (const auto& segment : dataset->segments()) {
      if (segment->in_memory()) continue;
      ++parts;
      const PartDescription& part = static_cast<const Part&>(*segment).description();
      on_disk += part.file.bytes + (part.index ? part.index->bytes : 0);
    }
  }
  return {{"items", rows},
          {"datasets", datasets},
          {"segments", parts},
          {"bytes_on_disk", on_disk},
          {"bytes_in_memory", in_memory},
          {"pending_clears", clears},
          {"open_files", files_->open_readers()}};
}

}  // namespace strata::store::array
