#include "interchange/point_names.h"

#include <algorithm>

#include "interchange/npy_header.h"

namespace strata::interchange {
namespace {

/// One character as UTF-8; what is no character becomes one that no id may hold.
void append_utf8(std::string& text, std::uint32_t code_point) {
  const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18 & 0x07));
    put(0x80 | (code_point >> 12 & 0x3F));
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

class ArrayNames final : public PointNames {
 public:
  ArrayNames(InputFile file, std::uint64_t begin, std::uint64_t count, char kind, std::uint64_t item_bytes)
      : file_(std::move(file)), begin_(begin), count_(count), kind_(kind), item_(item_bytes) {}

  static Result<std::unique_ptr<PointNames>> open(InputFile file, const NpyHeader& header) {
    const char order = header.type[0], kind = header.type.size() > 1 ? header.type[1] : ' ';
    std::uint64_t length = 0;
    for (const char digit : std::string_view(header.type).substr(std::min<std::size_t>(2, header.type.size()))) {
      if (digit < '0' || digit > '9' || length > kIdBytesMax)
        return no_npy("ids of the type '" + header.type + "' are not read");
      length = 10 * length + static_cast<std::uint64_t>(digit - '0');
    }
    const bool whole = (kind == 'i' || kind == 'u') && (length == 1 || length == 2 || length == 4 || length == 8);
    const bool text = (kind == 'U' || kind == 'S') && length > 0 && length <= kIdBytesMax;
    if (header.shape.size() != 1 || (!whole && !text)) {
      return no_npy("ids are one axis of integers or of text of up to " + std::to_string(kIdBytesMax) +
                    " characters, not '" + header.type + "' with " + std::to_string(header.shape.size()) + " axes");
    }
    if (order == '>' && !(kind == 'S' || length == 1))
      return no_npy("its ids are big-endian; save them with .astype('<" + header.type.substr(1) + "')");
    const std::uint64_t item_bytes = kind == 'U' ? 4 * length : length;
    const std::uint64_t rest = file.size() - std::min<std::uint64_t>(file.size(), header.begin);
    if (header.shape[0] > rest / item_bytes || header.shape[0] * item_bytes != rest) {
      return no_npy("it holds " + std::to_string(rest) + " bytes of ids, which is not what its shape says");
    }
    return std::unique_ptr<PointNames>(
        std::make_unique<ArrayNames>(std::move(file), header.begin, header.shape[0], kind, item_bytes));
  }

  std::uint64_t count() const override { return count_; }

  Result<bool> describe(std::uint64_t label, IncomingPoint& point) override {
    if (label >= count_) return false;
    item_.assign(item_.size(), std::byte{});
    STRATA_TRY(file_.read(begin_ + label * item_.size(), item_));
    point.id.clear();
    point.payload = {};
    if (kind_ == 'S') {
      const std::string_view text = as_text(item_);
      point.id = text.substr(0, text.find_last_not_of('\0') + 1);
    } else if (kind_ == 'U') {
      for (std::size_t at = 0; at < item_.size(); at += 4)
        append_utf8(point.id, core::load<std::uint32_t>(item_.data() + at));
      point.id.resize(point.id.find_last_not_of('\0') + 1);
    } else {
      std::uint64_t number = 0;
      std::copy(item_.begin(), item_.end(), reinterpret_cast<std::byte*>(&number));  // little-endian, as we are
      const std::size_t unused = 64 - 8 * item_.size();
      point.id =
          kind_ == 'u' ? std::to_string(number) : std::to_string(static_cast<std::int64_t>(number << unused) >> unused);
    }
    return true;
  }

 private:
  InputFile file_;
  const std::uint64_t begin_, count_;
  const char kind_;
  Bytes item_;
};

/// One line, read as id, payload and label.
struct NamedLine {
  std::string id;
  Map payload;
  std::optional<std::uint64_t> label;
};

Result<NamedLine> parse_line(std::string_view text) {
  Value value = STRATA_TRY(parse_json(text));
  NamedLine line;
  bool with_id = false;
  if (Map* map = value.map()) {
    for (const auto& [key, item] : *map) {
      const std::int64_t* whole = item.integer();
      if (const auto id = id_of(item); key == "id" && id) {
        line.id = *id;
        with_id = true;
      } else if (key == "payload" && item.map() != nullptr) {
        line.payload = *item.map();
      } else if (key == "label" && whole != nullptr && *whole >= 0) {
        line.label = static_cast<std::uint64_t>(*whole);
      } else {
        return Error(ErrorCode::invalid_argument,
                     "\"" + key.substr(0, 64) +
                         "\" is not expected, or of another kind; a line is an id, or {\"id\": text, \"payload\": "
                         "object, \"label\": integer}");
      }
    }
  } else if (const auto id = id_of(value)) {
    line.id = *id;
    with_id = true;
  }
  if (!with_id)
    return Error(ErrorCode::invalid_argument,
                 "a line is an id, or {\"id\": text, \"payload\": object, \"label\": integer}");
  return line;
}

class LineNames final : public PointNames {
 public:
  explicit LineNames(InputFile file) : file_(std::move(file)) {}

  /// Where each line begins; then, where lines have labels, those in order.
  Result<void> read_index() {
    constexpr std::uint64_t kPieceBytes = 1 << 20;
    Bytes piece;
    begins_.push_back(0);
    for (std::uint64_t at = 0; at < file_.size(); at += piece.size()) {
      piece.resize(std::min(kPieceBytes, file_.size() - at));
      STRATA_TRY(file_.read(at, piece));
      for (std::size_t i = 0; i < piece.size(); ++i) {
        if (piece[i] == std::byte{'\n'}) begins_.push_back(at + i + 1);
      }
    }
    if (begins_.back() != file_.size()) begins_.push_back(file_.size());
    for (std::size_t i = 0; i + 1 < begins_.size(); ++i) {
      if (begins_[i + 1] - begins_[i] > kLineBytesMax) {
        return file_.wrong(begins_[i], "line " + std::to_string(i + 1) + " is longer than " +
                                           std::to_string(kLineBytesMax) + " bytes");
      }
    }
    if (begins_.size() < 2 || !STRATA_TRY(line(0)).label) return {};
    labels_.reserve(begins_.size() - 1);
    for (std::uint64_t i = 0; i + 1 < begins_.size(); ++i) {
      const NamedLine each = STRATA_TRY(line(i));
      if (!each.label)
        return file_.wrong(begins_[i], "line " + std::to_string(i + 1) + " has no \"label\", the first one has");
      labels_.push_back({*each.label, i});
    }
    std::sort(labels_.begin(), labels_.end(), [](const Label& a, const Label& b) { return a.label < b.label; });
    const auto twice = std::adjacent_find(labels_.begin(), labels_.end(),
                                          [](const Label& a, const Label& b) { return a.label == b.label; });
    if (twice != labels_.end())
      return file_.wrong(begins_[twice->line], "the label " + std::to_string(twice->label) + " is given twice");
    return {};
  }

  std::uint64_t count() const override { return begins_.size() - 1; }

  Result<bool> describe(std::uint64_t label, IncomingPoint& point) override {
    std::uint64_t at = label;
    if (!labels_.empty()) {
      const auto found = std::lower_bound(labels_.begin(), labels_.end(), label,
                                          [](const Label& a, std::uint64_t b) { return a.label < b; });
      if (found == labels_.end() || found->label != label) return false;
      at = found->line;
    }
    if (at >= count()) return false;
    NamedLine named = STRATA_TRY(line(at));
    if (labels_.empty() && named.label)
      return file_.wrong(begins_[at], "line " + std::to_string(at + 1) + " has a \"label\", the first one has not");
    point.id = std::move(named.id);
    point.payload = std::move(named.payload);
    return true;
  }

 private:
  struct Label {
    std::uint64_t label, line;
  };
  Result<NamedLine> line(std::uint64_t number) {
    text_.resize(begins_[number + 1] - begins_[number]);
    STRATA_TRY(file_.read(begins_[number], text_));
    auto parsed = parse_line(as_text(text_));
    if (!parsed) return std::move(parsed).error().with_context(file_.name() + ", line " + std::to_string(number + 1));
    return parsed;
  }
  InputFile file_;
  std::vector<std::uint64_t> begins_;  // of each line, and the end
  std::vector<Label> labels_;          // ascending; empty: lines are numbered
  Bytes text_;
};

}  // namespace

Result<std::unique_ptr<PointNames>> PointNames::open(io::FileSystem& files, const std::string& name) {
  InputFile file = STRATA_TRY(InputFile::open(files, name));
  Bytes front(std::min<std::uint64_t>(file.size(), kNpyHeaderBytesMax + 12));
  STRATA_TRY(file.read(0, front));
  if (as_text(front).starts_with(kNpyMagic)) {
    const NpyHeader header = STRATA_TRY(parse_npy_header(front));
    return ArrayNames::open(std::move(file), header);
  }
  auto lines = std::make_unique<LineNames>(std::move(file));
  STRATA_TRY(lines->read_index());
  return std::unique_ptr<PointNames>(std::move(lines));
}

Result<bool> name_point(PointNames* names, std::uint64_t label, IncomingPoint& point, Remarks& remarks) {
  if (names == nullptr) {
    point.id = std::to_string(label);
    point.payload = {};
    return true;
  }
  if (STRATA_TRY(names->describe(label, point))) return true;
  remarks.add("the file with the ids has none for this label: left out", "label " + std::to_string(label));
  return false;
}

}  // namespace strata::interchange
