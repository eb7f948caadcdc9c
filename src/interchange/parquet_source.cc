#include "interchange/parquet_source.h"

#include <algorithm>

#include "store/analytics/parquet_file.h"

namespace strata::interchange {
namespace {

using store::analytics::ParquetReader;
using store::analytics::quote;
using Column = ParquetReader::Column;

constexpr std::string_view kPayload = "payload";

bool is_list(const std::string& type) { return type.ends_with("]"); }
bool is_list_of_reals(const std::string& type) {
  const std::string item = type.substr(0, type.find('['));
  return is_list(type) && type.find('[') == type.rfind('[') && (item == "FLOAT" || item == "DOUBLE");
}

/// Whether a payload has values of this type, or of all the types in it.
bool is_kept(const std::string& type) {
  // In longer names shorter ones are found, too: TIME is in TIMESTAMP, INT128 says HUGEINT.
  for (const std::string_view other :
       {"DATE", "TIME", "DECIMAL", "HUGEINT", "UBIGINT", "UUID", "INTERVAL", "BIT", "ENUM", "UNION", "MAP", "BIGNUM"}) {
    if (type.find(other) != std::string::npos) return false;
  }
  return true;
}

std::string listed(const std::vector<Column>& columns) {
  std::string names;
  for (const Column& column : columns) names += (names.empty() ? "" : ", ") + column.name + " " + column.type;
  return names.empty() ? "none" : names.substr(0, 1'000);
}

class ParquetSource final : public PeekingSource {
 public:
  explicit ParquetSource(ParquetReader reader) : reader_(std::move(reader)) {}

  /// Finds the columns and reads up to the first point with a vector: it says how many dimensions there are.
  Result<void> begin(const ColumnNames& names) {
    info_.format = "parquet";
    info_.metric_text = "a Parquet file does not say by which metric its vectors are compared";
    info_.points = reader_.rows();
    std::vector<std::string> expressions{STRATA_TRY(id_column(names.id)), STRATA_TRY(vector_column(names.vector))};
    for (std::string& expression : expressions) expression = quote(expression);
    for (const Column& column : reader_.columns()) {
      if (quote(column.name) == expressions[0] || quote(column.name) == expressions[1]) continue;
      fields_.push_back(column.name);
      const bool kept = is_kept(column.type),
                 plain = !is_list(column.type) && !column.type.starts_with("STRUCT") && !column.type.starts_with("MAP");
      expressions.push_back(kept    ? quote(column.name)
                            : plain ? "CAST(" + quote(column.name) + " AS VARCHAR)"
                                    : "CAST(to_json(" + quote(column.name) + ") AS VARCHAR)");
      if (!kept && column.type != "UUID")
        first_remarks_.add("a column of the type " + column.type + " became text in the payload", column.name,
                           info_.points);
    }
    STRATA_TRY(reader_.select(expressions));
    return read_first();
  }

 private:
  const Column* find(std::string_view name) const {
    const auto& columns = reader_.columns();
    const auto found =
        std::find_if(columns.begin(), columns.end(), [&](const Column& column) { return column.name == name; });
    return found == columns.end() ? nullptr : &*found;
  }
  Error no_column(const std::string& what) const {
    return Error(ErrorCode::invalid_argument, what + "; the columns are " + listed(reader_.columns()));
  }

  Result<std::string> id_column(const std::string& name) const {
    const std::string wanted = name.empty() ? "id" : name;
    if (find(wanted) == nullptr) return no_column("there is no column \"" + wanted + "\" for the ids: say which");
    return wanted;
  }

  Result<std::string> vector_column(const std::string& name) const {
    if (!name.empty()) {
      const Column* column = find(name);
      if (column == nullptr || !is_list(column->type))
        return no_column("there is no column \"" + name + "\" of lists for the vectors");
      return name;
    }
    for (const std::string_view usual : {"vector", "embedding"}) {
      const Column* column = find(usual);
      if (column != nullptr && is_list(column->type)) return std::string(usual);
    }
    std::vector<std::string> lists;
    for (const Column& column : reader_.columns()) {
      if (is_list_of_reals(column.type)) lists.push_back(column.name);
    }
    if (lists.size() != 1) return no_column("which column holds the vectors does not show: say it");
    return lists[0];
  }

  Result<bool> read(IncomingPoint& point, Remarks& remarks) override {
    for (;;) {
      if (at_ == rows_.rows.size()) {
        at_ = 0;
        if (!STRATA_TRY(reader_.next(rows_))) return false;
        continue;
      }
      std::vector<Value>& row = rows_.rows[at_++];
      point.place = "row " + std::to_string(count_++);
      if (take(row, point, remarks)) return true;
    }
  }

  bool take(std::vector<Value>& row, IncomingPoint& point, Remarks& remarks) const {
    auto id = id_of(row[0]);
    if (!id) {
      remarks.add("no id, or one that is neither text nor an integer: left out", point.place);
      return false;
    }
    point.id = *std::move(id);
    bool rounded = false;
    auto floats = floats_of(row[1], rounded);
    if (!floats) {
      remarks.add(
          row[1].is_null() ? "no vector in the file: left out" : "a vector that is no list of numbers: left out",
          point.place);
      return false;
    }
    if (rounded) remarks.add("a number of the vector was rounded to float32", point.place);
    point.vector = *std::move(floats);
    point.payload = {};
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      Value& value = row[i + 2];
      if (value.is_null()) continue;
      if (fields_[i] == kPayload && value.text() != nullptr) {
        if (auto parsed = parse_json(*value.text()); parsed && parsed->map() != nullptr) {
          for (const auto& [key, item] : *parsed->map()) point.payload.set(key, item);
          continue;
        }
      }
      point.payload.set(fields_[i], std::move(value));
    }
    return true;
  }

  ParquetReader reader_;
  std::vector<std::string> fields_;  // of the payload, in the order of the columns
  Rows rows_;
  std::size_t at_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace

Result<std::unique_ptr<PointSource>> open_parquet(io::FileSystem& files, const std::string& name, ColumnNames columns) {
  auto source = std::make_unique<ParquetSource>(STRATA_TRY(ParquetReader::open(STRATA_TRY(files.path(name)))));
  STRATA_TRY(source->begin(columns));
  return std::unique_ptr<PointSource>(std::move(source));
}

}  // namespace strata::interchange
