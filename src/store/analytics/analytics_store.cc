#include "store/analytics/analytics_store.h"

#include <algorithm>
#include <unordered_set>

#include "core/assert.h"
#include "core/failpoint.h"

namespace strata::store::analytics {
namespace {

using transaction::Checkpoint;
using transaction::Commit;
using transaction::Damage;

constexpr std::uint8_t kStateVersion = 1;
constexpr std::uint64_t kBatchBytes = 16 << 20;  // that go into DuckDB in one transaction
constexpr std::size_t kPartsMerged = 4;          // neighbours of one size become one

MirrorOptions mirror_options(const AnalyticsOptions& options) {
  return {options.database, options.memory_bytes,     options.temporary_bytes_max,
          options.threads,  options.query_timeout_ms, options.result_rows_max};
}

/// Parts of one tier differ at most fourfold in size: 0 up to 64 KiB, 1 up to 256 KiB, …
int tier_of(std::uint64_t bytes) {
  int tier = 0;
  for (std::uint64_t limit = 64 << 10; bytes > limit; limit *= 4) ++tier;
  return tier;
}

struct RowIdHash {
  std::size_t operator()(const RowId& row) const { return row.lsn * 0x9e3779b97f4a7c15ULL ^ row.ordinal; }
};

}  // namespace

AnalyticsParticipant::AnalyticsParticipant(io::FileSystem& files, const core::Clock& clock,
                                           const AnalyticsOptions& options)
    : files_(files), options_(options), mirror_(files, clock, *this, mirror_options(options)) {}

AnalyticsParticipant::~AnalyticsParticipant() { (void)close(); }  // it cannot fail

void AnalyticsParticipant::set_durable_source(std::function<Result<void>(Lsn)> make_durable) {
  const core::MutexLock lock(mutex_);
  durable_source_ = std::move(make_durable);
}

Result<void> AnalyticsParticipant::flush() { return mirror_.flush(last_lsn()); }

// ---- following the journal --------------------------------------------------------------------------------------

Result<void> AnalyticsParticipant::open(const Checkpoint* last) {
  STRATA_TRY(files_.create_directory("analytics"));
  State state;
  if (last != nullptr) {
    state = STRATA_TRY(decode_state(last->state));
    for (const PartInfo& part : state.parts) (void)STRATA_TRY(PartReader::open(files_, part));
  }
  const core::MutexLock lock(mutex_);
  checkpoint_lsn_ = last != nullptr ? last->lsn : 0;
  last_lsn_ = state.last_lsn;
  state_ = std::move(state);
  records_.clear();
  record_bytes_ = 0;
  return {};
}

Result<void> AnalyticsParticipant::apply(const Commit& commit, ByteView section) {
  STRATA_FAILPOINT("analytics.apply.begin");
  // Everything is checked before anything moves: a section that fails leaves no trace.
  CatalogPointer catalog;
  {
    const core::MutexLock lock(mutex_);
    catalog = state_.catalog;
    if (commit.lsn <= state_.last_lsn) {
      return Error(ErrorCode::corruption, "lsn " + std::to_string(commit.lsn) + " comes after lsn " +
                                              std::to_string(state_.last_lsn) + " in analytics");
    }
  }
  std::shared_ptr<Catalog> changed;
  struct Change {
    std::uint64_t id;
    std::int64_t rows;
  };
  std::vector<Change> changes;
  std::uint64_t rows = 0;
  const auto fail = [&](Error error) { return std::move(error).with_context("lsn " + std::to_string(commit.lsn)); };
  Result<void> read = for_each_operation(section, [&](const Operation& operation) -> Result<void> {
    if (operation.kind == Operation::Kind::define || operation.kind == Operation::Kind::drop) {
      if (!changed) changed = std::make_shared<Catalog>(*catalog);
      catalog = changed;
      if (operation.kind == Operation::Kind::drop) return changed->drop(operation.table, commit.lsn);
      return changed->define(operation.table, STRATA_TRY(decode_define(operation)), commit.lsn);
    }
    const Table* table = catalog->find(operation.table, commit.lsn);
    if (table == nullptr) {
      return Error(ErrorCode::corruption,
                   "the journal names a table that is not there: \"" + std::string(operation.table) + "\"");
    }
    if (operation.kind == Operation::Kind::append) {
      STRATA_TRY(decode_append(operation, table->columns, scratch_));
      rows += scratch_.rows;
      changes.push_back({table->id, static_cast<std::int64_t>(scratch_.rows)});
    } else {
      changes.push_back({table->id, -static_cast<std::int64_t>(STRATA_TRY(decode_erase(operation)).size())});
    }
    return {};
  });
  if (!read) return fail(std::move(read).error());

  auto bytes = std::make_shared<const Bytes>(section.begin(), section.end());
  const core::MutexLock lock(mutex_);
  for (const Change& change : changes) {
    Count& count = state_.counts[change.id];
    count.rows =
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, static_cast<std::int64_t>(count.rows) + change.rows));
    count.changed = commit.lsn;
  }
  if (changed) state_.catalog = std::move(changed);
  state_.chain = next_chain(state_.chain, commit.lsn, section);
  state_.last_lsn = commit.lsn;
  records_.push_back({commit.lsn, commit.time, state_.chain, std::move(bytes)});
  record_bytes_ += section.size();
  queued_rows_ += rows;
  queued_bytes_ += section.size();
  last_lsn_.store(commit.lsn, std::memory_order_release);
  STRATA_CRASHPOINT("analytics.apply.end");
  if (live_ && !flusher_called_ &&
      (queued_rows_ > options_.queued_rows_max || queued_bytes_ > options_.queued_bytes_max)) {
    flusher_called_ = true;
    if (!flusher_.joinable()) flusher_ = std::thread([this] { run_flusher(); });
    flusher_wakes_.notify_one();
  }
  return {};
}

Result<void> AnalyticsParticipant::recovered(Lsn) {
  std::unordered_set<std::string> named;
  {
    const core::MutexLock lock(mutex_);
    for (const PartInfo& part : state_.parts) named.insert(part.name());
    live_ = true;
  }
  for (const std::string& name : STRATA_TRY(files_.list("analytics"))) {
    const std::string path = "analytics/" + name;
    const bool part = name.starts_with("part-") && (name.ends_with(".rows") || name.ends_with(".rows.tmp"));
    if (part && !named.contains(path)) STRATA_TRY(files_.remove(path));
  }
  return {};
}

// The background flush: rows that nobody asks for yet leave memory's queue, so that the first query finds most of its work
// done. A failure is counted by the mirror and met again by the next query.
void AnalyticsParticipant::run_flusher() {
  for (;;) {
    {
      const core::MutexLock lock(mutex_);
      while (!flusher_called_ && !flusher_stops_) flusher_wakes_.wait(mutex_);
      if (flusher_stops_) return;
    }
    (void)flush();
    const core::MutexLock lock(mutex_);
    flusher_called_ = false;
    queued_rows_ = 0;
    queued_bytes_ = 0;
  }
}

// ---- what the mirror asks ---------------------------------------------------------------------------------------

Result<std::vector<Record>> AnalyticsParticipant::records_after(Lsn after) {
  std::vector<PartInfo> parts;
  {
    const core::MutexLock lock(mutex_);
    if (!state_.parts.empty() && after < state_.parts.back().last_lsn) parts = state_.parts;
    if (parts.empty()) {
      std::vector<Record> records;
      const auto from = std::upper_bound(records_.begin(), records_.end(), after,
                                         [](Lsn lsn, const Record& record) { return lsn < record.lsn; });
      std::uint64_t bytes = 0;
      for (auto at = from; at != records_.end() && bytes < kBatchBytes; ++at) {
        bytes += at->section->size();
        records.push_back(*at);
      }
      return records;
    }
  }
  for (const PartInfo& part : parts) {
    if (part.last_lsn <= after) continue;
    PartReader reader = STRATA_TRY(PartReader::open(files_, part));
    std::vector<Record> records;
    std::uint64_t bytes = 0;
    while (bytes < kBatchBytes) {
      std::vector<Record> block = STRATA_TRY(reader.next(after));
      if (block.empty()) break;
      for (Record& record : block) {
        bytes += record.section->size();
        records.push_back(std::move(record));
      }
    }
    if (!records.empty()) return records;
  }
  return Error(ErrorCode::corruption,
               "the part files of analytics end before lsn " + std::to_string(parts.back().last_lsn));
}

CatalogPointer AnalyticsParticipant::catalog() {
  const core::MutexLock lock(mutex_);
  return state_.catalog;
}

Result<void> AnalyticsParticipant::make_durable(Lsn lsn) {
  std::function<Result<void>(Lsn)> source;
  {
    const core::MutexLock lock(mutex_);
    source = durable_source_;
  }
  return source ? source(lsn) : Result<void>();
}

Result<bool> AnalyticsParticipant::knows(Lsn lsn, std::uint64_t chain) {
  if (lsn == 0) return chain == 0;
  std::vector<PartInfo> parts;
  {
    const core::MutexLock lock(mutex_);
    for (const Record& record : records_) {
      if (record.lsn == lsn) return record.chain == chain;
    }
    parts = state_.parts;
  }
  for (const PartInfo& part : parts) {
    if (part.last_lsn == lsn) return part.last_chain == chain;
    if (lsn < part.first_lsn || lsn > part.last_lsn) continue;
    PartReader reader = STRATA_TRY(PartReader::open(files_, part));
    const std::vector<Record> block = STRATA_TRY(reader.next(lsn - 1));
    return !block.empty() && block.front().lsn == lsn && block.front().chain == chain;
  }
  return false;
}

// ---- checkpoint -------------------------------------------------------------------------------------------------

Bytes AnalyticsParticipant::encode_state(const State& state) const {
  Bytes bytes;
  core::Encoder out(bytes);
  out.u8(kStateVersion);
  out.varint(state.last_lsn);
  out.u64(state.chain);
  out.varint(state.next_part);
  state.catalog->encode(out);
  for (const Table& table : state.catalog->tables()) {
    const auto found = state.counts.find(table.id);
    out.varint(found != state.counts.end() ? found->second.rows : 0);
    out.varint(found != state.counts.end() ? found->second.changed : 0);
  }
  out.varint(state.parts.size());
  for (const PartInfo& part : state.parts) {
    out.varint(part.number);
    out.varint(part.first_lsn);
    out.varint(part.last_lsn);
    out.u64(part.last_chain);
    out.varint(part.frames);
    out.varint(part.bytes);
    out.u64(part.hash.low);
    out.u64(part.hash.high);
  }
  return bytes;
}

Result<AnalyticsParticipant::State> AnalyticsParticipant::decode_state(ByteView bytes) const {
  core::Decoder in(bytes);
  const std::uint8_t version = in.u8();
  if (in.ok() && version != kStateVersion) {
    return Error(ErrorCode::unsupported,
                 "the checkpoint of analytics has version " + std::to_string(version) + "; this build reads version 1");
  }
  State state;
  state.last_lsn = in.varint();
  state.chain = in.u64();
  state.next_part = in.varint();
  auto catalog = std::make_shared<Catalog>(STRATA_TRY(Catalog::decode(in)));
  for (const Table& table : catalog->tables()) {
    const std::uint64_t rows = in.varint();
    state.counts[table.id] = {rows, in.varint()};
  }
  state.catalog = std::move(catalog);
  const std::size_t parts = in.count(28);
  for (std::size_t i = 0; i < parts && in.ok(); ++i) {
    PartInfo part;
    part.number = in.varint();
    part.first_lsn = in.varint();
    part.last_lsn = in.varint();
    part.last_chain = in.u64();
    part.frames = in.varint();
    part.bytes = in.varint();
    part.hash.low = in.u64();
    part.hash.high = in.u64();
    state.parts.push_back(part);
  }
  STRATA_TRY(in.finish("the checkpoint of analytics"));
  return state;
}

Result<void> AnalyticsParticipant::freeze(Lsn lsn) {
  STRATA_CRASHPOINT("analytics.freeze");
  const core::MutexLock checkpoint_lock(checkpoint_mutex_);
  const core::MutexLock lock(mutex_);
  frozen_ = state_;
  frozen_lsn_ = lsn;
  return {};
}

Result<Checkpoint> AnalyticsParticipant::write_checkpoint(Lsn horizon) {
  STRATA_FAILPOINT("analytics.checkpoint.begin");
  const core::MutexLock checkpoint_lock(checkpoint_mutex_);
  State state = frozen_;
  state.next_part = std::max(state.next_part, written_next_part_);
  std::vector<Record> records;
  {
    const core::MutexLock lock(mutex_);
    for (const Record& record : records_) {
      if (record.lsn <= state.last_lsn) records.push_back(record);
    }
  }
  if (!records.empty()) {
    PartWriter writer = STRATA_TRY(PartWriter::create(files_, state.next_part++));
    for (const Record& record : records) STRATA_TRY(writer.add(record));
    state.parts.push_back(STRATA_TRY(writer.finish()));
  }
  STRATA_FAILPOINT("analytics.checkpoint.part");
  written_next_part_ = state.next_part;
  STRATA_TRY(merge_parts(state, horizon));
  written_next_part_ = state.next_part;

  auto kept = std::make_shared<Catalog>(*state.catalog);
  kept->forget_dropped(std::min(horizon, frozen_lsn_));
  state.catalog = std::move(kept);
  written_parts_ = state.parts;
  written_horizon_ = std::min(horizon, frozen_lsn_);

  // DuckDB's copy follows if it is in use. That it cannot is its own affair: the parts hold everything.
  (void)mirror_.maintain(frozen_lsn_, horizon);

  STRATA_FAILPOINT("analytics.checkpoint.end");
  Checkpoint checkpoint{frozen_lsn_, encode_state(state), {}};
  for (const PartInfo& part : state.parts) checkpoint.files.push_back(part.file());
  return checkpoint;
}

/// Four neighbours of one tier become one part of the next: n parts of the smallest size leave O(log n) files, and each row
/// is rewritten O(log n) times. Neighbours only, since the order of commits is the order of the files.
Result<void> AnalyticsParticipant::merge_parts(State& state, Lsn horizon) {
  for (bool merged = true; merged;) {
    merged = false;
    std::vector<PartInfo>& parts = state.parts;
    for (std::size_t begin = 0; begin + kPartsMerged <= parts.size() && !merged; ++begin) {
      const std::span<const PartInfo> run(parts.data() + begin, kPartsMerged);
      const int tier = tier_of(run[0].bytes);
      // A smaller part within the run is taken along: it would split its neighbours for ever.
      if (!std::all_of(run.begin(), run.end(), [&](const PartInfo& part) { return tier_of(part.bytes) <= tier; })) {
        continue;
      }
      const PartInfo whole = STRATA_TRY(merge_run(run, state.next_part++, *state.catalog, horizon));
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(begin),
                  parts.begin() + static_cast<std::ptrdiff_t>(begin + kPartsMerged));
      parts.insert(parts.begin() + static_cast<std::ptrdiff_t>(begin), whole);
      merged = true;
    }
  }
  return {};
}

Result<PartInfo> AnalyticsParticipant::merge_run(std::span<const PartInfo> run, std::uint64_t number,
                                                 const Catalog& catalog, Lsn horizon) {
  const auto for_each_record = [&](const std::function<Result<void>(const Record&)>& visit) -> Result<void> {
    for (const PartInfo& part : run) {
      PartReader reader = STRATA_TRY(PartReader::open(files_, part));
      for (;;) {
        const std::vector<Record> records = STRATA_TRY(reader.next(0));
        if (records.empty()) break;
        for (const Record& record : records) STRATA_TRY(visit(record));
      }
    }
    return {};
  };
  // 1. The rows of this run that were erased where no view can look any more.
  const Lsn first = run.front().first_lsn;
  std::unordered_set<RowId, RowIdHash> gone;
  STRATA_TRY(for_each_record([&](const Record& record) -> Result<void> {
    if (record.lsn > horizon) return {};
    return for_each_operation(*record.section, [&](const Operation& operation) -> Result<void> {
      if (operation.kind != Operation::Kind::erase) return {};
      for (const RowId& row : STRATA_TRY(decode_erase(operation))) {
        if (row.lsn >= first) gone.insert(row);
      }
      return {};
    });
  }));
  // 2. All of it again without them. Every record keeps its frame: its chain is how DuckDB's file is recognised.
  PartWriter writer = STRATA_TRY(PartWriter::create(files_, number));
  RowBlock block;
  STRATA_TRY(for_each_record([&](const Record& record) -> Result<void> {
    Bytes bytes;
    core::Encoder out(bytes);
    out.u8(kSectionVersion);
    STRATA_TRY(for_each_operation(*record.section, [&](const Operation& operation) -> Result<void> {
      const Table* table = catalog.find(operation.table, record.lsn);
      const bool dropped = table == nullptr || (table->dropped != 0 && table->dropped <= horizon);
      if (operation.kind == Operation::Kind::append) {
        if (dropped) return {};
        STRATA_TRY(decode_append(operation, table->columns, block));
        (void)STRATA_TRY(encode_filtered(out, operation, block, table->columns,
                                         [&](std::uint32_t ordinal) { return gone.contains({record.lsn, ordinal}); }));
        return {};
      }
      if (operation.kind == Operation::Kind::erase) {
        std::vector<RowId> rows = STRATA_TRY(decode_erase(operation));
        std::erase_if(rows, [&](const RowId& row) { return dropped || gone.contains(row); });
        if (!rows.empty()) encode_erase(out, operation.table, rows);
        return {};
      }
      out.raw(operation.encoded.data(), operation.encoded.size());
      return {};
    }));
    return writer.add({record.lsn, record.time, record.chain, std::make_shared<const Bytes>(std::move(bytes))});
  }));
  return writer.finish();
}

Result<void> AnalyticsParticipant::installed(const Checkpoint& checkpoint) {
  const core::MutexLock checkpoint_lock(checkpoint_mutex_);
  std::vector<std::string> unnamed;
  {
    const core::MutexLock lock(mutex_);
    for (const PartInfo& part : state_.parts) {
      const bool kept = std::any_of(written_parts_.begin(), written_parts_.end(),
                                    [&](const PartInfo& other) { return other.number == part.number; });
      if (!kept) unnamed.push_back(part.name());
    }
    state_.parts = written_parts_;
    state_.next_part = written_next_part_;
    auto kept = std::make_shared<Catalog>(*state_.catalog);
    kept->forget_dropped(written_horizon_);
    std::erase_if(state_.counts, [&](const auto& count) { return kept->find_id(count.first) == nullptr; });
    state_.catalog = std::move(kept);
    while (!records_.empty() && records_.front().lsn <= checkpoint.lsn) {
      record_bytes_ -= records_.front().section->size();
      records_.pop_front();
    }
    checkpoint_lsn_.store(checkpoint.lsn, std::memory_order_release);
  }
  // One checkpoint later: a manifest that turns out to be unreadable has the one before it as its stand-in.
  STRATA_FAILPOINT("analytics.installed");
  retired_.swap(unnamed);
  for (const std::string& name : unnamed) (void)files_.remove(name);  // what stays is removed at the next start
  return {};
}

// ---- questions --------------------------------------------------------------------------------------------------

Result<std::vector<TableInfo>> AnalyticsParticipant::tables(Lsn view) {
  std::vector<TableInfo> infos;
  std::vector<std::pair<std::size_t, Table>> to_count;
  {
    const core::MutexLock lock(mutex_);
    for (const Table& table : state_.catalog->tables()) {
      if (!table.alive(view)) continue;
      const std::vector<ColumnDefinition> columns(
          table.columns.begin(), table.columns.begin() + static_cast<std::ptrdiff_t>(table.columns_at(view)));
      const auto found = state_.counts.find(table.id);
      infos.push_back({table.name, columns, found != state_.counts.end() ? found->second.rows : 0});
      if (found != state_.counts.end() && found->second.changed > view) to_count.emplace_back(infos.size() - 1, table);
    }
  }
  for (const auto& [index, table] : to_count) infos[index].rows = STRATA_TRY(mirror_.count_rows(view, table));
  std::sort(infos.begin(), infos.end(), [](const TableInfo& a, const TableInfo& b) { return a.name < b.name; });
  return infos;
}

Result<transaction::Summary> AnalyticsParticipant::summarize(Lsn view) {
  transaction::Summary summary;
  Bytes bytes;
  for (const Table& table : catalog()->tables()) {
    if (!table.alive(view)) continue;
    bytes.clear();
    core::Encoder out(bytes);
    encode_define(out, table.name, std::span(table.columns).first(table.columns_at(view)));
    summary.add(core::xxh3_128(bytes));
    STRATA_TRY(mirror_.for_each_row(view, table, [&](const RowId& id, const Row& row) {
      bytes.clear();
      out.text(table.name);
      out.varint(id.lsn);
      out.varint(id.ordinal);
      for (const Value& value : row) out.value(value);
      summary.add(core::xxh3_128(bytes));
    }));
  }
  return summary;
}

Result<std::vector<Damage>> AnalyticsParticipant::verify() {
  std::vector<PartInfo> parts;
  {
    const core::MutexLock lock(mutex_);
    parts = state_.parts;
  }
  std::vector<Damage> damages;
  for (const PartInfo& part : parts) {
    std::uint64_t offset = 0;
    const Result<void> read = [&]() -> Result<void> {
      PartReader reader = STRATA_TRY(PartReader::open(files_, part));
      std::uint64_t frames = 0;
      for (;;) {
        offset = reader.offset();
        const std::vector<Record> records = STRATA_TRY(reader.next(0));
        if (records.empty()) break;
        frames += records.size();
        for (const Record& record : records) {
          STRATA_TRY(for_each_operation(*record.section, [](const Operation&) -> Result<void> { return {}; }));
        }
      }
      if (frames == part.frames) return {};
      return Error(ErrorCode::corruption,
                   "the part holds " + std::to_string(frames) + " records, not " + std::to_string(part.frames));
    }();
    if (!read) damages.push_back({part.name(), offset, read.error().message(), false});
  }
  return damages;
}

transaction::Statistics AnalyticsParticipant::statistics() {
  const MirrorStatistics mirror = mirror_.statistics();
  std::uint64_t items = 0, tables = 0, parts = 0, part_bytes = 0, memory = 0, waiting = 0;
  {
    const core::MutexLock lock(mutex_);
    for (const Table& table : state_.catalog->tables()) {
      if (table.dropped != 0) continue;
      ++tables;
      if (const auto found = state_.counts.find(table.id); found != state_.counts.end()) items += found->second.rows;
    }
    parts = state_.parts.size();
    for (const PartInfo& part : state_.parts) part_bytes += part.bytes;
    memory = record_bytes_ + records_.size() * sizeof(Record);
    for (auto at = records_.rbegin(); at != records_.rend() && at->lsn > mirror.applied_lsn; ++at) ++waiting;
  }
  return {{"items", items},
          {"tables", tables},
          {"bytes_on_disk", part_bytes + mirror_.bytes_on_disk()},
          {"bytes_in_memory", memory},
          {"segments", parts},
          {"commits_waiting", waiting},
          {"engine_open", mirror.open},
          {"engine_applied_lsn", mirror.applied_lsn},
          {"engine_flushes", mirror.flushes},
          {"engine_rows_flushed", mirror.rows_flushed},
          {"engine_failures", mirror.failures},
          {"engine_rebuilds", mirror.rebuilds},
          {"engine_damaged_files", mirror.damaged_files}};
}

Result<void> AnalyticsParticipant::close() {
  std::thread flusher;
  {
    const core::MutexLock lock(mutex_);
    flusher_stops_ = true;
    live_ = false;
    flusher = std::move(flusher_);
    flusher_wakes_.notify_all();
  }
  if (flusher.joinable()) flusher.join();
  mirror_.close();
  return {};
}

}  // namespace strata::store::analytics
