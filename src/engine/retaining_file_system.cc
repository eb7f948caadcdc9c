#include "engine/retaining_file_system.h"

namespace strata::engine {

void RetainingFileSystem::retain(std::set<std::string, std::less<>> names) {
  const core::MutexLock lock(mutex_);
  retained_ = std::move(names);
}

void RetainingFileSystem::end() {
  const core::MutexLock lock(mutex_);
  ended_ = true;
}

Result<void> RetainingFileSystem::check_not_ended() {
  const core::MutexLock lock(mutex_);
  if (!ended_) return {};
  return Error(ErrorCode::failed_precondition, "the database is closed");
}

Result<void> RetainingFileSystem::remove(std::string_view name) {
  STRATA_TRY(check_not_ended());
  {
    const core::MutexLock lock(mutex_);
    if (retained_.contains(name)) return {};
  }
  return base_.remove(name);
}

Result<std::unique_ptr<io::File>> RetainingFileSystem::open(std::string_view name, io::OpenMode mode) {
  if (mode != io::OpenMode::read) STRATA_TRY(check_not_ended());
  const bool may_be_new = mode == io::OpenMode::create || mode == io::OpenMode::create_or_open;
  const bool is_new = may_be_new && notes() && !STRATA_TRY(base_.exists(name));
  if (is_new) {
    const core::MutexLock lock(mutex_);
    noted_.emplace(name);
  }
  return base_.open(name, mode);
}

Result<void> RetainingFileSystem::rename(std::string_view from, std::string_view to) {
  STRATA_TRY(check_not_ended());
  const bool is_new = notes() && !STRATA_TRY(base_.exists(to));
  STRATA_TRY(base_.rename(from, to));
  const core::MutexLock lock(mutex_);
  if (is_new && noted_.contains(from)) noted_.emplace(to);
  return {};
}

Result<void> RetainingFileSystem::create_directory(std::string_view name) {
  STRATA_TRY(check_not_ended());
  return base_.create_directory(name);
}

Result<void> RetainingFileSystem::remove_directory(std::string_view name) {
  STRATA_TRY(check_not_ended());
  return base_.remove_directory(name);
}

RetainingFileSystem::Attempt::~Attempt() {
  std::set<std::string, std::less<>> unnamed;
  {
    const core::MutexLock lock(files_.mutex_);
    unnamed.swap(files_.noted_);
    files_.noting_ = {};
  }
  for (const std::string& name : unnamed) (void)files_.remove(name);  // most have another name by now
}

void RetainingFileSystem::Attempt::note(bool on) {
  const core::MutexLock lock(files_.mutex_);
  files_.noting_ = on ? std::this_thread::get_id() : std::thread::id();
}

void RetainingFileSystem::Attempt::keep() {
  const core::MutexLock lock(files_.mutex_);
  files_.noting_ = {};
  files_.noted_.clear();
}

}  // namespace strata::engine
