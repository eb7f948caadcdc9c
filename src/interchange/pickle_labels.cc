#include "interchange/pickle_labels.h"

#include <variant>
#include <vector>

namespace strata::interchange {
namespace {

constexpr std::uint64_t kTextBytesMax = 1 << 20;

struct Mark {};
struct Other {};  ///< a dictionary, an object, a tuple, None: nothing that is looked into
using Item = std::variant<Other, Mark, std::int64_t, std::string>;

/// The names are those of Python's pickletools.
enum Instruction : std::uint8_t {
  kMark = '(',
  kStop = '.',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kReduce = 'R',
  kBinUnicode = 'X',
  kEmptyList = ']',
  kBuild = 'b',
  kGlobal = 'c',
  kEmptyDict = '}',
  kEmptyTuple = ')',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kSetItems = 'u',
  kProto = 0x80,
  kNewObj = 0x81,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95
};

class Machine {
 public:
  explicit Machine(const InputFile& file) : reader_(file) {}

  Result<PickledLabels> run() {
    for (;;) {
      begin_ = reader_.offset();
      const auto instruction = STRATA_TRY(reader_.field<std::uint8_t>());
      if (instruction == kStop) return std::move(found_);
      STRATA_TRY(step(instruction));
    }
  }

 private:
  Result<void> step(std::uint8_t instruction) {
    switch (instruction) {
      case kProto: return reader_.skip(1);
      case kFrame: return reader_.skip(8);
      case kMark: stack_.emplace_back(Mark{}); return {};
      case kNone:
      case kNewTrue:
      case kNewFalse:
      case kEmptyDict:
      case kEmptyList:
      case kEmptyTuple: stack_.emplace_back(Other{}); return {};
      case kBinInt: stack_.emplace_back(std::int64_t{STRATA_TRY(reader_.field<std::int32_t>())}); return {};
      case kBinInt1: stack_.emplace_back(std::int64_t{STRATA_TRY(reader_.field<std::uint8_t>())}); return {};
      case kBinInt2: stack_.emplace_back(std::int64_t{STRATA_TRY(reader_.field<std::uint16_t>())}); return {};
      case kLong1: return long_integer();
      case kShortBinUnicode: return text(STRATA_TRY(reader_.field<std::uint8_t>()));
      case kBinUnicode: return text(STRATA_TRY(reader_.field<std::uint32_t>()));
      case kBinUnicode8: return text(STRATA_TRY(reader_.field<std::uint64_t>()));
      case kBinPut: return remember(STRATA_TRY(reader_.field<std::uint8_t>()));
      case kLongBinPut: return remember(STRATA_TRY(reader_.field<std::uint32_t>()));
      case kMemoize: return remember(memo_.size());
      case kBinGet: return recall(STRATA_TRY(reader_.field<std::uint8_t>()));
      case kLongBinGet: return recall(STRATA_TRY(reader_.field<std::uint32_t>()));
      case kSetItem: return set_items(STRATA_TRY(at_least(3)) - 2, false);
      case kSetItems: return set_items(STRATA_TRY(last_mark()), true);
      case kTuple1: return replace(1);
      case kTuple2:
      case kStackGlobal:  // a class by its names
      case kNewObj:       // an object of a class
      case kReduce: return replace(2);
      case kTuple3: return replace(3);
      case kBuild:
        STRATA_TRY(at_least(2));
        stack_.pop_back();
        return {};
      case kGlobal:
        STRATA_TRY(line());
        STRATA_TRY(line());
        stack_.emplace_back(Other{});
        return {};
      default:
        return reader_.file().wrong(
            begin_, "a pickle's instruction " + std::to_string(instruction) + " that is not followed here",
            ErrorCode::unsupported);
    }
  }

  Error damaged(std::string_view what) const { return reader_.file().wrong(begin_, what, ErrorCode::corruption); }

  Result<std::size_t> at_least(std::size_t items) const {
    if (stack_.size() < items) return damaged("a pickle that takes what is not there");
    return stack_.size();
  }

  Result<std::size_t> last_mark() const {
    for (std::size_t at = stack_.size(); at-- > 1;) {
      if (std::holds_alternative<Mark>(stack_[at])) return at;
    }
    return damaged("a pickle that takes what is not there");
  }

  Result<void> replace(std::size_t items) {
    const std::size_t size = STRATA_TRY(at_least(items));
    stack_.resize(size - items);
    stack_.emplace_back(Other{});
    return {};
  }

  Result<void> long_integer() {
    const auto bytes = STRATA_TRY(reader_.field<std::uint8_t>());
    std::uint64_t number = 0;
    for (std::uint8_t i = 0; i < bytes; ++i) {
      const std::uint64_t byte = STRATA_TRY(reader_.field<std::uint8_t>());
      if (i < 8) number |= byte << (8 * i);
    }
    if (bytes > 8) {
      stack_.emplace_back(Other{});  // none of ours is so large
    } else {
      const int unused = 64 - 8 * bytes;
      stack_.emplace_back(bytes == 0 ? std::int64_t{0} : static_cast<std::int64_t>(number << unused) >> unused);
    }
    return {};
  }

  Result<void> text(std::uint64_t size) {
    if (size > kTextBytesMax || size > reader_.left())
      return damaged("a text of " + std::to_string(size) + " bytes in a pickle");
    std::string content(size, '\0');
    STRATA_TRY(reader_.bytes(std::as_writable_bytes(std::span(content))));
    stack_.emplace_back(std::move(content));
    return {};
  }

  Result<void> line() {
    while (STRATA_TRY(reader_.field<char>()) != '\n') continue;
    return {};
  }

  Result<void> remember(std::uint64_t place) {
    STRATA_TRY(at_least(1));
    memo_.insert_or_assign(place, stack_.back());
    return {};
  }

  Result<void> recall(std::uint64_t place) {
    const auto found = memo_.find(place);
    if (found == memo_.end()) return damaged("a pickle that takes what is not there");
    stack_.push_back(found->second);
    return {};
  }

  /// Keys and values from `first` on (behind a mark, or not) go into the dictionary below them, whose name in the one around it is below that.
  Result<void> set_items(std::size_t first, bool marked) {
    const std::size_t begin = first + (marked ? 1 : 0);
    if (first == 0 || (stack_.size() - begin) % 2 != 0) return damaged("a pickle with a key that has no value");
    const auto* name = first < 2 ? nullptr : std::get_if<std::string>(&stack_[first - 2]);
    const bool is_labels = name != nullptr && *name == "id_to_label";
    for (std::size_t at = begin; at < stack_.size(); at += 2) {
      auto* key = std::get_if<std::string>(&stack_[at]);
      const auto* number = std::get_if<std::int64_t>(&stack_[at + 1]);
      if (key == nullptr || number == nullptr) continue;
      if (is_labels && *number >= 0)
        found_.labels.insert_or_assign(std::move(*key), static_cast<std::uint64_t>(*number));
      if (!is_labels && *key == "max_seq_id") found_.max_seq_id = *number;
    }
    stack_.resize(first);
    return {};
  }

  FieldReader reader_;
  std::uint64_t begin_ = 0;  // of the instruction
  std::vector<Item> stack_;
  std::unordered_map<std::uint64_t, Item> memo_;
  PickledLabels found_;
};

}  // namespace

Result<PickledLabels> read_pickled_labels(const InputFile& file) { return Machine(file).run(); }

}  // namespace strata::interchange
