#pragma once
/// Parquet files of the user's, through DuckDB: rows in, and points out. A session of its own that reaches this one file.
#include <memory>
#include <span>

#include "store/analytics/duckdb_session.h"

namespace strata::store::analytics {

/// One thread at a time.
class ParquetReader {
 public:
  struct Column {
    std::string name;
    std::string type;  ///< as DuckDB calls it: "FLOAT[]", "TIMESTAMP WITH TIME ZONE"
  };

  /// path  absolute. Errors  invalid_argument (no such file), corruption, resource_exhausted
  static Result<ParquetReader> open(const std::string& path);
  const std::vector<Column>& columns() const { return columns_; }
  std::uint64_t rows() const { return rows_; }
  /// Begins to read, in the file's order: one SQL expression over the columns for each value wanted.
  Result<void> select(std::span<const std::string> expressions);
  /// Replaces rows.rows by the next ones, up to 64; false at the end.
  Result<bool> next(Rows& rows);

 private:
  ParquetReader() = default;
  std::string path_;
  std::unique_ptr<DuckDatabase> database_;
  std::unique_ptr<DuckConnection> connection_;
  std::vector<Column> columns_;
  std::uint64_t rows_ = 0;
  std::unique_ptr<DuckStatement> statement_;
  std::unique_ptr<DuckRowStream> stream_;
};

/// A file with the columns id (text), vector (float32 list of one length) and payload (JSON as text). What does not fit into memory
/// waits in a folder. One thread at a time.
class ParquetPointWriter {
 public:
  /// path  absolute, replaced at finish       temporary  absolute; made when it is needed, and removed
  static Result<ParquetPointWriter> open(const std::string& path, const std::string& temporary, std::uint32_t dimension,
                                         std::uint64_t memory_bytes_max = 256 << 20);
  ParquetPointWriter(ParquetPointWriter&& other) noexcept;
  ParquetPointWriter& operator=(ParquetPointWriter&&) = delete;
  ~ParquetPointWriter();
  Result<void> append(std::string_view id, std::span<const float> vector, std::string_view payload);
  Result<void> finish();

 private:
  ParquetPointWriter() = default;
  Result<void> put_chunk();
  std::string path_;
  std::uint32_t dimension_ = 0;
  std::unique_ptr<DuckDatabase> database_;
  std::unique_ptr<DuckConnection> connection_;
  duckdb_appender appender_ = nullptr;
  duckdb_data_chunk chunk_ = nullptr;
  std::size_t filled_ = 0;
};

}  // namespace strata::store::analytics
