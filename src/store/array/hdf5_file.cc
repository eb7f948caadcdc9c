#include "store/array/hdf5_file.h"

#include <hdf5.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "core/assert.h"
#include "core/mutex.h"
#include "store/array/layout.h"

namespace strata::store::array {
namespace {

// ---- one thread at a time ----------------------------------------------------------------------------------------

core::Mutex& library_mutex() {
  static core::Mutex mutex;
  return mutex;
}

/// Held around every call into HDF5. Also keeps it from printing its errors, which is a setting per thread.
class Library {
 public:
  Library() : lock_(library_mutex()) { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

 private:
  core::MutexLock lock_;
};

/// An HDF5 id and how to give it back. Closed under the lock, like everything.
class Handle {
 public:
  Handle() = default;
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    reset();
    id_ = std::exchange(other.id_, -1);
    close_ = other.close_;
    return *this;
  }
  ~Handle() { reset(); }
  herr_t reset() { return id_ < 0 ? 0 : close_(std::exchange(id_, -1)); }
  hid_t get() const { return id_; }
  bool valid() const { return id_ >= 0; }

 private:
  hid_t id_ = -1;
  herr_t (*close_)(hid_t) = nullptr;
};

// ---- the driver: HDF5's file calls become io::File's ---------------------------------------------------------------

/// What the driver works on, and the first error it met. Outlives the HDF5 file.
struct Backing {
  io::File* file = nullptr;
  bool writable = false;
  std::optional<Error> error;
};

struct DriverFile {
  H5FD_t base;  // first: HDF5 knows no more of it
  Backing* backing;
  haddr_t end_allocated;
  haddr_t end_of_file;
};

DriverFile& driver_file(H5FD_t* file) { return *reinterpret_cast<DriverFile*>(file); }
const DriverFile& driver_file(const H5FD_t* file) { return *reinterpret_cast<const DriverFile*>(file); }

herr_t remember(Backing& backing, Result<void> done) {
  if (done.has_value()) return 0;
  if (!backing.error) backing.error = std::move(done).error();
  return -1;
}

H5FD_t* driver_open(const char*, unsigned, hid_t access, haddr_t) {
  const auto* backing = static_cast<Backing* const*>(H5Pget_driver_info(access));
  if (backing == nullptr) return nullptr;
  auto size = (*backing)->file->size();
  if (!size.has_value()) {
    (*backing)->error = std::move(size).error();
    return nullptr;
  }
  auto file = std::make_unique<DriverFile>();
  std::memset(&file->base, 0, sizeof file->base);
  file->backing = *backing;
  file->end_allocated = 0;
  file->end_of_file = *size;
  return &file.release()->base;
}

herr_t driver_close(H5FD_t* file) {
  const std::unique_ptr<DriverFile> owned(&driver_file(file));
  return 0;
}

int driver_compare(const H5FD_t* a, const H5FD_t* b) {
  const auto* left = driver_file(a).backing->file;
  const auto* right = driver_file(b).backing->file;
  return left == right ? 0 : std::less<>()(left, right) ? -1 : 1;
}

herr_t driver_query(const H5FD_t*, unsigned long* flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA;
  return 0;
}

haddr_t driver_get_allocated(const H5FD_t* file, H5FD_mem_t) { return driver_file(file).end_allocated; }
herr_t driver_set_allocated(H5FD_t* file, H5FD_mem_t, haddr_t end) {
  driver_file(file).end_allocated = end;
  return 0;
}
haddr_t driver_get_end(const H5FD_t* file, H5FD_mem_t) { return driver_file(file).end_of_file; }

herr_t driver_read(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t offset, std::size_t size, void* buffer) {
  DriverFile& self = driver_file(file);
  const std::span<std::byte> out(static_cast<std::byte*>(buffer), size);
  // What lies between the end of the file and the end of what HDF5 allocated reads as zeros, as its own drivers have it.
  const std::uint64_t there = offset >= self.end_of_file ? 0 : std::min<std::uint64_t>(size, self.end_of_file - offset);
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(there), out.end(), std::byte{0});
  return there == 0 ? 0 : remember(*self.backing, self.backing->file->read(offset, out.first(there)));
}

herr_t driver_write(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t offset, std::size_t size, const void* buffer) {
  DriverFile& self = driver_file(file);
  // After the first failure the file is given up: HDF5 is told that all is well, so that it can close.
  if (!self.backing->error) {
    (void)remember(*self.backing, self.backing->file->write(offset, {static_cast<const std::byte*>(buffer), size}));
  }
  self.end_of_file = std::max<haddr_t>(self.end_of_file, offset + size);
  return 0;
}

herr_t driver_truncate(H5FD_t* file, hid_t, hbool_t) {
  DriverFile& self = driver_file(file);
  if (!self.backing->writable || self.end_of_file == self.end_allocated) return 0;
  if (!self.backing->error) (void)remember(*self.backing, self.backing->file->truncate(self.end_allocated));
  self.end_of_file = self.end_allocated;
  return 0;
}

constexpr H5FD_class_t kDriver = {"strata_io",       // name
                                  HADDR_MAX - 1,     // maxaddr
                                  H5F_CLOSE_STRONG,  // fc_degree
                                  nullptr,           // terminate
                                  nullptr,
                                  nullptr,
                                  nullptr,           // superblock: nothing of ours
                                  sizeof(Backing*),  // fapl_size
                                  nullptr,
                                  nullptr,
                                  nullptr,  // fapl: copied as bytes
                                  0,
                                  nullptr,
                                  nullptr,  // dxpl
                                  driver_open,
                                  driver_close,
                                  driver_compare,
                                  driver_query,
                                  nullptr,
                                  nullptr,
                                  nullptr,  // get_type_map, alloc, free
                                  driver_get_allocated,
                                  driver_set_allocated,
                                  driver_get_end,
                                  nullptr,  // get_handle
                                  driver_read,
                                  driver_write,
                                  nullptr,  // flush
                                  driver_truncate,
                                  nullptr,
                                  nullptr,  // lock, unlock: finished files never change
                                  H5FD_FLMAP_DICHOTOMY};

// ---- property lists, types, spaces ---------------------------------------------------------------------------------

Handle access_list(Backing& backing) {
  static const hid_t driver = H5FDregister(&kDriver);
  Handle list(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  Backing* pointer = &backing;
  H5Pset_driver(list.get(), driver, &pointer);
  H5Pset_fclose_degree(list.get(), H5F_CLOSE_STRONG);
  H5Pset_libver_bounds(list.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);  // checksummed metadata, compact chunk indexes
  return list;
}

Handle file_type(DataType type) {
  switch (type) {
    case DataType::int8: return {H5Tcopy(H5T_STD_I8LE), H5Tclose};
    case DataType::int16: return {H5Tcopy(H5T_STD_I16LE), H5Tclose};
    case DataType::int32: return {H5Tcopy(H5T_STD_I32LE), H5Tclose};
    case DataType::int64: return {H5Tcopy(H5T_STD_I64LE), H5Tclose};
    case DataType::uint8: return {H5Tcopy(H5T_STD_U8LE), H5Tclose};
    case DataType::uint16: return {H5Tcopy(H5T_STD_U16LE), H5Tclose};
    case DataType::uint32: return {H5Tcopy(H5T_STD_U32LE), H5Tclose};
    case DataType::uint64: return {H5Tcopy(H5T_STD_U64LE), H5Tclose};
    case DataType::float32: return {H5Tcopy(H5T_IEEE_F32LE), H5Tclose};
    case DataType::float64: return {H5Tcopy(H5T_IEEE_F64LE), H5Tclose};
    case DataType::float16: break;
  }
  // HDF5 1.10 has no name for binary16; described like this it is numpy's float16.
  Handle half(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
  H5Tset_fields(half.get(), 15, 10, 5, 0, 10);
  H5Tset_size(half.get(), 2);
  H5Tset_ebias(half.get(), 15);
  return half;
}

std::vector<hsize_t> dimensions(const DatasetOptions& options, std::uint64_t rows) {
  std::vector<hsize_t> axes{rows};
  axes.insert(axes.end(), options.row_shape.begin(), options.row_shape.end());
  return axes;
}

Handle simple_space(std::span<const hsize_t> axes) {
  return {H5Screate_simple(static_cast<int>(axes.size()), axes.data(), nullptr), H5Sclose};
}

/// A space of `axes` with rows [begin, begin + count) selected.
Handle selected_space(std::vector<hsize_t> axes, std::uint64_t begin, std::uint64_t count) {
  Handle space = simple_space(axes);
  std::vector<hsize_t> start(axes.size(), 0);
  start[0] = begin;
  axes[0] = count;
  if (H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, axes.data(), nullptr) < 0) return {};
  return space;
}

/// Equal content gives equal files: no times in them.
Handle creation_list() {
  Handle list(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(list.get(), false);
  return list;
}

struct Filters {
  int gzip_level;
  bool shuffle;
  bool fletcher32;
};

Handle chunked_list(std::span<const hsize_t> chunk, const Filters& filters) {
  Handle list = creation_list();
  H5Pset_chunk(list.get(), static_cast<int>(chunk.size()), chunk.data());
  if (filters.shuffle) H5Pset_shuffle(list.get());
  if (filters.gzip_level > 0) H5Pset_deflate(list.get(), static_cast<unsigned>(filters.gzip_level));
  if (filters.fletcher32) H5Pset_fletcher32(list.get());
  return list;
}

/// What HDF5 said last: the innermost message of its error stack. That it found no memory ends the process: its lists are
/// left half-made, and no call into it would succeed any more. It does not always say so, but misses a property of its own
/// from then on, which no file can bring about.
std::string library_message() {
  struct Message {
    std::string text = "no message";
    bool no_memory = false;
  } message;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned depth, const H5E_error2_t* entry, void* out) -> herr_t {
        auto& said = *static_cast<Message*>(out);
        if (depth == 0 && entry->desc != nullptr) said.text = entry->desc;
        const bool no_space = entry->maj_num == H5E_RESOURCE && entry->min_num == H5E_NOSPACE;
        const bool lost = entry->maj_num == H5E_PLIST && entry->min_num == H5E_NOTFOUND;
        if (no_space || lost) said.no_memory = true;
        return 0;
      },
      &message);
  if (message.no_memory) core::out_of_memory("HDF5");
  return message.text;
}

/// The error of a failed call: what the file said if it said something, else what HDF5 says.
Error failure(Backing& backing, ErrorCode otherwise, const char* doing) {
  if (backing.error) return std::exchange(backing.error, std::nullopt)->clone().with_context(doing);
  return Error(otherwise, std::string(doing) + ": HDF5: " + library_message());
}

// ---- the companions --------------------------------------------------------------------------------------------------

constexpr Filters kCompanionFilters{6, true, true};
constexpr hsize_t kCompanionChunkBytes = 64 << 10;

bool write_companion(hid_t file, const char* name, hid_t type, std::size_t each, const void* data, std::size_t count) {
  if (count == 0) return true;
  const hsize_t axes[] = {count};
  const hsize_t chunk[] = {std::min<hsize_t>(count, kCompanionChunkBytes / each)};
  const Handle space = simple_space(axes);
  const Handle list = chunked_list(chunk, kCompanionFilters);
  const Handle dataset(H5Dcreate2(file, name, type, space.get(), H5P_DEFAULT, list.get(), H5P_DEFAULT), H5Dclose);
  return dataset.valid() && H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
}

bool write_companions(hid_t file, const AppendLog& log) {
  std::vector<std::uint64_t> lsns, ends, key_ends;
  std::string keys;
  for (std::size_t i = 0; i < log.size(); ++i) {
    lsns.push_back(log.append(i).lsn);
    ends.push_back(log.append(i).end);
    keys.append(log.key(i));
    key_ends.push_back(keys.size());
  }
  return write_companion(file, "append_lsn", H5T_STD_U64LE, 8, lsns.data(), lsns.size()) &&
         write_companion(file, "append_end", H5T_STD_U64LE, 8, ends.data(), ends.size()) &&
         write_companion(file, "key_end", H5T_STD_U64LE, 8, key_ends.data(), key_ends.size()) &&
         write_companion(file, "keys", H5T_STD_U8LE, 1, keys.data(), keys.size());
}

template <typename Out>
bool read_companion(hid_t file, const char* name, hid_t type, Out& out) {
  const Handle dataset(H5Dopen2(file, name, H5P_DEFAULT), H5Dclose);
  const Handle space(dataset.valid() ? H5Dget_space(dataset.get()) : -1, H5Sclose);
  hsize_t count = 0;
  if (!space.valid() || H5Sget_simple_extent_ndims(space.get()) != 1 ||
      H5Sget_simple_extent_dims(space.get(), &count, nullptr) < 0) {
    return false;
  }
  out.resize(count);
  return H5Dread(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out.data()) >= 0;
}

// ---- parts -----------------------------------------------------------------------------------------------------------

class Hdf5PartWriter final : public PartWriter {
 public:
  Hdf5PartWriter(io::File& file, const DatasetOptions& options, std::uint64_t rows)
      : options_(options), rows_(rows), backing_{&file, true, std::nullopt} {}
  ~Hdf5PartWriter() override {
    const Library library;
    close();
  }

  Result<void> create(const AppendLog* log) {
    const Library library;
    const Handle access = access_list(backing_);
    file_ = Handle(H5Fcreate("part", H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), H5Fclose);
    if (!file_.valid()) return failure(backing_, ErrorCode::io, "creating a part");
    const std::vector<hsize_t> axes = dimensions(options_, rows_);
    std::vector<hsize_t> chunk = axes;
    chunk[0] = std::min(rows_, chunk_rows(options_));
    type_ = file_type(options_.type);
    const Handle space = simple_space(axes);
    const Handle list = chunked_list(chunk, {options_.gzip_level, options_.shuffle, options_.fletcher32});
    dataset_ = Handle(H5Dcreate2(file_.get(), "rows", type_.get(), space.get(), H5P_DEFAULT, list.get(), H5P_DEFAULT),
                      H5Dclose);
    if (!dataset_.valid()) return failure(backing_, ErrorCode::io, "creating a part");
    if (log != nullptr && !write_companions(file_.get(), *log)) {
      return failure(backing_, ErrorCode::io, "writing a part's keys");
    }
    return check_backing();
  }

  Result<void> write(ByteView rows) override {
    const std::uint64_t count = rows.size() / row_bytes(options_);
    STRATA_ASSERT(written_ + count <= rows_ && rows.size() % row_bytes(options_) == 0);
    const Library library;
    const Handle to = selected_space(dimensions(options_, rows_), written_, count);
    const Handle from = simple_space(dimensions(options_, count));
    if (H5Dwrite(dataset_.get(), type_.get(), from.get(), to.get(), H5P_DEFAULT, rows.data()) < 0) {
      return failure(backing_, ErrorCode::io, "writing rows");
    }
    written_ += count;
    return check_backing();
  }

  Result<void> finish() override {
    STRATA_ASSERT(written_ == rows_);
    const Library library;
    if (!close()) return failure(backing_, ErrorCode::io, "closing a part");
    return check_backing();
  }

 private:
  bool close() {
    bool well = dataset_.reset() >= 0;
    well = type_.reset() >= 0 && well;
    return file_.reset() >= 0 && well;
  }
  Result<void> check_backing() {
    if (backing_.error) return failure(backing_, ErrorCode::io, "writing a part");
    return {};
  }

  const DatasetOptions options_;
  const std::uint64_t rows_;
  Backing backing_;
  std::uint64_t written_ = 0;
  Handle file_, type_, dataset_;  // touched under the library's lock
};

class Hdf5PartReader final : public PartReader {
 public:
  Hdf5PartReader(std::unique_ptr<io::File> file, const DatasetOptions& options, std::uint64_t rows)
      : options_(options), rows_(rows), owned_(std::move(file)), backing_{owned_.get(), false, std::nullopt} {}
  ~Hdf5PartReader() override {
    const Library library;
    dataset_.reset();
    type_.reset();
    file_.reset();
  }

  Result<void> open() {
    const Library library;
    const Handle access = access_list(backing_);
    file_ = Handle(H5Fopen("part", H5F_ACC_RDONLY, access.get()), H5Fclose);
    if (!file_.valid()) return failure(backing_, ErrorCode::corruption, "opening a part");
    // Room for two chunks, so that neighbouring reads of a compressed one do not expand it again and again.
    const std::uint64_t chunk = chunk_rows(options_) * row_bytes(options_);
    const Handle list(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose);
    H5Pset_chunk_cache(list.get(), 521, std::clamp<std::size_t>(2 * chunk, 1 << 20, 32 << 20), 0.75);
    dataset_ = Handle(H5Dopen2(file_.get(), "rows", list.get()), H5Dclose);
    if (!dataset_.valid()) return failure(backing_, ErrorCode::corruption, "opening a part");
    type_ = file_type(options_.type);
    const Handle stored(H5Dget_type(dataset_.get()), H5Tclose);
    const Handle space(H5Dget_space(dataset_.get()), H5Sclose);
    const std::vector<hsize_t> expected = dimensions(options_, rows_);
    std::vector<hsize_t> axes(expected.size());
    const bool same = H5Tequal(stored.get(), type_.get()) > 0 &&
                      H5Sget_simple_extent_ndims(space.get()) == static_cast<int>(expected.size()) &&
                      H5Sget_simple_extent_dims(space.get(), axes.data(), nullptr) >= 0 && axes == expected;
    if (!same) return Error(ErrorCode::corruption, "a part holds other rows than " + describe(options_));
    return {};
  }

  Result<void> read(std::uint64_t begin, std::uint64_t count, std::span<std::byte> out) override {
    STRATA_ASSERT(begin + count <= rows_ && out.size() == count * row_bytes(options_));
    if (count == 0) return {};
    const Library library;
    const Handle from = selected_space(dimensions(options_, rows_), begin, count);
    const Handle to = simple_space(dimensions(options_, count));
    if (H5Dread(dataset_.get(), type_.get(), to.get(), from.get(), H5P_DEFAULT, out.data()) < 0) {
      return failure(backing_, ErrorCode::corruption, "reading rows");
    }
    return {};
  }

  Result<AppendLog> read_log() override {
    std::vector<std::uint64_t> lsns, ends, key_ends;
    std::string keys;
    {
      const Library library;
      const hid_t u64 = H5T_STD_U64LE;
      const bool read = read_companion(file_.get(), "append_lsn", u64, lsns) &&
                        read_companion(file_.get(), "append_end", u64, ends) &&
                        read_companion(file_.get(), "key_end", u64, key_ends);
      if (!read) return failure(backing_, ErrorCode::corruption, "reading a part's keys");
      if (!key_ends.empty() && key_ends.back() > 0 && !read_companion(file_.get(), "keys", H5T_STD_U8LE, keys)) {
        return failure(backing_, ErrorCode::corruption, "reading a part's keys");
      }
    }
    bool sound = lsns.size() == ends.size() && ends.size() == key_ends.size() && !ends.empty() &&
                 ends.back() == rows_ && key_ends.back() == keys.size();
    AppendLog log;
    std::uint64_t end = 0, key_end = 0;
    for (std::size_t i = 0; sound && i < lsns.size(); ++i) {
      sound =
          ends[i] > end && key_ends[i] >= key_end && key_ends[i] <= keys.size() && (i == 0 || lsns[i] >= lsns[i - 1]);
      if (!sound) break;
      log.add(lsns[i], ends[i] - end, std::string_view(keys).substr(key_end, key_ends[i] - key_end));
      end = ends[i];
      key_end = key_ends[i];
    }
    if (!sound) return Error(ErrorCode::corruption, "a part's keys contradict each other");
    return log;
  }

 private:
  const DatasetOptions options_;
  const std::uint64_t rows_;
  const std::unique_ptr<io::File> owned_;
  Backing backing_;
  Handle file_, type_, dataset_;  // touched under the library's lock
};

// ---- the index ---------------------------------------------------------------------------------------------------------

bool write_attribute(hid_t object, const std::string& name, const Value& value) {
  const auto scalar = [&](hid_t type, const void* data) {
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    const Handle attribute(H5Acreate2(object, name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    return attribute.valid() && H5Awrite(attribute.get(), type, data) >= 0;
  };
  if (const auto* integer = value.integer()) return scalar(H5T_STD_I64LE, integer);
  if (const auto* real = value.real()) return scalar(H5T_IEEE_F64LE, real);
  const std::string text = value.text() != nullptr ? *value.text() : to_json(value);  // what HDF5 has no type for: JSON
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  if (text.find('\0') == std::string::npos) {  // of variable length, which h5py shows as str and not as bytes
    H5Tset_size(type.get(), H5T_VARIABLE);
    const char* pointer = text.c_str();
    return scalar(type.get(), static_cast<const void*>(&pointer));
  }
  H5Tset_size(type.get(), text.size());
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  return scalar(type.get(), text.data());
}

bool write_virtual_dataset(hid_t file, const VirtualDataset& dataset) {
  std::uint64_t rows = 0;
  for (const auto& part : dataset.parts) rows += part.rows;
  const std::vector<hsize_t> axes = dimensions(dataset.options, rows);
  const Handle space = simple_space(axes);
  const Handle list = creation_list();
  std::uint64_t begin = 0;
  for (const auto& part : dataset.parts) {
    const Handle here = selected_space(axes, begin, part.rows);
    const Handle there = simple_space(dimensions(dataset.options, part.rows));
    if (H5Pset_virtual(list.get(), here.get(), part.file.c_str(), "rows", there.get()) < 0) return false;
    begin += part.rows;
  }
  const Handle type = file_type(dataset.options.type);
  const Handle made(
      H5Dcreate2(file, dataset.name.c_str(), type.get(), space.get(), H5P_DEFAULT, list.get(), H5P_DEFAULT), H5Dclose);
  if (!made.valid()) return false;
  return std::all_of(dataset.attributes.begin(), dataset.attributes.end(),
                     [&](const auto& entry) { return write_attribute(made.get(), entry.first, entry.second); });
}

}  // namespace

Result<std::unique_ptr<PartWriter>> PartWriter::open(io::File& file, const DatasetOptions& options, std::uint64_t rows,
                                                     const AppendLog* log) {
  auto writer = std::make_unique<Hdf5PartWriter>(file, options, rows);
  STRATA_TRY(writer->create(log));
  return std::unique_ptr<PartWriter>(std::move(writer));
}

Result<std::unique_ptr<PartReader>> PartReader::open(std::unique_ptr<io::File> file, const DatasetOptions& options,
                                                     std::uint64_t rows) {
  auto reader = std::make_unique<Hdf5PartReader>(std::move(file), options, rows);
  STRATA_TRY(reader->open());
  return std::unique_ptr<PartReader>(std::move(reader));
}

Result<void> write_virtual_index(io::File& file, std::span<const VirtualDataset> datasets) {
  Backing backing{&file, true, std::nullopt};
  const Library library;
  const Handle access = access_list(backing);
  Handle index(H5Fcreate("index", H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), H5Fclose);
  bool well = index.valid();
  for (const VirtualDataset& dataset : datasets) well = well && write_virtual_dataset(index.get(), dataset);
  if (!well) return failure(backing, ErrorCode::io, "writing the array index");
  if (index.reset() < 0 || backing.error) return failure(backing, ErrorCode::io, "closing the array index");
  return {};
}

}  // namespace strata::store::array
