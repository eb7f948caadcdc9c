#pragma once
#include <memory>
#include <string>

#include "cli/settings.h"

namespace strata::cli {

enum class Missing : std::uint8_t { refuse, create };  ///< what a verb does about a directory that is no database

/// The database that a run of the command works on: opened at the first need, closed with its errors told. At the prompt
/// it stays open from line to line. One thread at a time.
class Database {
 public:
  Database(std::string directory, Settings settings)
      : directory_(std::move(directory)), settings_(std::move(settings)) {}
  ~Database();

  const std::string& directory() const { return directory_; }
  const Settings& settings() const { return settings_; }
  /// Which state the reading verbs read: an LSN, a time, a tag; empty: the present.
  void set_as_of(std::string as_of);
  const std::string& as_of_text() const { return as_of_; }
  Result<AsOf> as_of() const;

  Result<Engine*> engine(Missing missing = Missing::refuse);
  /// The stores as of `as_of`; the engine itself for the present.
  Result<Stores*> stores();
  /// With the embedder of the settings; without one, what must be embedded may be refused. Errors  as Memory::open
  Result<Memory*> memory(Missing missing = Missing::refuse);
  /// Whether anything was ever remembered here, without preparing the directory for memories.
  Result<bool> has_memory();
  /// Of the process that has it open, if any has, also one that hangs; else this one opens it. As strata::transactions_of.
  Result<Map> transactions();
  Result<void> close();
  /// After a verb that failed: as close; and a database that this run made, and that holds nothing, is taken away again.
  Result<void> close_after_failure();

 private:
  const std::string directory_;
  const Settings settings_;
  std::string as_of_;
  bool made_ = false;      // its directory, by this run
  Lsn lsn_when_made_ = 0;  // with the places of memory: nothing of the user's
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Memory> memory_;
  std::unique_ptr<View> view_;
};

}  // namespace strata::cli
