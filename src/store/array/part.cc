#include "store/array/part.h"

#include <algorithm>
#include <array>

#include "core/assert.h"
#include "core/checksum.h"
#include "core/failpoint.h"
#include "store/array/layout.h"

namespace strata::store::array {
namespace {

constexpr std::uint64_t kSlabBytes = 1 << 20;  // read, written and hashed at a time

std::string file_name(std::uint64_t number, std::string_view extension) {
  std::string digits = std::to_string(number);
  if (digits.size() < 6) digits.insert(0, 6 - digits.size(), '0');
  return std::string(kDirectory) + "/" + digits + std::string(extension);
}

Result<core::Hash128> hash_of(const io::File& file, std::uint64_t size) {
  core::Hasher128 hasher;
  Bytes slab(std::min(size, kSlabBytes));
  for (std::uint64_t offset = 0; offset < size; offset += slab.size()) {
    const std::span<std::byte> piece(slab.data(), std::min<std::uint64_t>(slab.size(), size - offset));
    STRATA_TRY(file.read(offset, piece));
    hasher.update(piece);
  }
  return hasher.digest();
}

/// Calls body(begin, count) for slabs of rows.
template <typename Body>
Result<void> for_each_slab(std::uint64_t rows, std::uint64_t row_bytes, Body body) {
  const std::uint64_t each = std::max<std::uint64_t>(1, kSlabBytes / row_bytes);
  for (std::uint64_t begin = 0; begin < rows; begin += each) STRATA_TRY(body(begin, std::min(each, rows - begin)));
  return {};
}

Error damaged(const std::string& file, const std::string& what) {
  return Error(ErrorCode::corruption, "array part " + file + " is damaged: " + what);
}

}  // namespace

std::string rows_file_name(std::uint64_t number) { return file_name(number, ".h5"); }
std::string index_file_name(std::uint64_t number) { return file_name(number, ".idx"); }

// ---- writing -------------------------------------------------------------------------------------------------------

void PartFiles::number_used(std::uint64_t number) {
  std::uint64_t next = next_number_.load(std::memory_order_relaxed);
  while (next <= number && !next_number_.compare_exchange_weak(next, number + 1, std::memory_order_relaxed)) {
  }
}

Result<void> PartFiles::make_directory() {
  if (directory_made_.load(std::memory_order_acquire)) return {};
  STRATA_TRY(files_.create_directory(kDirectory));
  STRATA_TRY(files_.sync_directory(""));
  directory_made_.store(true, std::memory_order_release);
  return {};
}

Result<PartDescription> PartFiles::write(const DatasetOptions& options, std::uint64_t rows, const AppendLog* log,
                                         const RowSource& source) {
  STRATA_ASSERT(rows > 0 && (log == nullptr || log->rows() == rows));
  STRATA_TRY(make_directory());
  PartDescription part;
  part.file.number = take_number();
  part.rows = rows;
  const auto finish = [&]() -> Result<void> {
    part.file = STRATA_TRY(write_rows(part.file.number, options, rows, log, source));
    if (log != nullptr) {
      part.first_lsn = log->append(0).lsn;
      part.last_lsn = log->append(log->size() - 1).lsn;
      const Bytes index = encode_append_index(*log);
      part.index = FileReference{part.file.number, index.size(), core::xxh3_128(index)};
      STRATA_TRY(io::write_file_atomically(files_, index_file_name(part.file.number), index));
    }
    STRATA_FAILPOINT("array.part.written");
    return files_.sync_directory(kDirectory);
  };
  if (auto finished = finish(); !finished) {
    remove(part);
    return std::move(finished).error().with_context("writing " + rows_file_name(part.file.number));
  }
  return part;
}

/// name.tmp → HDF5 → sync → read back and compare → rename.
Result<FileReference> PartFiles::write_rows(std::uint64_t number, const DatasetOptions& options, std::uint64_t rows,
                                            const AppendLog* log, const RowSource& source) {
  const std::string name = rows_file_name(number);
  const std::string unfinished = name + ".tmp";
  auto file = STRATA_TRY(files_.open(unfinished, io::OpenMode::create));
  const std::uint64_t each = row_bytes(options);
  core::Hasher128 written;
  Bytes slab;
  {
    auto writer = STRATA_TRY(PartWriter::open(*file, options, rows, log));
    STRATA_TRY(for_each_slab(rows, each, [&](std::uint64_t begin, std::uint64_t count) -> Result<void> {
      slab.resize(count * each);
      STRATA_TRY(source(begin, count, slab));
      written.update(slab);
      return writer->write(slab);
    }));
    STRATA_TRY(writer->finish());
  }
  STRATA_TRY(file->sync());
  FileReference reference{number, STRATA_TRY(file->size()), {}};
  reference.hash = STRATA_TRY(hash_of(*file, reference.bytes));

  core::Hasher128 read_back;
  auto reader = STRATA_TRY(PartReader::open(std::move(file), options, rows));
  STRATA_TRY(for_each_slab(rows, each, [&](std::uint64_t begin, std::uint64_t count) -> Result<void> {
    slab.resize(count * each);
    STRATA_TRY(reader->read(begin, count, slab));
    read_back.update(slab);
    return {};
  }));
  if (read_back.digest() != written.digest())
    return Error(ErrorCode::io, "the rows read back differ from those written");
  reader.reset();
  STRATA_TRY(files_.rename(unfinished, name));
  return reference;
}

void PartFiles::remove(const PartDescription& part) {
  const std::string rows = rows_file_name(part.file.number);
  const std::string index = index_file_name(part.file.number);
  for (const std::string& name : {rows, rows + ".tmp", index, index + ".tmp"}) {
    if (auto exists = files_.exists(name); exists && *exists) (void)files_.remove(name).has_value();
  }
}

// ---- open readers --------------------------------------------------------------------------------------------------

Result<std::shared_ptr<PartReader>> PartFiles::reader(Part& part) {
  {
    const core::MutexLock lock(mutex_);
    const auto at = std::find_if(open_.begin(), open_.end(), [&](const auto& entry) { return entry.first == &part; });
    if (at != open_.end()) {
      open_.splice(open_.begin(), open_, at);
      return at->second;
    }
  }
  // Opened without the lock: hashing a large part must not hold up the readers of others. Two threads may both do it.
  std::shared_ptr<PartReader> opened = STRATA_TRY(part.open_reader());
  std::shared_ptr<PartReader> evicted;
  const core::MutexLock lock(mutex_);
  open_.emplace_front(&part, opened);
  if (open_.size() > open_max_) {
    evicted = std::move(open_.back().second);
    open_.pop_back();
  }
  return opened;
}

void PartFiles::forget(const Part* part) {
  std::list<std::pair<const Part*, std::shared_ptr<PartReader>>> gone;
  const core::MutexLock lock(mutex_);
  for (auto at = open_.begin(); at != open_.end();) {
    const auto next = std::next(at);
    if (at->first == part) gone.splice(gone.end(), open_, at);
    at = next;
  }
}

std::size_t PartFiles::open_readers() {
  const core::MutexLock lock(mutex_);
  return open_.size();
}

// ---- reading ---------------------------------------------------------------------------------------------------------

Part::~Part() {
  files_->forget(this);
  if (doomed_.load(std::memory_order_acquire)) files_->remove(description_);
}

Result<std::unique_ptr<PartReader>> Part::open_reader() {
  const std::string name = rows_file_name(description_.file.number);
  auto opened = files_->files().open(name, io::OpenMode::read);
  if (!opened && opened.error().code() == ErrorCode::not_found) return damaged(name, "the file is missing");
  auto file = STRATA_TRY(std::move(opened));
  if (!verified_.load(std::memory_order_acquire)) {  // A5
    const std::uint64_t size = STRATA_TRY(file->size());
    if (size != description_.file.bytes) {
      return damaged(name,
                     "it has " + std::to_string(size) + " bytes instead of " + std::to_string(description_.file.bytes));
    }
    if (STRATA_TRY(hash_of(*file, size)) != description_.file.hash) return damaged(name, "its hash is another one");
    verified_.store(true, std::memory_order_release);
  }
  auto reader = PartReader::open(std::move(file), options_, description_.rows);
  if (!reader) return std::move(reader).error().with_context(name);
  return reader;
}

Result<void> Part::read(std::uint64_t begin, std::uint64_t count, std::span<std::byte> out) {
  const auto reader = STRATA_TRY(files_->reader(*this));
  auto done = reader->read(begin, count, out);
  if (!done) return std::move(done).error().with_context(rows_file_name(description_.file.number));
  return {};
}

Result<AppendLog> Part::log() {
  if (!description_.index) {
    AppendLog log;
    log.add(description_.first_lsn, description_.rows, description_.key);
    return log;
  }
  auto log = STRATA_TRY(files_->reader(*this))->read_log();
  if (!log) return std::move(log).error().with_context(rows_file_name(description_.file.number));
  return log;
}

Result<Part::LoadedIndex> Part::load_index() {
  const FileReference& expected = *description_.index;
  LoadedIndex loaded;
  if (auto mapped = files_->files().map(index_file_name(expected.number)); mapped) {
    loaded.mapping = std::move(mapped).value();
    const ByteView bytes = loaded.mapping->bytes();
    if (bytes.size() == expected.bytes && core::xxh3_128(bytes) == expected.hash) {
      loaded.index = STRATA_TRY(AppendIndex::open(bytes));
      return loaded;
    }
  }
  // Missing or damaged: the companions in the rows file say the same.
  loaded.mapping.reset();
  loaded.bytes = encode_append_index(STRATA_TRY(log()));
  if (loaded.bytes.size() != expected.bytes || core::xxh3_128(loaded.bytes) != expected.hash) {
    return damaged(rows_file_name(expected.number), "its keys are not those of its index");
  }
  // The same bytes again: whoever finds the file from now on finds it sound. If that fails, the next one repairs it.
  (void)io::write_file_atomically(files_->files(), index_file_name(expected.number), loaded.bytes).has_value();
  loaded.index = STRATA_TRY(AppendIndex::open(loaded.bytes));
  return loaded;
}

Result<const AppendIndex*> Part::index() {
  if (const AppendIndex* ready = index_.load(std::memory_order_acquire)) return ready;
  const core::MutexLock lock(mutex_);
  if (!loaded_.index) {
    loaded_ = STRATA_TRY(load_index());  // moving a Bytes keeps its address, so the index stays valid
    index_.store(&*loaded_.index, std::memory_order_release);
  }
  return &*loaded_.index;
}

Result<std::uint64_t> Part::rows_at(Lsn view) {
  if (description_.last_lsn <= view) return description_.rows;
  if (view < description_.first_lsn) return std::uint64_t{0};
  return STRATA_TRY(index())->rows_at(view);  // first < last: several appends, so there is an index
}

Result<std::vector<Append>> Part::find(std::string_view key, Lsn view) {
  if (description_.index) return STRATA_TRY(index())->find(digest_of(key), view);
  std::vector<Append> found;
  if (description_.first_lsn <= view && description_.key == key) found.push_back({description_.first_lsn, 0, rows()});
  return found;
}

Result<void> Part::visit_appends(const AppendVisitor& visit) {
  if (!description_.index) {
    const KeyDigest digest = digest_of(description_.key);
    visit({description_.first_lsn, 0, rows()}, description_.key.empty() ? nullptr : &digest);
    return {};
  }
  const AppendIndex* index = STRATA_TRY(this->index());
  std::vector<bool> keyed(index->size(), false);
  for (std::size_t k = 0; k < index->keyed(); ++k) {
    const KeyDigest digest = index->digest(k);
    keyed[index->append_of(k)] = true;
    visit(index->append(index->append_of(k)), &digest);
  }
  for (std::size_t i = 0; i < index->size(); ++i) {
    if (!keyed[i]) visit(index->append(i), nullptr);
  }
  return {};
}

Result<void> Part::verify(std::vector<transaction::Damage>& damage) {
  const auto check = [&](const std::string& name, const FileReference& expected, bool derived) -> Result<void> {
    auto file = files_->files().open(name, io::OpenMode::read);
    if (!file) {
      damage.push_back({name, 0, file.error().message(), derived});
      return {};
    }
    const std::uint64_t size = STRATA_TRY((*file)->size());
    if (size != expected.bytes) {
      damage.push_back({name, std::min(size, expected.bytes), "another size than the checkpoint says", derived});
      return {};
    }
    auto hash = hash_of(**file, size);
    if (!hash || *hash != expected.hash) {
      damage.push_back({name, 0, hash ? "another hash than the checkpoint says" : hash.error().message(), derived});
    }
    return {};
  };
  STRATA_TRY(check(rows_file_name(description_.file.number), description_.file, false));
  if (description_.index) STRATA_TRY(check(index_file_name(description_.index->number), *description_.index, true));
  return {};
}

}  // namespace strata::store::array
