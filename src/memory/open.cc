// Opening a memory: its tables, its embedder, and the refusal to mix two embedders.
#include "memory/local_memory.h"

namespace strata::memory {

Result<void> LocalMemory::prepare() {
  const Migration migrations[] = {{1, std::string(kSchema)}};
  STRATA_TRY(engine_.metadata().migrate(kComponent, migrations));
  STRATA_TRY(engine_.analytics().create_table(kMetricsTable, kMetricsColumns));
  return check_embedder(engine_);
}

/// The database's embeddings must be of one model.
Result<void> LocalMemory::check_embedder(Stores& stores) {
  if (auto setting = STRATA_TRY(stores.metadata().get(kEmbedderSetting))) {
    const Map* embedder = setting->map();
    const Value* model = embedder ? embedder->find("model") : nullptr;
    const Value* dimension = embedder ? embedder->find("dimension") : nullptr;
    if (model == nullptr || model->text() == nullptr || dimension == nullptr || dimension->integer() == nullptr) {
      return Error(ErrorCode::corruption, "the setting memory.embedder is not readable: " + to_json(*setting));
    }
    if (*model->text() != embedder_->model()) {
      return Error(ErrorCode::failed_precondition, "this memory was embedded with " + *model->text() + " (" +
                                                       std::to_string(*dimension->integer()) +
                                                       " dimensions); it cannot be mixed with " + embedder_->model() +
                                                       " (" + std::to_string(embedder_->dimension()) + " dimensions)");
    }
  }
  return {};
}

}  // namespace strata::memory

namespace strata {

Result<std::unique_ptr<Memory>> Memory::open(Engine& engine, const MemoryOptions& options) {
  auto embedder = STRATA_TRY(make_embedder(options.embedder));
  auto memory = std::make_unique<memory::LocalMemory>(engine, options, std::move(embedder));
  STRATA_TRY(memory->prepare());
  return std::unique_ptr<Memory>(std::move(memory));
}

}  // namespace strata
