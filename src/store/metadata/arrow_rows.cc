// Rows to the Arrow C stream interface: https://arrow.apache.org/docs/format/CStreamInterface.html. Layouts:
// https://arrow.apache.org/docs/format/Columnar.html (validity bitmap, then values; or bitmap, offsets, bytes).
#include <algorithm>
#include <cstring>
#include <memory>

#include "core/digest.h"
#include "store/metadata/result_rows.h"
#include "store/metadata/schema.h"

namespace strata::store::metadata {
namespace {

constexpr std::size_t kBatchRows = 65'536;

enum class Type { boolean, integer, real, text, bytes };

const char* format_of(Type type) {
  switch (type) {
    case Type::boolean: return "b";
    case Type::integer: return "l";
    case Type::real: return "g";
    case Type::text: return "u";
    case Type::bytes: return "z";
  }
  return "u";
}

Type type_of(const ReadRows& rows, std::size_t column) {
  bool integers = false, reals = false, texts = false, blobs = false, bits = true;
  for (const auto& row : rows.rows.rows) {
    const Value& value = row[column];
    if (const std::int64_t* integer = value.integer()) {
      integers = true;
      bits &= *integer == 0 || *integer == 1;
    }
    reals |= value.real() != nullptr;
    texts |= value.text() != nullptr;
    blobs |= value.bytes() != nullptr;
  }
  const std::string declared = lower(rows.declared_types[column]);
  const int kinds = int(integers || reals) + int(texts) + int(blobs);
  if (kinds > 1) return Type::text;
  if (kinds == 0) {
    const auto says = [&](std::string_view word) { return declared.find(word) != std::string::npos; };
    if (says("bool")) return Type::boolean;
    if (says("int")) return Type::integer;
    if (says("real") || says("floa") || says("doub")) return Type::real;
    if (says("blob")) return Type::bytes;
    return Type::text;
  }
  if (texts) return Type::text;
  if (blobs) return Type::bytes;
  if (reals) return Type::real;
  return declared.starts_with("bool") && bits ? Type::boolean : Type::integer;
}

std::string as_utf8(const Value& value) {
  if (value.text()) return *value.text();
  if (value.bytes()) return core::to_hex(*value.bytes());
  return to_json(value);
}

// One array and what it points to; freed by its release.
struct ArrayData {
  Bytes validity, values, offsets;
  const void* buffers[3] = {};
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> child_pointers;
};

void release_array(ArrowArray* array) {
  const std::unique_ptr<ArrayData> data(static_cast<ArrayData*>(array->private_data));
  for (ArrowArray& child : data->children) {
    if (child.release) child.release(&child);  // a consumer may have moved it out
  }
  array->release = nullptr;
}

void set_bit(Bytes& bits, std::size_t index) { bits[index / 8] |= static_cast<std::byte>(1u << (index % 8)); }

template <typename T>
void append_raw(Bytes& out, T value) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&value);
  out.insert(out.end(), bytes, bytes + sizeof value);
}

ArrowArray make_column(const ReadRows& rows, std::size_t column, Type type, std::size_t first, std::size_t count) {
  auto data = std::make_unique<ArrayData>();
  data->validity.resize((count + 7) / 8);
  if (type == Type::boolean) data->values.resize((count + 7) / 8);
  const bool variable = type == Type::text || type == Type::bytes;
  if (variable) append_raw(data->offsets, std::int32_t{0});
  std::int64_t nulls = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Value& value = rows.rows.rows[first + i][column];
    if (value.is_null())
      ++nulls;
    else
      set_bit(data->validity, i);
    switch (type) {
      case Type::boolean:
        if (value.integer() && *value.integer() != 0) set_bit(data->values, i);
        break;
      case Type::integer: append_raw(data->values, value.integer() ? *value.integer() : std::int64_t{0}); break;
      case Type::real: {
        double real = 0;
        value.number(real);
        append_raw(data->values, real);
        break;
      }
      case Type::text:
        if (!value.is_null()) {
          const std::string text = as_utf8(value);
          const ByteView bytes = as_bytes(text);
          data->values.insert(data->values.end(), bytes.begin(), bytes.end());
        }
        break;
      case Type::bytes:
        if (value.bytes()) data->values.insert(data->values.end(), value.bytes()->begin(), value.bytes()->end());
        break;
    }
    if (variable) append_raw(data->offsets, static_cast<std::int32_t>(data->values.size()));
  }
  static constexpr std::byte kNothing[8] = {};
  data->buffers[0] = nulls > 0 ? data->validity.data() : nullptr;
  const void* values = data->values.empty() ? kNothing : data->values.data();
  data->buffers[1] = variable ? data->offsets.data() : values;
  data->buffers[2] = variable ? values : nullptr;
  ArrowArray array{};
  array.length = static_cast<std::int64_t>(count);
  array.null_count = nulls;
  array.n_buffers = variable ? 3 : 2;
  array.buffers = data->buffers;
  array.release = &release_array;
  array.private_data = data.release();
  return array;
}

struct SchemaData {
  std::string name;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> child_pointers;
};

void release_schema(ArrowSchema* schema) {
  const std::unique_ptr<SchemaData> data(static_cast<SchemaData*>(schema->private_data));
  for (ArrowSchema& child : data->children) {
    if (child.release) child.release(&child);
  }
  schema->release = nullptr;
}

ArrowSchema make_field(std::string name, const char* format) {
  auto data = std::make_unique<SchemaData>();
  data->name = std::move(name);
  ArrowSchema schema{};
  schema.format = format;
  schema.name = data->name.c_str();
  schema.flags = ARROW_FLAG_NULLABLE;
  schema.release = &release_schema;
  schema.private_data = data.release();
  return schema;
}

struct StreamData {
  ReadRows rows;
  std::vector<Type> types;
  std::size_t next = 0;
};

int get_schema(ArrowArrayStream* stream, ArrowSchema* out) {
  const auto& data = *static_cast<StreamData*>(stream->private_data);
  *out = make_field("", "+s");
  out->flags = 0;
  auto& root = *static_cast<SchemaData*>(out->private_data);
  for (std::size_t i = 0; i < data.types.size(); ++i) {
    root.children.push_back(make_field(data.rows.rows.columns[i], format_of(data.types[i])));
  }
  for (ArrowSchema& child : root.children) root.child_pointers.push_back(&child);
  out->n_children = static_cast<std::int64_t>(root.children.size());
  out->children = root.child_pointers.data();
  return 0;
}

int get_next(ArrowArrayStream* stream, ArrowArray* out) {
  auto& data = *static_cast<StreamData*>(stream->private_data);
  *out = {};
  const std::size_t count = std::min(kBatchRows, data.rows.rows.rows.size() - data.next);
  if (count == 0) return 0;  // released: the end
  auto batch = std::make_unique<ArrayData>();
  for (std::size_t i = 0; i < data.types.size(); ++i) {
    batch->children.push_back(make_column(data.rows, i, data.types[i], data.next, count));
  }
  for (ArrowArray& child : batch->children) batch->child_pointers.push_back(&child);
  data.next += count;
  out->length = static_cast<std::int64_t>(count);
  out->n_buffers = 1;
  out->buffers = batch->buffers;  // no validity: a row itself is never null
  out->n_children = static_cast<std::int64_t>(batch->children.size());
  out->children = batch->child_pointers.data();
  out->release = &release_array;
  out->private_data = batch.release();
  return 0;
}

const char* get_last_error(ArrowArrayStream*) { return nullptr; }

void release_stream(ArrowArrayStream* stream) {
  const std::unique_ptr<StreamData> data(static_cast<StreamData*>(stream->private_data));
  stream->release = nullptr;
}

}  // namespace

ArrowStream to_arrow(ReadRows rows) {
  auto data = std::make_unique<StreamData>();
  data->rows = std::move(rows);
  for (std::size_t i = 0; i < data->rows.rows.columns.size(); ++i) data->types.push_back(type_of(data->rows, i));
  ArrowArrayStream stream{};
  stream.get_schema = &get_schema;
  stream.get_next = &get_next;
  stream.get_last_error = &get_last_error;
  stream.release = &release_stream;
  stream.private_data = data.release();
  return ArrowStream(stream);
}

}  // namespace strata::store::metadata
