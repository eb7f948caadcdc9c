#include "store/metadata/recent.h"

#include <algorithm>

namespace strata::store::metadata {

void Recent::start(Lsn applied, std::vector<Lsn> history, Lsn history_from, std::shared_ptr<const Catalog> catalog) {
  core::WriterLock lock(mutex_);
  queue_.clear();
  tables_.clear();
  rows_ = bytes_ = 0;
  lsns_.assign(history.begin(), history.end());
  applied_ = applied;
  history_from_ = history_from;
  catalog_ = std::move(catalog);
}

void Recent::push(std::shared_ptr<const QueuedCommit> commit) {
  core::WriterLock lock(mutex_);
  for (const Step& step : commit->steps) {
    if (step.kind != Step::Kind::rows) continue;
    for (const TableImages& table : step.images->tables) {
      Rows& rows = tables_[table.table];
      for (const Image& image : table.rows) {
        auto found = rows.find(image.key);
        if (found == rows.end()) found = rows.emplace(std::string(image.key), Versions()).first;
        found->second.push_back({commit->lsn, &image});
      }
    }
  }
  rows_ += commit->rows;
  bytes_ += commit->section.size();
  lsns_.push_back(commit->lsn);
  queue_.push_back(std::move(commit));
}

std::vector<std::shared_ptr<const QueuedCommit>> Recent::upto(Lsn lsn) const {
  core::ReaderLock lock(mutex_);
  std::vector<std::shared_ptr<const QueuedCommit>> out;
  for (const auto& commit : queue_) {
    if (commit->lsn > lsn) break;
    out.push_back(commit);
  }
  return out;
}

void Recent::pop(Lsn applied) {
  std::vector<std::shared_ptr<const QueuedCommit>> freed;  // destroyed after the lock
  core::WriterLock lock(mutex_);
  while (!queue_.empty() && queue_.front()->lsn <= applied) {
    const auto commit = std::move(queue_.front());
    queue_.pop_front();
    rows_ -= commit->rows;
    bytes_ -= commit->section.size();
    for (const Step& step : commit->steps) {
      if (step.kind != Step::Kind::rows) continue;
      for (const TableImages& table : step.images->tables) {
        const auto rows = tables_.find(table.table);
        if (rows == tables_.end()) continue;
        for (const Image& image : table.rows) {
          const auto found = rows->second.find(image.key);
          if (found == rows->second.end()) continue;
          std::erase_if(found->second, [&](const Version& version) { return version.lsn <= applied; });
          if (found->second.empty()) rows->second.erase(found);
        }
      }
    }
    freed.push_back(commit);
  }
  applied_ = applied;
}

void Recent::set_catalog(std::shared_ptr<const Catalog> catalog) {
  core::WriterLock lock(mutex_);
  catalog_ = std::move(catalog);
}

std::shared_ptr<const Catalog> Recent::catalog() const {
  core::ReaderLock lock(mutex_);
  return catalog_;
}

Recent::Found Recent::find(std::string_view table, std::string_view key, Lsn view) const {
  core::ReaderLock lock(mutex_);
  Found out;
  out.applied = applied_;
  const auto rows = tables_.find(table);
  if (rows == tables_.end()) return out;
  const auto versions = rows->second.find(key);
  if (versions == rows->second.end()) return out;
  for (auto version = versions->second.rbegin(); version != versions->second.rend(); ++version) {
    if (version->lsn > view) continue;
    out.known = true;
    out.present = version->image->present;
    out.rest = version->image->rest;
    break;
  }
  return out;
}

Result<Lsn> Recent::state_at(Lsn view) const {
  core::ReaderLock lock(mutex_);
  if (view < history_from_) {
    return Error(ErrorCode::failed_precondition, "rows as of lsn " + std::to_string(view) +
                                                     " are not kept any more; the oldest is " +
                                                     std::to_string(history_from_));
  }
  const auto after = std::upper_bound(lsns_.begin(), lsns_.end(), view);
  return after == lsns_.begin() ? history_from_ : *(after - 1);
}

Lsn Recent::applied() const {
  core::ReaderLock lock(mutex_);
  return applied_;
}

Lsn Recent::last() const {
  core::ReaderLock lock(mutex_);
  return queue_.empty() ? applied_ : queue_.back()->lsn;
}

Lsn Recent::history_from() const {
  core::ReaderLock lock(mutex_);
  return history_from_;
}

void Recent::forget_before(Lsn horizon) {
  core::WriterLock lock(mutex_);
  if (horizon <= history_from_) return;
  // The newest commit ≤ horizon stays the name of the state at the horizon.
  Lsn state = history_from_;
  while (!lsns_.empty() && lsns_.front() <= horizon && lsns_.front() <= applied_) {
    state = lsns_.front();
    lsns_.pop_front();
  }
  history_from_ = state;
}

std::size_t Recent::rows() const {
  core::ReaderLock lock(mutex_);
  return rows_;
}

std::size_t Recent::bytes() const {
  core::ReaderLock lock(mutex_);
  return bytes_;
}

}  // namespace strata::store::metadata
