#include "cli/database.h"

#include <filesystem>

#include "memory/schema.h"

namespace strata::cli {

Database::~Database() { static_cast<void>(close()); }

void Database::set_as_of(std::string as_of) {
  if (as_of == as_of_) return;
  as_of_ = std::move(as_of);
  view_.reset();
}

Result<AsOf> Database::as_of() const { return as_of_.empty() ? Result<AsOf>(AsOf::now()) : AsOf::parse(as_of_); }

Result<Engine*> Database::engine(Missing missing) {
  if (!engine_) {
    OpenOptions options = settings_.open;
    options.create = missing == Missing::create;
    if (missing == Missing::refuse && !std::filesystem::exists(directory_)) {
      return Error(ErrorCode::not_found,
                   "there is no database at \"" + directory_ + "\"; open, remember, import and writing sql create one");
    }
    engine_ = STRATA_TRY(Engine::open(directory_, options));
  }
  return engine_.get();
}

Result<Stores*> Database::stores() {
  Engine* engine = STRATA_TRY(this->engine());
  if (as_of_.empty()) return engine;
  if (!view_) view_ = STRATA_TRY(engine->view(STRATA_TRY(as_of())));
  return view_.get();
}

Result<bool> Database::has_memory() {
  Engine* engine = STRATA_TRY(this->engine());
  return STRATA_TRY(engine->metadata().get(memory::kEmbedderSetting)).has_value();
}

/// What can be told from the model that is stored. A program or an address is not stored: a directory that somebody sends
/// must not make this machine run or call anything.
Result<std::string> Database::embedder_of_database() {
  const auto setting = STRATA_TRY(engine_->metadata().get(memory::kEmbedderSetting));
  const Map* map = setting ? setting->map() : nullptr;
  const Value* model = map ? map->find("model") : nullptr;
  if (model == nullptr || model->text() == nullptr) return std::string("lexical");
  if (model->text()->starts_with("lexical")) return std::string("lexical");
  if (*model->text() == "none") return *model->text();
  return Error(ErrorCode::failed_precondition,
               "the memories in " + directory_ + " were embedded with the model \"" + *model->text() +
                   "\"; say where it is: --option embedder=command:… or https://…#model, or STRATA_EMBEDDER");
}

Result<Memory*> Database::memory(Missing missing) {
  Engine* engine = STRATA_TRY(this->engine(missing));
  if (!memory_) {
    MemoryOptions options;
    options.embedder = settings_.embedder.empty() ? STRATA_TRY(embedder_of_database()) : settings_.embedder;
    memory_ = STRATA_TRY(Memory::open(*engine, options));
  }
  return memory_.get();
}

Result<void> Database::close() {
  memory_.reset();
  view_.reset();
  if (!engine_) return {};
  auto result = engine_->close();
  engine_.reset();
  return result;
}

}  // namespace strata::cli
