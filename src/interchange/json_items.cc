#include "interchange/json_items.h"

#include <algorithm>

namespace strata::interchange {
namespace {

constexpr std::uint64_t kPieceBytes = 1 << 16;
constexpr std::size_t kKeyBytesMax = 1 << 16;

bool is_blank(int byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }

}  // namespace

Error JsonItems::wrong(std::string_view what) const { return failed_ ? failed_->clone() : file_.wrong(offset_, what); }
Error JsonItems::ends() const {
  return failed_ ? failed_->clone() : file_.wrong(offset_, "the file ends within a JSON value", ErrorCode::corruption);
}

int JsonItems::peek_byte() {
  if (offset_ >= file_.size() || failed_) return -1;
  if (offset_ < piece_begin_ || offset_ - piece_begin_ >= piece_.size()) {
    piece_.resize(std::min(kPieceBytes, file_.size() - offset_));
    piece_begin_ = offset_;
    if (auto read = file_.read(offset_, piece_); !read) {
      failed_ = std::move(read).error();
      piece_.clear();
      return -1;
    }
  }
  return static_cast<int>(piece_[offset_ - piece_begin_]);
}

int JsonItems::take_byte() {
  const int byte = peek_byte();
  if (byte >= 0) ++offset_;
  return byte;
}

void JsonItems::skip_blanks(bool commas) {
  while (is_blank(peek_byte()) || (commas && peek_byte() == ',')) ++offset_;
}

Result<std::string> JsonItems::key() {
  std::string text;
  if (take_byte() != '"') return wrong("the name of a member is expected");
  for (int byte = take_byte(); byte != '"'; byte = take_byte()) {
    if (byte < 0) return ends();
    if (byte == '\\') {
      text += static_cast<char>(byte);
      byte = take_byte();
      if (byte < 0) return ends();
    }
    text += static_cast<char>(byte);
    if (text.size() > kKeyBytesMax)
      return wrong("the name of a member has over " + std::to_string(kKeyBytesMax) + " bytes");
  }
  skip_blanks();
  if (take_byte() != ':') return wrong("a colon is expected after the name of a member");
  skip_blanks();
  return text;
}

Result<void> JsonItems::value(std::string* text) {
  std::uint64_t depth = 0;
  bool in_string = false;
  const std::uint64_t begin = offset_;
  for (;;) {
    const int byte = peek_byte();
    if (byte < 0 && (depth > 0 || in_string || offset_ == begin || failed_)) return ends();
    const bool literal_ends = depth == 0 && !in_string && offset_ != begin &&
                              (byte < 0 || byte == ',' || byte == ']' || byte == '}' || is_blank(byte));
    if (literal_ends) return {};
    ++offset_;
    if (text != nullptr) {
      if (text->size() == kItemBytesMax)
        return file_.wrong(begin, "a point has over " + std::to_string(kItemBytesMax) + " bytes of JSON");
      *text += static_cast<char>(byte);
    }
    if (in_string) {
      if (byte == '\\') {
        const int escaped = take_byte();
        if (escaped < 0) return ends();
        if (text != nullptr) *text += static_cast<char>(escaped);
      }
      in_string = byte != '"';
      if (!in_string && depth == 0) return {};
    } else if (byte == '"') {
      in_string = true;
    } else if (byte == '{' || byte == '[') {
      ++depth;
    } else if (byte == '}' || byte == ']') {
      if (depth == 0) return wrong("a value is expected");
      if (--depth == 0) return {};
    }
  }
}

Result<std::optional<std::string_view>> JsonItems::item() {
  text_.clear();
  item_offset_ = offset_;
  STRATA_TRY(value(&text_));
  return std::optional<std::string_view>(text_);
}

/// One member of an answer: goes into what holds points, past everything else.
Result<void> JsonItems::member() {
  const bool outermost = open_.back() == Open::answer;
  const std::string name = STRATA_TRY(key());
  if (outermost && (name == "id" || name == "vector" || name == "vectors")) {
    point_here_ = true;
    return {};
  }
  const int first = peek_byte();
  const bool holds_points = name == "points" || (outermost && name == "result");
  if (holds_points && first == '[') {
    ++offset_;
    open_.push_back(Open::points);
    return {};
  }
  if (outermost && name == "result" && first == '{') {
    ++offset_;
    open_.push_back(Open::result);
    return {};
  }
  return value(nullptr);
}

Result<std::optional<std::string_view>> JsonItems::next() {
  for (;;) {
    skip_blanks(!open_.empty());
    const int byte = peek_byte();
    if (open_.empty()) {
      if (byte < 0 && !failed_) return std::optional<std::string_view>();
      answer_offset_ = offset_;
      if (byte != '{' && byte != '[') return wrong("an object or an array is expected");
      ++offset_;
      open_.push_back(byte == '[' ? Open::points : Open::answer);
      continue;
    }
    if (byte < 0) return ends();
    if (open_.back() == Open::points) {
      if (byte == ']') {
        ++offset_;
        open_.pop_back();
      } else if (byte == '{') {
        return item();
      } else {
        return wrong("a point is expected: an object");
      }
      continue;
    }
    if (byte == '}') {
      ++offset_;
      open_.pop_back();
      continue;
    }
    STRATA_TRY(member());
    if (point_here_) {
      point_here_ = false;
      open_.pop_back();
      offset_ = answer_offset_;
      return item();
    }
  }
}

}  // namespace strata::interchange
