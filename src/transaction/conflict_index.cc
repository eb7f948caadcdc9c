#include "transaction/conflict_index.h"

namespace strata::transaction {

void ConflictIndex::record(Lsn lsn, const std::vector<Context::Key>& writes, const std::vector<Context::Key>& effects,
                           const std::vector<KeyHash>& predicates) {
  const std::size_t changed = writes.size() + effects.size() + predicates.size();
  if (changed == 0) return;
  STRATA_ASSERT(commits_.empty() || commits_.back().lsn < lsn);
  Written& written = commits_.emplace_back(Written{lsn, {}});
  written.keys.reserve(changed);
  const auto add = [&](KeyHash key) {
    last_write_[key] = lsn;
    written.keys.push_back(key);
  };
  for (const Context::Key& key : writes) add(key.hash);
  for (const Context::Key& key : effects) add(key.hash);
  for (const KeyHash predicate : predicates) add(predicate);
}

void ConflictIndex::prune(Lsn oldest_view) {
  while (!commits_.empty() && commits_.front().lsn <= oldest_view) {
    for (const KeyHash key : commits_.front().keys) {
      const auto found = last_write_.find(key);
      // A later commit may have written the key again: then its entry is the one that counts.
      if (found != last_write_.end() && found->second == commits_.front().lsn) last_write_.erase(found);
    }
    commits_.pop_front();
  }
}

}  // namespace strata::transaction
