#include "store/analytics/parquet_file.h"

#include <algorithm>
#include <utility>

namespace strata::store::analytics {
namespace {

Error in_file(Error error, const std::string& path) { return std::move(error).with_context(path); }

/// Of a row group of the file: what a reader, and DuckDB as it writes, holds in memory several times.
constexpr std::uint64_t kGroupBytes = 16 << 20;
constexpr std::uint64_t kGroupRowsMin = 2'048;
/// Of the points that are handed to DuckDB together.
constexpr std::uint64_t kChunkBytes = 8 << 20;

std::string table_of(const std::string& path) { return "read_parquet(" + literal(path) + ")"; }

}  // namespace

Result<ParquetReader> ParquetReader::open(const std::string& path) {
  ParquetReader reader;
  reader.path_ = path;
  DuckOptions options;
  options.threads = 1;
  options.user_file = path;
  reader.database_ = STRATA_TRY(DuckDatabase::open("", options));
  reader.connection_ = STRATA_TRY(reader.database_->connect());
  const auto described = [&]() -> Result<void> {
    auto describe = STRATA_TRY(reader.connection_->prepare("DESCRIBE SELECT * FROM " + table_of(path)));
    for (const auto& row : STRATA_TRY(describe.rows(1 << 16)).rows)
      reader.columns_.push_back({*row[0].text(), *row[1].text()});
    auto count = STRATA_TRY(reader.connection_->prepare("SELECT count(*) FROM " + table_of(path)));
    const Rows rows = STRATA_TRY(count.rows(1));
    reader.rows_ = static_cast<std::uint64_t>(*rows.rows.at(0).at(0).integer());
    return {};
  }();
  if (!described) return in_file(described.error().clone(), path);
  return reader;
}

Result<void> ParquetReader::select(std::span<const std::string> expressions) {
  std::string sql = "SELECT ";
  for (const std::string& expression : expressions) sql += (&expression == expressions.data() ? "" : ", ") + expression;
  auto statement = connection_->prepare(sql + " FROM " + table_of(path_));
  if (!statement) return in_file(std::move(statement).error(), path_);
  statement_ = std::make_unique<DuckStatement>(std::move(*statement));
  auto stream = statement_->stream();
  if (!stream) return in_file(std::move(stream).error(), path_);
  stream_ = std::make_unique<DuckRowStream>(std::move(*stream));
  return {};
}

Result<bool> ParquetReader::next(Rows& rows) {
  auto more = stream_->next(rows);
  if (!more) return in_file(std::move(more).error(), path_);
  return more;
}

Result<ParquetPointWriter> ParquetPointWriter::open(const std::string& path, const std::string& temporary,
                                                    std::uint32_t dimension, std::uint64_t memory_bytes_max) {
  ParquetPointWriter writer;
  writer.path_ = path;
  writer.dimension_ = dimension;
  DuckOptions options;
  options.threads = 1;
  options.user_file = path;
  options.memory_bytes_max = memory_bytes_max;
  options.temporary_directory = temporary;
  options.temporary_bytes_max = std::uint64_t{1} << 40;
  writer.database_ = STRATA_TRY(DuckDatabase::open("", options));
  writer.connection_ = STRATA_TRY(writer.database_->connect());
  STRATA_TRY(writer.connection_->execute("CREATE TABLE points(id VARCHAR, vector FLOAT[], payload VARCHAR)"));
  if (duckdb_appender_create(writer.connection_->get(), nullptr, "points", &writer.appender_) != DuckDBSuccess) {
    return duck_error("writing " + path, duckdb_appender_error(writer.appender_));
  }
  duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
  duckdb_logical_type real = duckdb_create_logical_type(DUCKDB_TYPE_FLOAT);
  duckdb_logical_type reals = duckdb_create_list_type(real);
  duckdb_logical_type types[] = {text, reals, text};
  writer.chunk_ = duckdb_create_data_chunk(types, 3);
  for (duckdb_logical_type* type : {&text, &real, &reals}) duckdb_destroy_logical_type(type);
  return writer;
}

ParquetPointWriter::ParquetPointWriter(ParquetPointWriter&& other) noexcept
    : path_(std::move(other.path_)),
      dimension_(other.dimension_),
      database_(std::move(other.database_)),
      connection_(std::move(other.connection_)),
      appender_(std::exchange(other.appender_, nullptr)),
      chunk_(std::exchange(other.chunk_, nullptr)),
      filled_(other.filled_) {}

ParquetPointWriter::~ParquetPointWriter() {
  if (chunk_ != nullptr) duckdb_destroy_data_chunk(&chunk_);
  if (appender_ != nullptr) duckdb_appender_destroy(&appender_);
}

Result<void> ParquetPointWriter::append(std::string_view id, std::span<const float> vector, std::string_view payload) {
  const duckdb_vector column = duckdb_data_chunk_get_vector(chunk_, 1);
  const duckdb_list_entry entry{filled_ * dimension_, dimension_};
  if (duckdb_list_vector_reserve(column, entry.offset + entry.length) != DuckDBSuccess ||
      duckdb_list_vector_set_size(column, entry.offset + entry.length) != DuckDBSuccess) {
    return Error(ErrorCode::resource_exhausted, "writing " + path_ + ": no memory for a list of numbers");
  }
  static_cast<duckdb_list_entry*>(duckdb_vector_get_data(column))[filled_] = entry;
  auto* numbers = static_cast<float*>(duckdb_vector_get_data(duckdb_list_vector_get_child(column)));
  std::copy(vector.begin(), vector.end(), numbers + entry.offset);
  duckdb_vector_assign_string_element_len(duckdb_data_chunk_get_vector(chunk_, 0), filled_, id.data(), id.size());
  duckdb_vector_assign_string_element_len(duckdb_data_chunk_get_vector(chunk_, 2), filled_, payload.data(),
                                          payload.size());
  const bool full = ++filled_ == duckdb_vector_size() || filled_ * dimension_ * sizeof(float) >= kChunkBytes;
  return full ? put_chunk() : Result<void>();
}

Result<void> ParquetPointWriter::put_chunk() {
  if (filled_ == 0) return {};
  duckdb_data_chunk_set_size(chunk_, filled_);
  // Flushed, so that it can go to disk: what the appender holds cannot.
  if (duckdb_append_data_chunk(appender_, chunk_) != DuckDBSuccess || duckdb_appender_flush(appender_) != DuckDBSuccess)
    return duck_error("writing " + path_, duckdb_appender_error(appender_));
  duckdb_data_chunk_reset(chunk_);
  filled_ = 0;
  return {};
}

Result<void> ParquetPointWriter::finish() {
  STRATA_TRY(put_chunk());
  if (duckdb_appender_close(appender_) != DuckDBSuccess)
    return duck_error("writing " + path_, duckdb_appender_error(appender_));
  const std::uint64_t group_rows = std::max(kGroupRowsMin, kGroupBytes / (sizeof(float) * dimension_));
  auto copied = connection_->execute("COPY points TO " + literal(path_) +
                                     " (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false, ROW_GROUP_SIZE " +
                                     std::to_string(group_rows) + ")");
  if (!copied) return in_file(std::move(copied).error(), path_);
  return {};
}

}  // namespace strata::store::analytics
