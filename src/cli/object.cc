// object put|get|stat|list|delete|release|collect.
#include "cli/command_line.h"
#include "cli/dry_run.h"
#include "cli/files.h"
#include "cli/verbs.h"

namespace strata::cli {
namespace {

struct Given {
  std::string file, address, owner, compression = "automatic", out, after;
  std::size_t limit = 1'000;
  bool dry_run = false;
};

std::shared_ptr<Given> with_address(Verb& verb) {
  auto given = std::make_shared<Given>();
  verb.app().add_option("ADDRESS", given->address, "Its SHA-256: 64 hexadecimal digits")->required();
  return given;
}

Record record_of(const ObjectInfo& info) {
  return {{"address", info.address.to_string()},
          {"bytes", info.bytes},
          {"stored_bytes", info.stored_bytes},
          {"compression", name(info.compression)},
          {"references", info.references}};
}

void add_put(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "put", "Store a file under the hash of its content; creates the database",
                        "strata object put notes.strata report.pdf --owner n1");
  verb.takes_directory();
  auto given = std::make_shared<Given>();
  verb.app().add_option("FILE", given->file, "The content; - is standard input. May be larger than memory")->required();
  verb.app().add_option("--owner", given->owner, "Who refers to it, until released; default: a pin, until deleted");
  verb.app().add_option("--compression", given->compression, "automatic, none, lz4 or zstd")->option_text("NAME");
  verb.runs([given](Context& context) -> Result<void> {
    const PutOptions options{given->owner, STRATA_TRY(parse_compression(given->compression))};
    const auto next = STRATA_TRY(open_pieces(given->file));
    Stores& stores = *STRATA_TRY(context.database.engine(Missing::create));
    const auto bar = context.progress("storing", true);
    std::uint64_t bytes = 0;
    const Address address = STRATA_TRY(stores.object().put_stream(
        [&](std::span<std::byte> into) -> Result<std::size_t> {
          const std::size_t got = STRATA_TRY(next(into));
          bar->update(bytes += got, 0);
          return got;
        },
        options));
    context.output.record({{"address", address.to_string()}, {"bytes", bytes}});
    return {};
  });
}

void add_get(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "get", "Print an object's content, verified; with --json only with --out",
                        "strata object get notes.strata 9f2c… --out report.pdf");
  verb.takes_directory().takes_as_of();
  auto given = with_address(verb);
  verb.app()
      .add_option("-o,--out", given->out, "Write this file, whole or not at all; default: standard output")
      ->option_text("FILE");
  verb.runs([given](Context& context) -> Result<void> {
    const Address address = STRATA_TRY(Address::parse(given->address));
    Stores* stores = STRATA_TRY(context.database.stores());
    if (given->out.empty()) {
      // Verified at its end: what comes before an error must not be trusted, which the exit code says.
      return stores->object().get_stream(address, [&](ByteView piece) -> Result<void> {
        context.output.write(piece);
        if (context.output.reader_gone()) return Error(ErrorCode::cancelled, "the reader has gone");
        return context.output.flush();
      });
    }
    FileWriter writer = STRATA_TRY(FileWriter::open(given->out));
    std::uint64_t bytes = 0;
    STRATA_TRY(stores->object().get_stream(address, [&](ByteView piece) {
      bytes += piece.size();
      return writer.append(piece);
    }));
    STRATA_TRY(writer.finish());
    context.output.record({{"file", given->out}, {"bytes", bytes}});
    return {};
  });
}

void add_stat(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "stat", "Size, compression and references of an object",
                        "strata object stat notes.strata 9f2c…");
  verb.takes_directory().takes_as_of();
  auto given = with_address(verb);
  verb.runs([given](Context& context) -> Result<void> {
    Stores* stores = STRATA_TRY(context.database.stores());
    context.output.record(record_of(STRATA_TRY(stores->object().info(STRATA_TRY(Address::parse(given->address))))));
    return {};
  });
}

void add_list(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "list", "Objects in the order of their addresses",
                        "strata object list notes.strata --limit 20");
  verb.takes_directory().takes_as_of();
  auto given = std::make_shared<Given>();
  verb.app().add_option("--after", given->after, "Begin after this address")->option_text("ADDRESS");
  verb.app().add_option("--limit", given->limit, "How many at most")->option_text("N");
  verb.runs([given](Context& context) -> Result<void> {
    std::optional<Address> after;
    if (!given->after.empty()) after = STRATA_TRY(Address::parse(given->after));
    Stores* stores = STRATA_TRY(context.database.stores());
    Rows rows;
    rows.columns = {"address", "bytes", "stored_bytes", "compression", "references"};
    for (const ObjectInfo& info : STRATA_TRY(stores->object().list(after, given->limit))) {
      auto& row = rows.rows.emplace_back();
      for (auto& [column, value] : record_of(info)) row.push_back(std::move(value));
    }
    context.output.rows(rows);
    return {};
  });
}

void add_delete(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "delete", "End the pin of put; collect removes what nothing refers to",
                        "strata object delete notes.strata 9f2c… --dry-run");
  verb.takes_directory();
  auto given = with_address(verb);
  verb.app().add_flag("--dry-run", given->dry_run, "Only say what it is");
  verb.runs([given](Context& context) -> Result<void> {
    const Address address = STRATA_TRY(Address::parse(given->address));
    Stores& stores = *STRATA_TRY(context.database.engine());
    if (given->dry_run) {
      context.output.record(record_of(STRATA_TRY(stores.object().info(address))));
      return {};
    }
    STRATA_TRY(stores.object().remove(address));
    context.output.record({{"unpinned", address.to_string()}});
    return {};
  });
}

void add_release(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "release", "End every reference of an owner",
                        "strata object release notes.strata n1 --dry-run");
  verb.takes_directory();
  auto given = std::make_shared<Given>();
  verb.app().add_option("OWNER", given->owner, "As given to put")->required();
  verb.app().add_flag("--dry-run", given->dry_run, "Only say how many there are");
  verb.runs([given](Context& context) -> Result<void> {
    Engine& engine = *STRATA_TRY(context.database.engine());
    const auto release = [&](Stores& stores) { return stores.object().release(given->owner); };
    const std::uint64_t ended = STRATA_TRY(given->dry_run ? tried(engine, release) : release(engine));
    context.output.record({{given->dry_run ? "would_release" : "released", ended}});
    return {};
  });
}

void add_collect(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "collect", "Remove objects that nothing refers to; checkpoint gives their space back",
                        "strata object collect notes.strata --dry-run");
  verb.takes_directory();
  auto given = std::make_shared<Given>();
  verb.app().add_flag("--dry-run", given->dry_run, "Only say what would be removed");
  verb.runs([given](Context& context) -> Result<void> {
    Engine& engine = *STRATA_TRY(context.database.engine());
    const auto collect = [](Stores& stores) { return stores.object().collect(); };
    const CollectReport report = STRATA_TRY(given->dry_run ? tried(engine, collect) : collect(engine));
    context.output.record({{given->dry_run ? "would_remove" : "removed", report.objects}, {"bytes", report.bytes}});
    return {};
  });
}

}  // namespace

void add_object_verbs(CommandLine& line) {
  CLI::App& family = line.family("object", "Content-addressed bytes");
  add_put(line, family);
  add_get(line, family);
  add_stat(line, family);
  add_list(line, family);
  add_delete(line, family);
  add_release(line, family);
  add_collect(line, family);
}

}  // namespace strata::cli
