#pragma once
/// The array store: large numeric arrays that grow along their first axis, in HDF5 files that h5py opens.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "strata/error.h"
#include "strata/value.h"

namespace [[gnu::visibility("default")]] strata {

enum class DataType : std::uint8_t {
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  float16,
  float32,
  float64
};
std::string_view name(DataType type) noexcept;  ///< "float32", as numpy names it
std::size_t bytes_of(DataType type) noexcept;
Result<DataType> parse_data_type(std::string_view text);

struct DatasetOptions {
  DataType type = DataType::float32;
  std::vector<std::uint64_t> row_shape = {};  ///< shape of one row; empty: scalars. Up to 8 axes, 64 MiB a row
  std::uint64_t chunk_rows = 0;               ///< rows in an HDF5 chunk, up to 64 MiB in all; 0: about 64 KiB worth
  int gzip_level = 0;                         ///< 0: none … 9
  bool shuffle = false;
  bool fletcher32 = true;
  bool operator==(const DatasetOptions&) const = default;
};

struct DatasetInfo {
  std::string name = {};
  DatasetOptions options = {};
  std::uint64_t rows = 0;
  std::uint64_t parts = 0;  ///< immutable files it consists of
  Map attributes = {};
};

/// Rows begin … end (exclusive).
struct RowRange {
  std::uint64_t begin = 0, end = 0;
  bool operator==(const RowRange&) const = default;
};

/// Rows [begin, begin + rows) of a dataset, C order, little-endian.
struct ArrayData {
  DataType type = DataType::float32;
  std::vector<std::uint64_t> shape = {};  ///< rows first
  Bytes bytes = {};
};

class ArrayStore {
 public:
  virtual ~ArrayStore() = default;

  /// name    [a-z0-9][a-z0-9_-]{0,63}. Does nothing when it exists with the same options.
  /// Errors  invalid_argument, already_exists (other options)
  virtual Result<void> create_dataset(std::string_view dataset, const DatasetOptions& options) = 0;
  virtual Result<void> drop_dataset(std::string_view dataset) = 0;
  virtual Result<std::vector<DatasetInfo>> datasets() = 0;
  virtual Result<DatasetInfo> dataset(std::string_view dataset) = 0;
  /// Appends rows; returns the index of the first. Appends of several transactions do not conflict: they line up in commit
  /// order, so inside a transaction the index is what it would be if it committed now. To refer to rows from elsewhere,
  /// give them a key.
  /// rows    bytes of shape [n, …row_shape] of the dataset's type       key   up to 1,024 bytes; several appends may share one
  /// Errors  not_found, invalid_argument (type or shape; both are named)
  virtual Result<std::uint64_t> append(std::string_view dataset, DataType type, std::span<const std::uint64_t> shape,
                                       ByteView rows, std::string_view key = {}) = 0;
  /// The rows appended under this key, in order; empty when there are none.
  virtual Result<std::vector<RowRange>> find(std::string_view dataset, std::string_view key) = 0;
  /// Rows begin … end (exclusive), clipped to what there is. Reads only the chunks it needs.
  virtual Result<ArrayData> read(std::string_view dataset, std::uint64_t begin, std::uint64_t end) = 0;
  /// Overwrites rows, begin … end (exclusive), clipped to what there is, with zeros: what forgetting a memory does to its rows. The indexes of the others stay.
  virtual Result<void> clear_rows(std::string_view dataset, std::uint64_t begin, std::uint64_t end) = 0;
  /// name    1 … 255 bytes of UTF-8     value   up to 32 KiB encoded; null takes the attribute away
  virtual Result<void> set_attribute(std::string_view dataset, std::string_view name, const Value& value) = 0;
};

/// One dataset by name: what `db->array("activations")` gives. Borrows the store it came from.
class Dataset {
 public:
  Dataset(ArrayStore& store, std::string name) : store_(&store), name_(std::move(name)) {}
  const std::string& name() const { return name_; }
  /// One row of a float32 dataset whose rows have one axis.
  Result<std::uint64_t> append(std::span<const float> row, std::string_view key = {}) {
    const std::uint64_t shape[] = {1, row.size()};
    return store_->append(name_, DataType::float32, shape, std::as_bytes(row), key);
  }
  Result<ArrayData> read(std::uint64_t begin, std::uint64_t end) { return store_->read(name_, begin, end); }

 private:
  ArrayStore* store_;
  std::string name_;
};

}  // namespace strata
