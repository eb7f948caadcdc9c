// Opening a memory: its tables, its embedder, and the refusal to mix two embedders.
#include <algorithm>

#include "memory/local_memory.h"

namespace strata::memory {

namespace {

/// The model of a database whose embedder nobody named: what is there can be read; what must be embedded is refused.
class AbsentEmbedder final : public Embedder {
 public:
  AbsentEmbedder(std::string model, std::uint32_t dimension) : model_(std::move(model)), dimension_(dimension) {}
  std::string model() const override { return model_; }
  std::uint32_t dimension() const override { return dimension_; }
  Result<std::vector<std::vector<float>>> embed(std::span<const std::string>) override {
    return Error(ErrorCode::failed_precondition,
                 "these memories were embedded with the model \"" + model_ +
                     "\"; say where it is: --option embedder=command:… or https://…#model, or STRATA_EMBEDDER");
  }

 private:
  const std::string model_;
  const std::uint32_t dimension_;
};

struct StoredModel {
  std::string name;
  std::uint32_t dimension = 0;
};

/// By which model the database was filled; none before the first memory.
Result<std::optional<StoredModel>> stored_model(Stores& stores) {
  const auto setting = STRATA_TRY(stores.metadata().get(kEmbedderSetting));
  if (!setting) return std::optional<StoredModel>();
  const Map* embedder = setting->map();
  const Value* model = embedder ? embedder->find("model") : nullptr;
  const Value* dimension = embedder ? embedder->find("dimension") : nullptr;
  if (model == nullptr || model->text() == nullptr || dimension == nullptr || dimension->integer() == nullptr) {
    return Error(ErrorCode::corruption, "the setting memory.embedder is not readable: " + to_json(*setting));
  }
  return std::optional(StoredModel{*model->text(), static_cast<std::uint32_t>(*dimension->integer())});
}

}  // namespace

/// A program or an address is not stored: a directory that somebody sends must not make this machine run or call anything.
Result<std::unique_ptr<Embedder>> embedder_of(Stores& stores, std::string_view description) {
  if (!description.empty()) return make_embedder(description);
  const auto stored = STRATA_TRY(stored_model(stores));
  if (!stored || stored->name.starts_with("lexical")) return make_embedder("lexical");
  if (stored->name == "none") return make_embedder("none");
  return std::unique_ptr<Embedder>(std::make_unique<AbsentEmbedder>(stored->name, stored->dimension));
}

Result<void> LocalMemory::prepare() {
  Migration first{1, ""};
  for (const Table& table : kTables) first.sql += table.sql;
  auto migrated = engine_.metadata().migrate(kComponent, {&first, 1});
  if (!migrated) {
    STRATA_TRY(check_names_are_free());
    return migrated;
  }
  STRATA_TRY(replace_dropped_tables());
  return check_embedder(engine_);
}

Result<std::vector<std::string>> LocalMemory::tables_there() {
  const Rows rows = STRATA_TRY(engine_.metadata().query(
      "select name from sqlite_master where name in ('atoms', 'atom_versions', 'tags', 'snapshots') order by name"));
  std::vector<std::string> names;
  for (const auto& row : rows.rows) names.push_back(*row[0].text());
  return names;
}

/// Its tables have common names, which are documented: a table of the user's may be there first.
Result<void> LocalMemory::check_names_are_free() {
  const std::vector<std::string> there = STRATA_TRY(tables_there());
  if (there.empty()) return {};
  return Error(ErrorCode::failed_precondition,
               "memory keeps its rows in the tables atoms, atom_versions, tags and snapshots, and \"" + there.front() +
                   "\" is there already and not its own; rename it (alter table " + there.front() + " rename to my_" +
                   there.front() + "), or keep memories in another database");
}

/// A table that somebody dropped is made anew, empty, so that memory goes on; what the other stores hold of its memories
/// check_agreement finds.
Result<void> LocalMemory::replace_dropped_tables() {
  STRATA_TRY(engine_.analytics().create_table(kMetricsTable, kMetricsColumns));
  const std::vector<std::string> there = STRATA_TRY(tables_there());
  if (there.size() == kTables.size()) return {};
  const auto transaction = STRATA_TRY(engine_.begin());
  for (const Table& table : kTables) {
    if (std::find(there.begin(), there.end(), table.name) != there.end()) continue;
    for (std::string_view left = table.sql; left.find(';') != std::string_view::npos;) {
      const std::size_t end = left.find(';');
      STRATA_TRY(transaction->metadata().execute(left.substr(0, end)));
      left.remove_prefix(end + 1);
    }
  }
  STRATA_TRY(transaction->commit());
  return {};
}

/// The database's embeddings must be of one model.
Result<void> LocalMemory::check_embedder(Stores& stores) {
  const auto stored = STRATA_TRY(stored_model(stores));
  if (!stored || stored->name == embedder_->model()) return {};
  return Error(ErrorCode::failed_precondition, "this memory was embedded with " + stored->name + " (" +
                                                   std::to_string(stored->dimension) +
                                                   " dimensions); it cannot be mixed with " + embedder_->model() +
                                                   " (" + std::to_string(embedder_->dimension()) + " dimensions)");
}

}  // namespace strata::memory

namespace strata {

Result<std::unique_ptr<Memory>> Memory::open(Engine& engine, const MemoryOptions& options) {
  auto embedder = STRATA_TRY(memory::embedder_of(engine, options.embedder));
  auto memory = std::make_unique<memory::LocalMemory>(engine, options, std::move(embedder));
  STRATA_TRY(memory->prepare());
  return std::unique_ptr<Memory>(std::move(memory));
}

}  // namespace strata
