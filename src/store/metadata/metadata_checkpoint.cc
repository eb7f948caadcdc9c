// The metadata store's durable side: opening state.sqlite or making it anew, checkpoints, archives.
//
// The state of a checkpoint: u8 version (1) · u64 newest commit of this store in it · u64 next archive number ·
// varint archive count · { text name · u64 bytes · u64 hash low · u64 hash high · u64 last LSN }
#include <algorithm>
#include <cstdlib>
#include <set>

#include "core/checksum.h"
#include "core/codec.h"
#include "core/failpoint.h"
#include "store/metadata/dump.h"
#include "store/metadata/history.h"
#include "store/metadata/metadata_store.h"

namespace strata::store::metadata {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::string_view kState = "metadata/state.sqlite";
constexpr std::string_view kDamagedMark = "metadata/state.damaged";
constexpr std::string_view kHalf = "metadata/state.half";
constexpr std::string_view kCopied = "metadata/state.copied";
constexpr std::string_view kSuffixes[] = {"", "-wal", "-shm"};  // of SQLite's files
constexpr std::size_t kDamagedFilesKept = 3;
constexpr std::size_t kReplayRows = 10'000;
constexpr std::uint64_t kDumpBytesMin = 1 << 20;  // archives smaller than this are never worth a dump

}  // namespace

// ------------------------------------------------------------------------------------------------ opening

Result<void> MetadataParticipant::open(const transaction::Checkpoint* last) {
  converter_ = STRATA_TRY(Converter::create());
  STRATA_TRY(files_.create_directory("metadata"));
  const std::string path = STRATA_TRY(files_.path(kState));
  readers_ = std::make_unique<ReaderPool>(path, static_cast<std::int64_t>(options_.cache_bytes / 8),
                                          options_.idle_readers_max);
  Lsn needed = 0;
  if (last != nullptr) {
    core::Decoder in(last->state);
    const std::uint8_t version = in.u8();
    if (in.ok() && version > kVersion)
      return Error(ErrorCode::unsupported, "the metadata checkpoint has a newer format");
    needed = in.u64();
    const std::uint64_t next = in.u64();
    std::vector<Archive> archives(in.count(33));
    for (Archive& archive : archives) {
      archive.file.name = in.text();
      archive.file.bytes = in.u64();
      archive.file.hash.low = in.u64();
      archive.file.hash.high = in.u64();
      archive.last = in.u64();
    }
    STRATA_TRY(in.finish("the metadata checkpoint"));
    const core::MutexLock lock(archive_mutex_);
    archives_ = std::move(archives);
    next_archive_ = next;
    installed_lsn_ = last->lsn;
    archived_ = last->lsn;
  }
  STRATA_TRY(open_state(needed));
  applier_ = std::thread([this] { run_applier(); });
  return {};
}

// SQLite copies its log into the file page by page, and believes a log up to the first frame that is damaged. A process that
// dies meanwhile, or while a reader keeps a part of the log from being copied, leaves a file that only the whole log completes;
// with less of it some pages would be newer than others, and each of them sound. So the LSN in the log is noted before, and
// a log that does not lead there is damaged.
Result<void> MetadataParticipant::note_copied(Lsn lsn) {
  Bytes note;
  core::Encoder out(note);
  out.u64(lsn);
  out.u64(core::xxh3_64(ByteView(note)));
  return io::write_file_atomically(files_, kCopied, note);
}

/// 0: there is none. Nothing: it is damaged.
Result<std::optional<Lsn>> MetadataParticipant::read_copied() {
  if (!STRATA_TRY(files_.exists(kCopied))) return std::optional<Lsn>(0);
  auto note = io::read_file(files_, kCopied, 16);
  if (!note.has_value() && note.error().code() != ErrorCode::resource_exhausted) return std::move(note).error();
  if (!note.has_value() || note->size() != 16) return std::optional<Lsn>();
  core::Decoder in(*note);
  const Lsn lsn = in.u64();
  return in.u64() == core::xxh3_64(ByteView(*note).first(8)) ? std::optional<Lsn>(lsn) : std::nullopt;
}

Result<std::unique_ptr<Writer>> MetadataParticipant::open_writer(bool check) {
  const std::string path = STRATA_TRY(files_.path(kState));
  auto writer =
      STRATA_TRY(Writer::open(path, static_cast<std::int64_t>(options_.cache_bytes), options_.database, check));
  writer->copy_log_beyond(options_.log_pages_max, [this](Lsn lsn) { return note_copied(lsn); });
  return writer;
}

// Opens state.sqlite if it is sound and has at least what the checkpoint says it had; else makes it from the archives.
Result<void> MetadataParticipant::open_state(Lsn needed) {
  const bool marked = STRATA_TRY(files_.exists(kDamagedMark));
  const bool exists = STRATA_TRY(files_.exists(kState));
  std::string why;
  if (!exists && STRATA_TRY(files_.exists(kCopied))) STRATA_TRY(files_.remove(kCopied));
  const std::optional<Lsn> copied = STRATA_TRY(read_copied());
  if (marked) {
    why = "it was found damaged while it was in use";
  } else if (!exists && needed > 0) {
    why = "state.sqlite is missing";
  } else if (!copied) {
    why = "state.copied is damaged";
  } else {
    const bool check = exists && STRATA_TRY(files_.file_size(kState)) <= options_.check_bytes_max;
    auto opened = open_writer(check);
    if (opened.has_value() && (*opened)->applied() >= std::max(needed, *copied)) {
      const core::MutexLock lock(writer_mutex_);
      writer_ = std::move(opened).value();
      auto lsns = STRATA_TRY(history_lsns(writer_->connection()));
      const Lsn from = writer_->history_from();
      std::erase_if(lsns, [&](Lsn lsn) { return lsn <= from; });
      recent_.start(writer_->applied(), std::move(lsns), from, writer_->catalog());
      return {};
    }
    if (opened.has_value() && (*opened)->applied() < *copied) {
      why = "its log ends at lsn " + std::to_string((*opened)->applied()) + " and was copied up to " +
            std::to_string(*copied);
    } else if (opened.has_value()) {
      why = "it ends at lsn " + std::to_string((*opened)->applied()) + ", the checkpoint at " + std::to_string(needed);
    } else if (opened.error().code() == ErrorCode::corruption) {
      why = opened.error().message();
    } else {
      return std::move(opened).error();
    }
  }
  return rebuild(why, needed);
}

/// Out of the way, but kept, the last few of them: somebody may want to look at what can still be read.
Result<void> MetadataParticipant::put_aside() {
  const auto aside = [](std::uint64_t number, std::string_view suffix) {
    return std::string(kState) + ".damaged-" + std::to_string(number) + std::string(suffix);
  };
  constexpr std::string_view prefix = "state.sqlite.damaged-";
  std::set<std::uint64_t> kept;
  for (const std::string& name : STRATA_TRY(files_.list("metadata"))) {
    if (name.starts_with(prefix)) kept.insert(std::strtoull(name.c_str() + prefix.size(), nullptr, 10));
  }
  const std::uint64_t next = kept.empty() ? 1 : *kept.rbegin() + 1;
  if (STRATA_TRY(files_.exists(kState))) {
    for (; kept.size() >= kDamagedFilesKept; kept.erase(kept.begin())) {
      for (const std::string_view suffix : kSuffixes) {
        const std::string name = aside(*kept.begin(), suffix);
        if (STRATA_TRY(files_.exists(name))) STRATA_TRY(files_.remove(name));
      }
    }
  }
  for (const std::string_view suffix : kSuffixes) {
    const std::string name = std::string(kState) + std::string(suffix);
    if (STRATA_TRY(files_.exists(name))) STRATA_TRY(files_.rename(name, aside(next, suffix)));
  }
  return {};
}

Result<void> MetadataParticipant::rebuild(std::string_view why, Lsn needed) {
  STRATA_TRY(put_aside());
  STRATA_FAILPOINT("metadata.rebuild.aside");
  STRATA_TRY(files_.sync_directory("metadata"));
  if (STRATA_TRY(files_.exists(kCopied))) STRATA_TRY(files_.remove(kCopied));
  {
    const core::MutexLock lock(writer_mutex_);
    writer_ = STRATA_TRY(open_writer(false));
  }
  Result<void> replayed = replay_archives();
  if (replayed.has_value() && recent_.applied() < needed) {
    replayed = Error(ErrorCode::corruption, "the metadata archives end at lsn " + std::to_string(recent_.applied()) +
                                                ", the checkpoint at " + std::to_string(needed));
  }
  if (!replayed.has_value()) {
    // Half a file is nobody's evidence: left, it would be put aside by the next open, and by each one after it, until what
    // was there at first had to go. The newest manifest names it, so under this name it could not be removed.
    const core::MutexLock lock(writer_mutex_);
    writer_.reset();
    for (const std::string_view suffix : kSuffixes) {
      const std::string name = std::string(kState) + std::string(suffix);
      if (files_.rename(name, kHalf)) (void)files_.remove(kHalf);
    }
    return replayed;
  }
  STRATA_FAILPOINT("metadata.rebuild.replayed");
  if (STRATA_TRY(files_.exists(kDamagedMark))) {
    STRATA_TRY(files_.remove(kDamagedMark));
    STRATA_TRY(files_.sync_directory("metadata"));
  }
  rebuilds_.fetch_add(1);
  const core::MutexLock lock(applier_mutex_);
  rebuilt_because_ = why;
  return {};
}

Result<void> MetadataParticipant::replay_archives() {
  std::vector<Archive> archives;
  {
    const core::MutexLock lock(archive_mutex_);
    archives = archives_;
  }
  const core::MutexLock lock(writer_mutex_);
  std::vector<std::shared_ptr<const QueuedCommit>> batch;
  std::size_t rows = 0;
  bool history = true;
  Writer& writer = *writer_;
  const auto apply_batch = [&]() -> Result<void> {
    STRATA_TRY(writer.apply(batch, history));
    batch.clear();
    rows = 0;
    return {};
  };
  for (const Archive& archive : archives) {
    Lsn dumped = 0;
    STRATA_TRY(read_archive(files_, archive.file.name, [&](const ArchiveRecord& record) -> Result<void> {
      if (history == record.dump) {  // from a dump's records to commits or back
        STRATA_TRY(apply_batch());
        history = !record.dump;
      }
      auto commit = std::make_shared<QueuedCommit>();
      commit->lsn = record.lsn;
      commit->section.assign(record.section.begin(), record.section.end());
      commit->steps = STRATA_TRY(decode_steps(commit->section, record.lsn));
      for (const Step& step : commit->steps) {
        if (step.kind != Step::Kind::rows) continue;
        for (const TableImages& images : step.images->tables) rows += images.rows.size();
      }
      if (record.dump) dumped = record.lsn;
      batch.push_back(std::move(commit));
      return rows + batch.size() >= kReplayRows ? apply_batch() : Result<void>();
    }));
    if (dumped > 0) {
      STRATA_TRY(apply_batch());
      STRATA_TRY(writer.begin_history_at(dumped));
    }
  }
  STRATA_TRY(apply_batch());
  auto lsns = STRATA_TRY(history_lsns(writer.connection()));
  std::erase_if(lsns, [&](Lsn lsn) { return lsn <= writer.history_from(); });
  recent_.start(writer.applied(), std::move(lsns), writer.history_from(), writer.catalog());
  return {};
}

Result<void> MetadataParticipant::recovered(Lsn lsn) {
  if (recent_.last() > lsn) {
    return Error(ErrorCode::corruption, "state.sqlite holds lsn " + std::to_string(recent_.last()) +
                                            ", but the journal ends at " + std::to_string(lsn));
  }
  return remove_leftovers();
}

Result<void> MetadataParticipant::remove_leftovers() {
  std::set<std::string> named;
  {
    const core::MutexLock lock(archive_mutex_);
    for (const Archive& archive : archives_) named.insert(archive.file.name);
    for (const Archive& archive : written_) named.insert(archive.file.name);
    for (const auto& frozen : frozen_) named.insert(archive_name(frozen->number()) + ".tmp");
    if (archive_) named.insert(archive_name(archive_->number()) + ".tmp");
  }
  for (const std::string& name : STRATA_TRY(files_.list("metadata"))) {
    const std::string full = "metadata/" + name;
    if (name.starts_with("archive-") && !named.contains(full)) STRATA_TRY(files_.remove(full));
  }
  return {};
}

// ------------------------------------------------------------------------------------------------ checkpoints

Result<void> MetadataParticipant::freeze(Lsn lsn) {
  STRATA_CRASHPOINT("metadata.freeze");
  const core::MutexLock lock(archive_mutex_);
  frozen_lsn_ = lsn;
  if (archive_) frozen_.push_back(std::move(archive_));
  return {};
}

Result<transaction::Checkpoint> MetadataParticipant::write_checkpoint(Lsn horizon) {
  STRATA_FAILPOINT("metadata.checkpoint.begin");
  Lsn frozen;
  std::vector<Archive> archives;
  {
    const core::MutexLock lock(archive_mutex_);
    frozen = frozen_lsn_;
    while (!frozen_.empty()) {
      Archive archive;
      archive.last = frozen_.front()->last_lsn();
      archive.file = STRATA_TRY(frozen_.front()->finish());
      written_.push_back(std::move(archive));
      frozen_.erase(frozen_.begin());
    }
    archives = archives_;
    for (const Archive& each : written_) {
      const bool known = std::any_of(archives.begin(), archives.end(),
                                     [&](const Archive& a) { return a.file.name == each.file.name; });
      if (!known) archives.push_back(each);
    }
    // Of an attempt that failed later a dump may be among them: what it replaced must not be replayed before it.
    const auto newest = std::find_if(archives.rbegin(), archives.rend(), [](const Archive& each) { return each.dump; });
    if (newest != archives.rend()) archives.erase(archives.begin(), newest.base() - 1);
  }
  STRATA_FAILPOINT("metadata.checkpoint.archived");
  readers_->clear();
  Lsn state;
  {
    const core::MutexLock lock(writer_mutex_);
    if (!writer_) return Error(ErrorCode::failed_precondition, "the metadata store is closed");
    STRATA_TRY(flush_locked(frozen));
    state = STRATA_TRY(recent_.state_at(frozen));
    Result<void> durable = writer_->make_durable(std::min({horizon, state, writer_->applied()}));
    if (!durable.has_value()) {
      note_error(durable.error());
      return std::move(durable).error();
    }
  }
  STRATA_FAILPOINT("metadata.checkpoint.durable");
  recent_.forget_before(std::min(horizon, state));

  std::uint64_t archive_bytes = 0;
  for (const Archive& archive : archives) archive_bytes += archive.file.bytes;
  const std::uint64_t state_bytes = STRATA_TRY(files_.file_size(kState));
  if (archives.size() > 1 && archive_bytes > kDumpBytesMin && archive_bytes > options_.archive_factor * state_bytes) {
    archives = {STRATA_TRY(write_dump(state))};
    const core::MutexLock lock(archive_mutex_);
    written_ = archives;
  }

  STRATA_FAILPOINT("metadata.checkpoint.end");
  transaction::Checkpoint checkpoint;
  checkpoint.lsn = frozen;
  core::Encoder out(checkpoint.state);
  out.u8(kVersion);
  out.u64(state);
  {
    const core::MutexLock lock(archive_mutex_);
    out.u64(next_archive_);
  }
  out.varint(archives.size());
  for (const Archive& archive : archives) {
    out.text(archive.file.name);
    out.u64(archive.file.bytes);
    out.u64(archive.file.hash.low);
    out.u64(archive.file.hash.high);
    out.u64(archive.last);
    checkpoint.files.push_back(archive.file);
  }
  checkpoint.files.push_back({std::string(kState), STRATA_TRY(files_.file_size(kState)), {}});
  return checkpoint;
}

Result<MetadataParticipant::Archive> MetadataParticipant::write_dump(Lsn state) {
  std::unique_ptr<ArchiveWriter> writer;
  {
    const core::MutexLock lock(archive_mutex_);
    writer = std::make_unique<ArchiveWriter>(files_, next_archive_++);
  }
  STRATA_TRY(read_at(state, nullptr, [&](Connection& connection) -> Result<void> {
    return dump(connection, [&](ByteView section) { return writer->append({state, 0, true, section}); });
  }));
  Archive archive;
  archive.last = state;
  archive.dump = true;
  archive.file = STRATA_TRY(writer->finish());
  return archive;
}

Result<void> MetadataParticipant::installed(const transaction::Checkpoint& checkpoint) {
  std::set<std::string> named;
  for (const auto& file : checkpoint.files) named.insert(file.name);
  std::vector<Archive> kept;
  std::vector<std::string> replaced;
  {
    const core::MutexLock lock(archive_mutex_);
    std::vector<Archive> all = archives_;
    for (const Archive& each : written_) {
      if (std::none_of(all.begin(), all.end(), [&](const Archive& a) { return a.file.name == each.file.name; }))
        all.push_back(each);
    }
    for (Archive& archive : all) {
      if (named.contains(archive.file.name))
        kept.push_back(std::move(archive));
      else
        replaced.push_back(archive.file.name);
    }
    archives_ = std::move(kept);
    written_.clear();
    installed_lsn_ = checkpoint.lsn;
  }
  STRATA_FAILPOINT("metadata.installed");
  for (const std::string& name : replaced) (void)files_.remove(name);  // what stays is removed at the next start
  return {};
}

Result<Lsn> MetadataParticipant::durable_lsn() {
  Lsn installed;
  {
    const core::MutexLock lock(archive_mutex_);
    installed = installed_lsn_;
    // The journal may be cut below this: the archives must be there to stand in for it.
    for (const Archive& archive : archives_) {
      if (STRATA_TRY(files_.file_size(archive.file.name)) != archive.file.bytes) {
        return Error(ErrorCode::corruption, archive.file.name + " has not the size the checkpoint says");
      }
    }
  }
  return installed;
}

Result<void> MetadataParticipant::close() {
  if (applier_.joinable()) {
    {
      const core::MutexLock lock(applier_mutex_);
      applier_ends_ = true;
      applier_wakes_.notify_one();
    }
    applier_.join();
  }
  if (readers_) readers_->clear();
  const core::MutexLock lock(writer_mutex_);
  if (writer_) writer_->close();
  writer_.reset();  // last: closing the last connection checkpoints, and only the writer may
  return {};
}

}  // namespace strata::store::metadata
