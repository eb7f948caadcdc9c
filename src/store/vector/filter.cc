#include "store/vector/filter.h"

#include <algorithm>
#include <cmath>
#include <compare>
#include <optional>

#include "core/excerpt.h"

namespace strata::store::vector {
namespace {

constexpr int kDepthMax = 32;

Error bad(std::string_view what, std::string_view where) {
  return Error(ErrorCode::invalid_argument, "filter: " + std::string(what) + ": \"" + core::excerpt(where) + "\"");
}

// An integer against a real, exact: a double beyond 2^63 has no integer beside it.
std::partial_ordering compare_numbers(std::int64_t a, double b) {
  if (std::isnan(b)) return std::partial_ordering::unordered;
  if (b >= 9223372036854775808.0) return std::partial_ordering::less;
  if (b < -9223372036854775808.0) return std::partial_ordering::greater;
  const double whole = std::trunc(b);
  const auto whole_integer = static_cast<std::int64_t>(whole);
  if (a != whole_integer) return a <=> whole_integer;
  return 0.0 <=> b - whole;
}

// Numbers with numbers, text with text; anything else does not compare.
std::partial_ordering compare(const EncodedValue& a, const Value& b) {
  if (a.kind() == Value::Kind::text && b.text() != nullptr) return a.text() <=> std::string_view(*b.text());
  const bool a_integer = a.kind() == Value::Kind::integer;
  if (!a_integer && a.kind() != Value::Kind::real) return std::partial_ordering::unordered;
  if (const std::int64_t* integer = b.integer()) {
    return a_integer ? a.integer() <=> *integer : 0 <=> compare_numbers(*integer, a.real());
  }
  if (const double* real = b.real()) {
    return a_integer ? compare_numbers(a.integer(), *real) : a.real() <=> *real;
  }
  return std::partial_ordering::unordered;
}

bool equals(const EncodedValue& a, const Value& b) {
  switch (a.kind()) {
    case Value::Kind::null: return b.is_null();
    case Value::Kind::boolean: return b.boolean() != nullptr && *b.boolean() == a.boolean();
    case Value::Kind::integer:
    case Value::Kind::real:
    case Value::Kind::text: return compare(a, b) == 0;
    case Value::Kind::bytes: return b.bytes() != nullptr && as_text(*b.bytes()) == a.text();
    case Value::Kind::list: {
      if (b.list() == nullptr) return false;
      std::size_t at = 0;
      const bool differs = a.any_item(
          [&](const EncodedValue& item) { return at >= b.list()->size() || !equals(item, (*b.list())[at++]); });
      return !differs && at == b.list()->size();
    }
    case Value::Kind::map: return false;  // conditions are maps: a map to equal cannot be written
  }
  return false;
}

// A list of values to be one of; long lists of text are searched by halving.
class ValueSet {
 public:
  explicit ValueSet(const Value::List& values) {
    for (const Value& value : values) {
      if (value.text() != nullptr) {
        texts_.push_back(*value.text());
      } else {
        others_.push_back(value);
      }
    }
    std::sort(texts_.begin(), texts_.end());
  }
  bool contains(const EncodedValue& value) const {
    if (value.kind() == Value::Kind::text) return std::binary_search(texts_.begin(), texts_.end(), value.text());
    return std::any_of(others_.begin(), others_.end(), [&](const Value& other) { return equals(value, other); });
  }

 private:
  std::vector<std::string> texts_;
  std::vector<Value> others_;
};

}  // namespace

struct CompiledFilter::Node {
  enum class Kind { all, any, none, has_id, condition };
  Kind kind = Kind::all;
  std::vector<Node> children;    // all, any, none
  std::vector<std::string> ids;  // has_id, sorted

  // condition
  std::string field;
  std::optional<Value> equal;
  std::optional<Value> greater, greater_equal, less, less_equal;
  std::optional<ValueSet> one_of, none_of;
  std::optional<bool> is_null;

  bool holds(std::string_view id, const EncodedMap& payload) const {
    switch (kind) {
      case Kind::all:
        return std::all_of(children.begin(), children.end(), [&](const Node& n) { return n.holds(id, payload); });
      case Kind::any:
        return std::any_of(children.begin(), children.end(), [&](const Node& n) { return n.holds(id, payload); });
      case Kind::none:
        return std::none_of(children.begin(), children.end(), [&](const Node& n) { return n.holds(id, payload); });
      case Kind::has_id: return std::binary_search(ids.begin(), ids.end(), id);
      case Kind::condition: return condition_holds(payload);
    }
    return false;
  }

  std::optional<std::span<const std::string>> required_ids() const {
    if (kind == Kind::has_id) return std::span<const std::string>(ids);
    std::optional<std::span<const std::string>> shortest;
    if (kind != Kind::all) return shortest;  // what one of several may have is required of none
    for (const Node& child : children) {
      const auto required = child.required_ids();
      if (required && (!shortest || required->size() < shortest->size())) shortest = required;
    }
    return shortest;
  }

  bool condition_holds(const EncodedMap& payload) const {
    const auto value = payload.find(field);
    const bool null = !value || value->kind() == Value::Kind::null;
    if (is_null && *is_null != null) return false;
    if (!value) return is_null.has_value() && !compares();
    if (equal && equals(*value, *equal)) return true;
    if (value->kind() != Value::Kind::list) return item_holds(*value) && !(none_of && none_of->contains(*value));
    if (none_of && value->any_item([&](const EncodedValue& item) { return none_of->contains(item); })) return false;
    if (!compares()) return true;
    return value->any_item([&](const EncodedValue& item) { return item_holds(item); });
  }

  // Operators that one value, or one item of a list, must satisfy.
  bool compares() const { return equal || greater || greater_equal || less || less_equal || one_of; }

  bool item_holds(const EncodedValue& value) const {
    if (equal && !equals(value, *equal)) return false;
    if (greater && !(compare(value, *greater) > 0)) return false;
    if (greater_equal && !(compare(value, *greater_equal) >= 0)) return false;
    if (less && !(compare(value, *less) < 0)) return false;
    if (less_equal && !(compare(value, *less_equal) <= 0)) return false;
    return !one_of || one_of->contains(value);
  }
};

namespace {

using Node = CompiledFilter::Node;

Result<Node> compile_map(const Map& filter, int depth);

Result<void> compile_operator(Node& node, const std::string& name, const Value& operand) {
  const auto bound = [&](std::optional<Value>& slot) -> Result<void> {
    if (operand.text() == nullptr && operand.integer() == nullptr && operand.real() == nullptr) {
      return bad("the operator \"" + name + "\" takes a number or a text, in", node.field);
    }
    slot = operand;
    return {};
  };
  if (name == "gt") return bound(node.greater);
  if (name == "gte") return bound(node.greater_equal);
  if (name == "lt") return bound(node.less);
  if (name == "lte") return bound(node.less_equal);
  if (name == "any" || name == "except") {
    if (operand.list() == nullptr) return bad("the operator \"" + name + "\" takes a list, in", node.field);
    (name == "any" ? node.one_of : node.none_of).emplace(*operand.list());
    return {};
  }
  if (name == "is_null") {
    if (operand.boolean() == nullptr) return bad("the operator \"is_null\" takes true or false, in", node.field);
    node.is_null = *operand.boolean();
    return {};
  }
  return bad("unknown operator (known: gt, gte, lt, lte, any, except, is_null)", name);
}

Result<Node> compile_condition(const std::string& field, const Value& value) {
  Node node;
  node.kind = Node::Kind::condition;
  node.field = field;
  if (value.map() == nullptr) {
    node.equal = value;
    return node;
  }
  if (value.map()->empty()) return bad("a condition without an operator, in", field);
  for (const auto& [name, operand] : *value.map()) STRATA_TRY(compile_operator(node, name, operand));
  return node;
}

Result<Node> compile_list(const std::string& name, const Value& value, int depth) {
  Node node;
  node.kind = name == "must" ? Node::Kind::all : name == "should" ? Node::Kind::any : Node::Kind::none;
  if (value.list() == nullptr) return bad("takes a list of filters", name);
  for (const Value& item : *value.list()) {
    if (item.map() == nullptr) return bad("takes a list of filters, each a map", name);
    node.children.push_back(STRATA_TRY(compile_map(*item.map(), depth + 1)));
  }
  return node;
}

Result<Node> compile_ids(const Value& value) {
  Node node;
  node.kind = Node::Kind::has_id;
  if (value.list() == nullptr) return bad("takes a list of ids", "has_id");
  for (const Value& id : *value.list()) {
    if (id.text() == nullptr) return bad("takes a list of ids, each a text", "has_id");
    node.ids.push_back(*id.text());
  }
  std::sort(node.ids.begin(), node.ids.end());
  node.ids.erase(std::unique(node.ids.begin(), node.ids.end()), node.ids.end());
  return node;
}

Result<Node> compile_map(const Map& filter, int depth) {
  if (depth > kDepthMax) return bad("nested deeper than", std::to_string(kDepthMax));
  Node node;
  for (const auto& [name, value] : filter) {
    if (name == "must" || name == "should" || name == "must_not") {
      node.children.push_back(STRATA_TRY(compile_list(name, value, depth)));
    } else if (name == "has_id") {
      node.children.push_back(STRATA_TRY(compile_ids(value)));
    } else {
      node.children.push_back(STRATA_TRY(compile_condition(name, value)));
    }
  }
  return node;
}

}  // namespace

CompiledFilter::CompiledFilter(std::unique_ptr<Node> root) : root_(std::move(root)) {}
CompiledFilter::CompiledFilter(CompiledFilter&&) noexcept = default;
CompiledFilter& CompiledFilter::operator=(CompiledFilter&&) noexcept = default;
CompiledFilter::~CompiledFilter() = default;

Result<CompiledFilter> CompiledFilter::compile(const Filter& filter) {
  return CompiledFilter(std::make_unique<Node>(STRATA_TRY(compile_map(filter, 0))));
}

bool CompiledFilter::empty() const { return root_->children.empty(); }

std::optional<std::span<const std::string>> CompiledFilter::required_ids() const { return root_->required_ids(); }

bool CompiledFilter::matches(std::string_view id, ByteView payload) const {
  return root_->holds(id, EncodedMap::of_payload(payload));
}

}  // namespace strata::store::vector
