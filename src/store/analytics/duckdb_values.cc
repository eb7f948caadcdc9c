// From DuckDB's vectors to our values, and to Arrow.
//
// Arrow comes from duckdb_to_arrow_schema and duckdb_data_chunk_to_arrow, the calls that replace the duckdb_query_arrow
// family, which the C API marks for removal. The arrays are made before the query's transaction ends, so that a stream
// which somebody keeps for an hour holds memory and nothing else: no connection, no snapshot.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>

#include "core/clock.h"
#include "store/analytics/duckdb_session.h"

namespace strata::store::analytics {
namespace {

class LogicalType {
 public:
  explicit LogicalType(duckdb_logical_type type) : type_(type) {}
  ~LogicalType() { duckdb_destroy_logical_type(&type_); }
  LogicalType(const LogicalType&) = delete;
  LogicalType& operator=(const LogicalType&) = delete;
  duckdb_logical_type get() const { return type_; }

 private:
  duckdb_logical_type type_;
};

template <typename T>
T at(duckdb_vector vector, std::size_t row) {
  return static_cast<const T*>(duckdb_vector_get_data(vector))[row];
}

std::string_view text_at(duckdb_vector vector, std::size_t row) {
  auto& text = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector))[row];
  return {duckdb_string_t_data(&text), duckdb_string_t_length(text)};
}

__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

std::string digits_of(UnsignedWide value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  return digits;
}

Value from_unsigned(UnsignedWide value, bool negative) {
  const UnsignedWide limit = static_cast<UnsignedWide>(INT64_MAX) + (negative ? 1 : 0);
  if (value <= limit) {
    const auto bits = static_cast<std::uint64_t>(value);
    return Value(static_cast<std::int64_t>(negative ? ~bits + 1 : bits));
  }
  return Value((negative ? "-" : "") + digits_of(value));
}

Value from_wide(Wide value) {
  const bool negative = value < 0;
  const auto bits = static_cast<UnsignedWide>(value);
  return from_unsigned(negative ? ~bits + 1 : bits, negative);
}

Wide wide(duckdb_hugeint value) {
  return static_cast<Wide>((static_cast<UnsignedWide>(static_cast<std::uint64_t>(value.upper)) << 64) | value.lower);
}

Value decimal_at(duckdb_vector vector, duckdb_logical_type type, std::size_t row) {
  Wide value = 0;
  switch (duckdb_decimal_internal_type(type)) {
    case DUCKDB_TYPE_SMALLINT: value = at<std::int16_t>(vector, row); break;
    case DUCKDB_TYPE_INTEGER: value = at<std::int32_t>(vector, row); break;
    case DUCKDB_TYPE_BIGINT: value = at<std::int64_t>(vector, row); break;
    default: value = wide(at<duckdb_hugeint>(vector, row)); break;
  }
  const std::size_t scale = duckdb_decimal_scale(type);
  std::string digits = digits_of(value < 0 ? ~static_cast<UnsignedWide>(value) + 1 : static_cast<UnsignedWide>(value));
  if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
  if (scale > 0) digits.insert(digits.size() - scale, ".");
  return Value((value < 0 ? "-" : "") + digits);
}

std::string uuid_text(duckdb_hugeint value) {
  // Stored with the highest bit flipped, so that it orders as text does.
  const std::uint64_t upper = static_cast<std::uint64_t>(value.upper) ^ (std::uint64_t{1} << 63);
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) text += '-';
    const std::uint64_t half = i < 16 ? upper : value.lower;
    text += kHex[(half >> (60 - 4 * (i % 16))) & 0xf];
  }
  return text;
}

Value enum_at(duckdb_vector vector, duckdb_logical_type type, std::size_t row) {
  std::uint32_t index = 0;
  switch (duckdb_enum_internal_type(type)) {
    case DUCKDB_TYPE_UTINYINT: index = at<std::uint8_t>(vector, row); break;
    case DUCKDB_TYPE_USMALLINT: index = at<std::uint16_t>(vector, row); break;
    default: index = at<std::uint32_t>(vector, row); break;
  }
  char* text = duckdb_enum_dictionary_value(type, index);
  Value value(text != nullptr ? text : "");
  duckdb_free(text);
  return value;
}

Value list_at(duckdb_vector vector, duckdb_logical_type type, std::size_t row, bool is_array) {
  const LogicalType child_type(is_array ? duckdb_array_type_child_type(type) : duckdb_list_type_child_type(type));
  const duckdb_vector child = is_array ? duckdb_array_vector_get_child(vector) : duckdb_list_vector_get_child(vector);
  std::size_t offset = 0, length = 0;
  if (is_array) {
    length = duckdb_array_type_array_size(type);
    offset = row * length;
  } else {
    const auto entry = at<duckdb_list_entry>(vector, row);
    offset = entry.offset;
    length = entry.length;
  }
  Value::List list;
  list.reserve(length);
  for (std::size_t i = 0; i < length; ++i) list.push_back(to_value(child, child_type.get(), offset + i));
  return Value(std::move(list));
}

Value struct_at(duckdb_vector vector, duckdb_logical_type type, std::size_t row) {
  Map map;
  Value::List unnamed;
  const idx_t children = duckdb_struct_type_child_count(type);
  for (idx_t i = 0; i < children; ++i) {
    char* name = duckdb_struct_type_child_name(type, i);
    const LogicalType child_type(duckdb_struct_type_child_type(type, i));
    Value value = to_value(duckdb_struct_vector_get_child(vector, i), child_type.get(), row);
    if (name == nullptr || *name == '\0') {
      unnamed.push_back(std::move(value));  // row(1, 2)
    } else {
      map.set(name, std::move(value));
    }
    duckdb_free(name);
  }
  return unnamed.empty() ? Value(std::move(map)) : Value(std::move(unnamed));
}

std::string to_text(const Value& value) {
  if (const std::string* text = value.text()) return *text;
  return to_json(value);
}

/// A MAP is a list of (key, value) structs; ours has text keys.
Value map_at(duckdb_vector vector, duckdb_logical_type type, std::size_t row) {
  const LogicalType key_type(duckdb_map_type_key_type(type)), value_type(duckdb_map_type_value_type(type));
  const auto entry = at<duckdb_list_entry>(vector, row);
  const duckdb_vector pairs = duckdb_list_vector_get_child(vector);
  const duckdb_vector keys = duckdb_struct_vector_get_child(pairs, 0),
                      values = duckdb_struct_vector_get_child(pairs, 1);
  Map map;
  for (std::size_t i = entry.offset; i < entry.offset + entry.length; ++i) {
    map.set(to_text(to_value(keys, key_type.get(), i)), to_value(values, value_type.get(), i));
  }
  return Value(std::move(map));
}

Value interval_value(duckdb_interval interval) {
  return Value(Value::List{interval.months, interval.days, interval.micros});
}

/// The first byte says how many bits of the next one are no part of it.
std::string bits_text(std::string_view bits) {
  std::string text;
  for (std::size_t i = 8 + static_cast<unsigned char>(bits.empty() ? 0 : bits[0]); i < 8 * bits.size(); ++i) {
    text += (static_cast<unsigned char>(bits[i / 8]) >> (7 - i % 8) & 1) != 0 ? '1' : '0';
  }
  return text;
}

std::string time_with_zone_text(duckdb_time_tz packed) {
  const duckdb_time_tz_struct parts = duckdb_from_time_tz(packed);
  const std::int32_t offset = std::abs(parts.offset);
  char zone[16];
  std::snprintf(zone, sizeof zone, "%c%02d:%02d", parts.offset < 0 ? '-' : '+', offset / 3'600, offset / 60 % 60);
  const duckdb_time_struct& time = parts.time;
  const std::int64_t seconds = (time.hour * 60 + time.min) * 60 + time.sec;
  return core::format_time_of_day(seconds * 1'000'000 + time.micros) + zone;
}

/// A time that counts seconds or milliseconds. DuckDB makes them of microseconds, so only its infinities do not fit.
std::int64_t finer(std::int64_t time, std::int64_t factor) {
  std::int64_t us = 0;
  if (!__builtin_mul_overflow(time, factor, &us)) return us;
  return time < 0 ? -INT64_MAX : INT64_MAX;
}

/// The microsecond that a nanosecond lies in.
std::int64_t coarser(std::int64_t ns) {
  if (ns == INT64_MAX || ns == -INT64_MAX) return ns;
  return ns / 1'000 - (ns % 1'000 < 0 ? 1 : 0);
}

std::string_view name_of(duckdb_type type) {
  switch (type) {
    case DUCKDB_TYPE_BIGNUM: return "bignum";
    case DUCKDB_TYPE_UNION: return "union";
    default: return "newer than this version";
  }
}

ValueType::Kind kind_of(duckdb_type type) {
  switch (type) {
    case DUCKDB_TYPE_BOOLEAN: return ValueType::Kind::boolean;
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT: return ValueType::Kind::integer;
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE: return ValueType::Kind::real;
    case DUCKDB_TYPE_DECIMAL: return ValueType::Kind::decimal;
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_ENUM:
    case DUCKDB_TYPE_BIT:
    case DUCKDB_TYPE_TIME_TZ: return ValueType::Kind::text;
    case DUCKDB_TYPE_BLOB: return ValueType::Kind::bytes;
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS: return ValueType::Kind::timestamp;
    case DUCKDB_TYPE_DATE: return ValueType::Kind::date;
    case DUCKDB_TYPE_TIME:
    case DUCKDB_TYPE_TIME_NS: return ValueType::Kind::time;
    case DUCKDB_TYPE_INTERVAL: return ValueType::Kind::interval;
    case DUCKDB_TYPE_UUID: return ValueType::Kind::uuid;
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_ARRAY: return ValueType::Kind::list;
    case DUCKDB_TYPE_STRUCT: return ValueType::Kind::structure;
    case DUCKDB_TYPE_MAP: return ValueType::Kind::map;
    default: return ValueType::Kind::any;
  }
}

}  // namespace

Result<ValueType> value_type_of(duckdb_logical_type logical, const std::string& column) {
  const duckdb_type id = duckdb_get_type_id(logical);
  ValueType type{kind_of(id)};
  const auto add_member = [&](duckdb_logical_type member) -> Result<void> {
    const LogicalType owner(member);
    type.members.push_back(STRATA_TRY(value_type_of(member, column)));
    return {};
  };
  switch (type.kind) {
    case ValueType::Kind::any:
      if (id == DUCKDB_TYPE_SQLNULL) return type;  // nothing but null
      return Error(ErrorCode::unsupported, "column \"" + column + "\" is of a type that has no counterpart (" +
                                               std::string(name_of(id)) +
                                               "); cast it in the query, to varchar for example");
    case ValueType::Kind::list:
      STRATA_TRY(add_member(id == DUCKDB_TYPE_ARRAY ? duckdb_array_type_child_type(logical)
                                                    : duckdb_list_type_child_type(logical)));
      return type;
    case ValueType::Kind::map:
      STRATA_TRY(add_member(duckdb_map_type_key_type(logical)));
      STRATA_TRY(add_member(duckdb_map_type_value_type(logical)));
      return type;
    case ValueType::Kind::structure:
      for (idx_t i = 0; i < duckdb_struct_type_child_count(logical); ++i) {
        char* name = duckdb_struct_type_child_name(logical, i);
        if (name != nullptr && *name != '\0') type.names.emplace_back(name);
        duckdb_free(name);
        STRATA_TRY(add_member(duckdb_struct_type_child_type(logical, i)));
      }
      return type;
    default: return type;
  }
}

Value to_value(duckdb_vector vector, duckdb_logical_type type, std::size_t row) {
  if (const std::uint64_t* validity = duckdb_vector_get_validity(vector);
      validity != nullptr && ((validity[row / 64] >> (row % 64)) & 1) == 0) {
    return {};
  }
  switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_BOOLEAN: return Value(at<bool>(vector, row));
    case DUCKDB_TYPE_TINYINT: return Value(at<std::int8_t>(vector, row));
    case DUCKDB_TYPE_SMALLINT: return Value(at<std::int16_t>(vector, row));
    case DUCKDB_TYPE_INTEGER: return Value(at<std::int32_t>(vector, row));
    case DUCKDB_TYPE_BIGINT: return Value(at<std::int64_t>(vector, row));
    case DUCKDB_TYPE_UTINYINT: return Value(at<std::uint8_t>(vector, row));
    case DUCKDB_TYPE_USMALLINT: return Value(at<std::uint16_t>(vector, row));
    case DUCKDB_TYPE_UINTEGER: return Value(at<std::uint32_t>(vector, row));
    case DUCKDB_TYPE_UBIGINT: return from_unsigned(at<std::uint64_t>(vector, row), false);
    case DUCKDB_TYPE_HUGEINT: return from_wide(wide(at<duckdb_hugeint>(vector, row)));
    case DUCKDB_TYPE_UHUGEINT: {
      const auto value = at<duckdb_uhugeint>(vector, row);
      return from_unsigned((static_cast<UnsignedWide>(value.upper) << 64) | value.lower, false);
    }
    case DUCKDB_TYPE_FLOAT: return Value(static_cast<double>(at<float>(vector, row)));
    case DUCKDB_TYPE_DOUBLE: return Value(at<double>(vector, row));
    case DUCKDB_TYPE_DECIMAL: return decimal_at(vector, type, row);
    case DUCKDB_TYPE_VARCHAR: return Value(text_at(vector, row));
    case DUCKDB_TYPE_BLOB: {
      const ByteView bytes = as_bytes(text_at(vector, row));
      return Value(Bytes(bytes.begin(), bytes.end()));
    }
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
    case DUCKDB_TYPE_TIME: return Value(at<std::int64_t>(vector, row));
    case DUCKDB_TYPE_TIMESTAMP_S: return Value(finer(at<std::int64_t>(vector, row), 1'000'000));
    case DUCKDB_TYPE_TIMESTAMP_MS: return Value(finer(at<std::int64_t>(vector, row), 1'000));
    case DUCKDB_TYPE_TIMESTAMP_NS:
    case DUCKDB_TYPE_TIME_NS: return Value(coarser(at<std::int64_t>(vector, row)));
    case DUCKDB_TYPE_TIME_TZ: return Value(time_with_zone_text(at<duckdb_time_tz>(vector, row)));
    case DUCKDB_TYPE_DATE: return Value(at<std::int32_t>(vector, row));
    case DUCKDB_TYPE_INTERVAL: return interval_value(at<duckdb_interval>(vector, row));
    case DUCKDB_TYPE_BIT: return Value(bits_text(text_at(vector, row)));
    case DUCKDB_TYPE_UUID: return Value(uuid_text(at<duckdb_hugeint>(vector, row)));
    case DUCKDB_TYPE_ENUM: return enum_at(vector, type, row);
    case DUCKDB_TYPE_LIST: return list_at(vector, type, row, false);
    case DUCKDB_TYPE_ARRAY: return list_at(vector, type, row, true);
    case DUCKDB_TYPE_STRUCT: return struct_at(vector, type, row);
    case DUCKDB_TYPE_MAP: return map_at(vector, type, row);
    default: return {};  // value_type_of has refused it
  }
}

// ---- Arrow ------------------------------------------------------------------------------------------------------

namespace {

/// Schema and arrays of a finished query, handed out one by one.
struct Arrays {
  ArrowSchema schema{};
  std::deque<ArrowArray> arrays;

  ~Arrays() {
    if (schema.release != nullptr) schema.release(&schema);
    for (ArrowArray& array : arrays) {
      if (array.release != nullptr) array.release(&array);
    }
  }
};

Result<void> taken(duckdb_error_data data) {
  if (data == nullptr) return {};
  Result<void> result;
  if (duckdb_error_data_has_error(data)) {
    const char* message = duckdb_error_data_message(data);
    result = duck_error("Arrow", message != nullptr ? message : "unknown error");
  }
  duckdb_destroy_error_data(&data);
  return result;
}

class ArrowOptions {
 public:
  explicit ArrowOptions(duckdb_result& result) : options_(duckdb_result_get_arrow_options(&result)) {}
  ~ArrowOptions() { duckdb_destroy_arrow_options(&options_); }
  ArrowOptions(const ArrowOptions&) = delete;
  ArrowOptions& operator=(const ArrowOptions&) = delete;
  duckdb_arrow_options get() const { return options_; }

 private:
  duckdb_arrow_options options_;
};

Result<void> make_schema(duckdb_result& result, ArrowSchema& schema) {
  std::vector<duckdb_logical_type> types;
  std::vector<const char*> names;
  const idx_t columns = duckdb_column_count(&result);
  for (idx_t c = 0; c < columns; ++c) {
    types.push_back(duckdb_column_logical_type(&result, c));
    names.push_back(duckdb_column_name(&result, c));
  }
  const ArrowOptions options(result);
  auto made = taken(duckdb_to_arrow_schema(options.get(), types.data(), names.data(), columns, &schema));
  for (duckdb_logical_type& type : types) duckdb_destroy_logical_type(&type);
  return made;
}

// A stream's schema may be asked for more than once, while an Arrow schema is moved out once: each caller gets a copy.
// Names, formats and metadata are deep copies; dictionaries too.
struct SchemaCopy {
  std::string format, name, metadata;
  std::vector<std::unique_ptr<ArrowSchema>> children;
  std::vector<ArrowSchema*> child_pointers;
  std::unique_ptr<ArrowSchema> dictionary;
};

void release_copy(ArrowSchema* schema) {
  const std::unique_ptr<SchemaCopy> owner(static_cast<SchemaCopy*>(schema->private_data));
  for (auto& child : owner->children) {
    if (child->release != nullptr) child->release(child.get());
  }
  if (owner->dictionary && owner->dictionary->release != nullptr) owner->dictionary->release(owner->dictionary.get());
  schema->release = nullptr;
}

// Key-value metadata: count i32, then each key and value as length i32 and bytes (Arrow C data interface).
std::string copy_metadata(const char* metadata) {
  if (metadata == nullptr) return {};
  std::int32_t pairs = 0;
  std::memcpy(&pairs, metadata, sizeof pairs);
  std::size_t size = sizeof pairs;
  for (std::int32_t i = 0; i < 2 * pairs; ++i) {
    std::int32_t length = 0;
    std::memcpy(&length, metadata + size, sizeof length);
    size += sizeof length + static_cast<std::size_t>(length);
  }
  return std::string(metadata, size);
}

void copy_schema(const ArrowSchema& from, ArrowSchema& to) {
  auto owner = std::make_unique<SchemaCopy>();
  owner->format = from.format;
  owner->name = from.name != nullptr ? from.name : "";
  owner->metadata = copy_metadata(from.metadata);
  for (std::int64_t i = 0; i < from.n_children; ++i) {
    owner->children.push_back(std::make_unique<ArrowSchema>());
    copy_schema(*from.children[i], *owner->children.back());
    owner->child_pointers.push_back(owner->children.back().get());
  }
  if (from.dictionary != nullptr) {
    owner->dictionary = std::make_unique<ArrowSchema>();
    copy_schema(*from.dictionary, *owner->dictionary);
  }
  to = ArrowSchema{};
  to.format = owner->format.c_str();
  to.name = owner->name.c_str();
  to.metadata = from.metadata != nullptr ? owner->metadata.data() : nullptr;
  to.flags = from.flags;
  to.n_children = from.n_children;
  to.children = owner->child_pointers.data();
  to.dictionary = owner->dictionary.get();
  to.release = release_copy;
  to.private_data = owner.release();
}

Arrays& arrays_of(ArrowArrayStream* stream) { return *static_cast<Arrays*>(stream->private_data); }

int stream_schema(ArrowArrayStream* stream, ArrowSchema* out) {
  copy_schema(arrays_of(stream).schema, *out);
  return 0;
}

int stream_next(ArrowArrayStream* stream, ArrowArray* out) {
  Arrays& arrays = arrays_of(stream);
  *out = ArrowArray{};  // released: the end
  if (arrays.arrays.empty()) return 0;
  *out = arrays.arrays.front();
  arrays.arrays.pop_front();
  return 0;
}

const char* stream_error(ArrowArrayStream*) { return nullptr; }

void stream_release(ArrowArrayStream* stream) {
  const std::unique_ptr<Arrays> owner(&arrays_of(stream));
  stream->release = nullptr;
}

}  // namespace

Result<ArrowStream> DuckStatement::arrow(std::size_t rows_max) {
  auto arrays = std::make_unique<Arrays>();
  std::size_t rows = 0;
  STRATA_TRY(for_each_chunk([&](duckdb_result& result, duckdb_data_chunk chunk) -> Result<void> {
    if (chunk == nullptr) return make_schema(result, arrays->schema);
    rows += duckdb_data_chunk_get_size(chunk);
    if (rows > rows_max) {
      return Error(ErrorCode::resource_exhausted,
                   "the result has more than " + std::to_string(rows_max) + " rows; aggregate, or add a limit");
    }
    const ArrowOptions options(result);
    ArrowArray array{};
    STRATA_TRY(taken(duckdb_data_chunk_to_arrow(options.get(), chunk, &array)));
    arrays->arrays.push_back(array);
    return {};
  }));
  ArrowArrayStream stream{};
  stream.get_schema = stream_schema;
  stream.get_next = stream_next;
  stream.get_last_error = stream_error;
  stream.release = stream_release;
  stream.private_data = arrays.release();
  return ArrowStream(stream);
}

}  // namespace strata::store::analytics
