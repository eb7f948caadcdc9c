#pragma once
/// Who wrote a key last, for the commits that some running transaction may not have seen: first committer wins.
///
/// A commit at LSN n leaves an entry (key → n) for each key it wrote, and for each predicate whose answers it may have
/// changed while somebody serializable runs; both are hashes, with seeds of their own. A transaction whose view is v conflicts on a key
/// when the entry is > v. Entries ≤ the oldest view can never matter again and are dropped, so the size follows the
/// writes of the longest-running transaction, which its timeout bounds.
#include <deque>
#include <unordered_map>
#include <vector>

#include "transaction/session.h"

namespace strata::transaction {

/// Threads: one at a time (the commit lock).
class ConflictIndex {
 public:
  /// The last commit that wrote this key after `view`, or 0.
  Lsn changed_after(KeyHash key, Lsn view) const {
    const auto found = last_write_.find(key);
    return found != last_write_.end() && found->second > view ? found->second : 0;
  }
  void record(Lsn lsn, const std::vector<Context::Key>& writes, const std::vector<Context::Key>& effects = {},
              const std::vector<KeyHash>& predicates = {});
  /// Forgets commits ≤ oldest_view.
  void prune(Lsn oldest_view);
  std::size_t size() const { return last_write_.size(); }

 private:
  struct Written {
    Lsn lsn;
    std::vector<KeyHash> keys;
  };
  std::unordered_map<KeyHash, Lsn> last_write_;
  std::deque<Written> commits_;  // ascending by lsn
};

}  // namespace strata::transaction
