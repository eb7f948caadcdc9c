#include "cli/database.h"

#include <filesystem>

#include "io/posix_file_system.h"
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
    std::error_code ignored;
    made_ = !std::filesystem::exists(directory_, ignored);
    engine_ = STRATA_TRY(Engine::open(directory_, options));
    lsn_when_made_ = engine_->visible_lsn();
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

Result<Memory*> Database::memory(Missing missing) {
  Engine* engine = STRATA_TRY(this->engine(missing));
  if (!memory_) {
    MemoryOptions options;
    options.embedder = settings_.embedder;
    const Lsn before = engine->visible_lsn();
    memory_ = STRATA_TRY(Memory::open(*engine, options));
    if (lsn_when_made_ == before) lsn_when_made_ = engine->visible_lsn();
  }
  return memory_.get();
}

Result<Map> Database::transactions() {
  if (!engine_) {
    auto other = transactions_of(directory_);
    if (other || other.error().code() != ErrorCode::not_found) return other;
  }
  return STRATA_TRY(engine())->transactions();
}

Result<void> Database::close() {
  memory_.reset();
  view_.reset();
  if (!engine_) return {};
  auto result = engine_->close();
  engine_.reset();
  return result;
}

Result<void> Database::close_after_failure() {
  const bool empty = made_ && engine_ && engine_->visible_lsn() == lsn_when_made_;
  STRATA_TRY(close());
  if (!empty) return {};
  // Out of everybody's reach first. A process that opened it in between has its lock, and gets it back.
  const std::filesystem::path aside = directory_ + ".empty";
  std::error_code failed;
  std::filesystem::rename(directory_, aside, failed);
  if (failed) return {};
  const bool free = [&] {
    const auto files = io::open_posix_file_system(aside);
    return files && (*files)->lock("lock", "taking it away");
  }();
  if (free) {
    std::filesystem::remove_all(aside, failed);
  } else {
    std::filesystem::rename(aside, directory_, failed);
  }
  return {};
}

}  // namespace strata::cli
