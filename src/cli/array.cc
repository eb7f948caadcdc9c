// array create|list|append|read|info|drop.
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/command_line.h"
#include "cli/files.h"
#include "cli/npy.h"
#include "cli/verbs.h"

namespace strata::cli {
namespace {

struct Given {
  std::string dataset, type = "float32", row_shape, file = "-", key, range, out;
  std::uint64_t chunk_rows = 0;
  int gzip = 0;
  bool shuffle = false, without_checksum = false, npy = false, dry_run = false;
};

std::shared_ptr<Given> with_dataset(Verb& verb) {
  auto given = std::make_shared<Given>();
  verb.app().add_option("DATASET", given->dataset, "Its name")->required();
  return given;
}

Value shape_value(const std::vector<std::uint64_t>& shape) {
  Value::List list;
  for (const std::uint64_t axis : shape) list.emplace_back(axis);
  return list;
}

Record record_of(const DatasetInfo& info) {
  const DatasetOptions& options = info.options;
  return {{"dataset", info.name},
          {"rows", info.rows},
          {"type", name(options.type)},
          {"row_shape", shape_value(options.row_shape)},
          {"parts", info.parts},
          {"chunk_rows", options.chunk_rows},
          {"gzip_level", options.gzip_level},
          {"shuffle", options.shuffle},
          {"fletcher32", options.fletcher32},
          {"attributes", info.attributes}};
}

void add_create(CommandLine& line, CLI::App& family) {
  Verb verb =
      line.verb(family, "create", "Create a dataset that grows by rows (fine when it is there); creates the database",
                "strata array create notes.strata activations --type float32 --row 12x768 --gzip 4");
  verb.takes_directory();
  auto given = with_dataset(verb);
  CLI::App& app = verb.app();
  app.add_option("--type", given->type, "int8 … uint64, float16, float32, float64")->option_text("NAME");
  app.add_option("--row", given->row_shape, "Shape of one row: 768, 12x768; default: one number")->option_text("SHAPE");
  app.add_option("--chunk-rows", given->chunk_rows, "Rows in an HDF5 chunk; default: about 64 KiB of them")
      ->option_text("N");
  app.add_option("--gzip", given->gzip, "Compression, 0 (none) … 9")->option_text("LEVEL");
  app.add_flag("--shuffle", given->shuffle, "Shuffle bytes before compressing");
  app.add_flag("--without-checksum", given->without_checksum, "Without Fletcher32 checksums");
  verb.runs([given](Context& context) -> Result<void> {
    DatasetOptions options;
    options.type = STRATA_TRY(parse_data_type(given->type));
    options.row_shape = STRATA_TRY(parse_shape(given->row_shape));
    options.chunk_rows = given->chunk_rows;
    options.gzip_level = given->gzip;
    options.shuffle = given->shuffle;
    options.fletcher32 = !given->without_checksum;
    Stores& stores = *STRATA_TRY(context.database.engine(Missing::create));
    STRATA_TRY(stores.array().create_dataset(given->dataset, options));
    context.output.record(record_of(STRATA_TRY(stores.array().dataset(given->dataset))));
    return {};
  });
}

void add_list(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "list", "The datasets", "strata array list notes.strata");
  verb.takes_directory().takes_as_of();
  verb.runs([](Context& context) -> Result<void> {
    Stores* stores = STRATA_TRY(context.database.stores());
    Rows rows;
    rows.columns = {"dataset", "rows", "type", "row_shape"};
    for (const DatasetInfo& info : STRATA_TRY(stores->array().datasets())) {
      rows.rows.push_back({info.name, info.rows, name(info.options.type), shape_value(info.options.row_shape)});
    }
    context.output.rows(rows);
    return {};
  });
}

/// .npy as it is; JSON in the dataset's type. One row alone is a list of one.
Result<ArrayData> read_rows(const Given& given, const DatasetInfo& info) {
  const Bytes bytes = STRATA_TRY(read_input(given.file));
  ArrayData array;
  if (as_text(bytes).starts_with("\x93NUMPY")) {
    array = STRATA_TRY(parse_npy(bytes));
  } else {
    auto value = parse_json(as_text(bytes));
    if (!value) return std::move(value).error().with_context("rows are .npy or a JSON list");
    array = STRATA_TRY(array_from_json(*value, info.options.type));
  }
  if (array.shape == info.options.row_shape) array.shape.insert(array.shape.begin(), 1);
  return array;
}

void add_append(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "append", "Append rows: .npy or a JSON list",
                        "strata array append notes.strata activations rows.npy --key n1");
  verb.takes_directory();
  auto given = with_dataset(verb);
  verb.app().add_option("FILE", given->file, "- (the default) is standard input");
  verb.app().add_option("--key", given->key, "A name to find these rows by");
  verb.runs([given](Context& context) -> Result<void> {
    Stores& stores = *STRATA_TRY(context.database.engine());
    const DatasetInfo info = STRATA_TRY(stores.array().dataset(given->dataset));
    const ArrayData array = STRATA_TRY(read_rows(*given, info));
    const std::uint64_t first =
        STRATA_TRY(stores.array().append(given->dataset, array.type, array.shape, array.bytes, given->key));
    context.output.record({{"first_row", first}, {"rows", array.shape.empty() ? 1 : array.shape.front()}});
    return {};
  });
}

Result<ArrayData> read_range(Stores& stores, const Given& given) {
  if (given.key.empty()) {
    const RowRange range = STRATA_TRY(parse_rows(given.range));
    return stores.array().read(given.dataset, range.begin, range.end);
  }
  ArrayData all;
  for (const RowRange& range : STRATA_TRY(stores.array().find(given.dataset, given.key))) {
    ArrayData part = STRATA_TRY(stores.array().read(given.dataset, range.begin, range.end));
    if (all.shape.empty()) {
      all = std::move(part);
      continue;
    }
    all.shape.front() += part.shape.front();
    all.bytes.insert(all.bytes.end(), part.bytes.begin(), part.bytes.end());
  }
  if (all.shape.empty()) {
    return Error(ErrorCode::not_found, "no rows with the key \"" + given.key + "\" in \"" + given.dataset + "\"");
  }
  return all;
}

void add_read(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "read", "Rows as a JSON list a line, or as .npy",
                        "strata array read notes.strata activations 10:20 --out rows.npy");
  verb.takes_directory().takes_as_of();
  auto given = with_dataset(verb);
  verb.app().add_option("ROWS", given->range, "10:20 (the end is not included), 10:, :20, or 10; default: all");
  verb.app().add_option("--key", given->key, "The rows appended with this key, instead");
  verb.app().add_option("-o,--out", given->out, "Write this .npy file")->option_text("FILE");
  verb.app().add_flag("--npy", given->npy, ".npy on standard output");
  verb.runs([given](Context& context) -> Result<void> {
    Stores* stores = STRATA_TRY(context.database.stores());
    const ArrayData array = STRATA_TRY(read_range(*stores, *given));
    if (!given->out.empty()) {
      STRATA_TRY(write_file(given->out, to_npy(array)));
      context.output.record({{"file", given->out}, {"shape", shape_value(array.shape)}, {"type", name(array.type)}});
    } else if (given->npy) {
      if (::isatty(STDOUT_FILENO) != 0) {
        return Error(ErrorCode::invalid_argument,
                     "--npy prints bytes, and standard output is a terminal; use --out FILE");
      }
      context.output.write(to_npy(array));
    } else if (context.output.json()) {
      context.output.write(to_json(array_to_json(array)) + "\n");
    } else {
      const Value rows = array_to_json(array);
      for (const Value& row : *rows.list()) context.output.write(to_json(row) + "\n");
    }
    return {};
  });
}

void add_info(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "info", "Type, shape, layout and attributes of a dataset",
                        "strata array info notes.strata activations");
  verb.takes_directory().takes_as_of();
  auto given = with_dataset(verb);
  verb.runs([given](Context& context) -> Result<void> {
    Stores* stores = STRATA_TRY(context.database.stores());
    context.output.record(record_of(STRATA_TRY(stores->array().dataset(given->dataset))));
    return {};
  });
}

void add_drop(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "drop", "Remove a dataset and its rows",
                        "strata array drop notes.strata activations --dry-run");
  verb.takes_directory();
  auto given = with_dataset(verb);
  verb.app().add_flag("--dry-run", given->dry_run, "Only say what would be removed");
  verb.runs([given](Context& context) -> Result<void> {
    Stores& stores = *STRATA_TRY(context.database.engine());
    const DatasetInfo info = STRATA_TRY(stores.array().dataset(given->dataset));
    if (!given->dry_run) STRATA_TRY(stores.array().drop_dataset(given->dataset));
    context.output.record({{given->dry_run ? "would_drop" : "dropped", info.name}, {"rows", info.rows}});
    return {};
  });
}

}  // namespace

void add_array_verbs(CommandLine& line) {
  CLI::App& family = line.family("array", "Large arrays that grow by rows");
  add_create(line, family);
  add_list(line, family);
  add_append(line, family);
  add_read(line, family);
  add_info(line, family);
  add_drop(line, family);
}

}  // namespace strata::cli
