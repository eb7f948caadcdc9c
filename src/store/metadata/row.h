#pragma once
/// A row as bytes. Everything the store moves around (journal, memory, history, archive) is one shape:
///
///     key    the primary key columns, in the order of the key     identifies the row; equal keys are equal bytes
///     rest   the other columns, in the order of the table
///
/// Each value is coded as core::Encoder::value does (one tag byte, then the content), so a core::Decoder reads it; one tag
/// more stands for "the LSN of the commit that writes this row" until the commit has one. Equal keys must be equal
/// bytes: SQLite takes 1 and 1.0 for the same key, so a whole real in a key is written as an integer.
#include <optional>
#include <string>
#include <string_view>

#include "store/metadata/sqlite.h"
#include "strata/error.h"
#include "strata/value.h"

namespace strata::store::metadata {

inline constexpr char kTagCommitLsn = 0x40;

void append_null(std::string& out);
void append_integer(std::string& out, std::int64_t value);
void append_real(std::string& out, double value);
/// A real within a key: whole ones become integers.
void append_key_real(std::string& out, double value);
void append_text(std::string& out, std::string_view text);
void append_blob(std::string& out, std::string_view bytes);
void append_commit_lsn(std::string& out);
/// The value of a result column. `in_key`: whole reals become integers.
void append_column(std::string& out, sqlite3_stmt* statement, int column, bool in_key);

/// Reads coded values one after another. Bytes come from disk: a malformed value sets `failed`.
class ValueReader {
 public:
  explicit ValueReader(std::string_view bytes) : left_(bytes) {}
  bool done() const { return left_.empty(); }
  bool failed() const { return failed_; }
  std::size_t remaining() const { return left_.size(); }
  /// Binds the next value to parameter `index`, without copying: the bytes must outlive the step.
  void bind_next(sqlite3_stmt* statement, int index);
  Value next();
  bool skip() {
    next_raw();
    return !failed_;
  }

 private:
  struct Raw {
    int tag = 0;
    std::int64_t integer = 0;
    double real = 0;
    std::string_view bytes;
  };
  Raw next_raw();

  std::string_view left_;
  bool failed_ = false;
};

/// Turns values that are the text kCommitLsn into marks; false when there was none.
bool mark_commit_lsn(std::string& rest);
/// `rest` with every commit-LSN mark replaced. Errors  corruption
Result<std::string> with_commit_lsn(std::string_view rest, Lsn lsn);

}  // namespace strata::store::metadata
