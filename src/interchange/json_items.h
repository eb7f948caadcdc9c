#pragma once
/// The points in a file of JSON, one by one, however long it is: of a document only the point at hand is in memory.
///
///     {"result": {"points": [P, …]}, …}     an answer of Qdrant's scroll      {"result": [P, …]}    an answer of retrieve
///     {"points": [P, …]}                    a body of upsert                  [P, …]    P           points alone
///
/// Of these there may be several, one after the other or one a line. A P is an object with "id", "vector" or "vectors".
#include <optional>
#include <string>
#include <vector>

#include "interchange/input_file.h"

namespace strata::interchange {

inline constexpr std::size_t kItemBytesMax = 16 << 20;

/// Borrows the file. One thread at a time.
class JsonItems {
 public:
  explicit JsonItems(const InputFile& file) : file_(file) {}
  /// The next point's text, valid until the next call; none at the end.
  /// Errors  invalid_argument (no such JSON; a point over kItemBytesMax), corruption (the file ends early)
  Result<std::optional<std::string_view>> next();
  std::uint64_t item_offset() const { return item_offset_; }  ///< of the text that next gave

 private:
  enum class Open : std::uint8_t { points, answer, result };
  int peek_byte();  // -1 at the end, or when the file cannot be read: `failed_` says which
  int take_byte();
  void skip_blanks(bool commas = false);
  Result<std::string> key();
  Result<void> value(std::string* text);  // one value: into the text, or past it
  Result<std::optional<std::string_view>> item();
  Result<void> member();
  Error wrong(std::string_view what) const;
  Error ends() const;

  const InputFile& file_;
  std::vector<Open> open_ = {};
  std::uint64_t offset_ = 0, answer_offset_ = 0, item_offset_ = 0, piece_begin_ = 0;
  bool point_here_ = false;  // the answer that was begun is itself a point
  Bytes piece_ = {};
  std::optional<Error> failed_ = {};
  std::string text_ = {};
};

}  // namespace strata::interchange
