#include "store/vector/filter/filter.h"

#include <algorithm>
#include <optional>

#include "core/excerpt.h"
#include "store/vector/words.h"

namespace strata::store::vector {
namespace {

constexpr int kDepthMax = 32;
// Of rows that only a few are taken from, nearly each that is asked matches, and few are: more look-ups would cost more.
constexpr std::size_t kExcludedLookUps = 64;

Error bad(std::string_view what, std::string_view where) {
  return Error(ErrorCode::invalid_argument, "filter: " + std::string(what) + ": \"" + core::excerpt(where) + "\"");
}

}  // namespace

struct CompiledFilter::Node {
  enum class Kind { all, any, none, has_id, condition };
  Kind kind = Kind::all;
  std::vector<Node> children;    // all, any, none
  std::vector<std::string> ids;  // has_id, sorted
  Condition condition;

  bool holds(std::string_view id, const EncodedMap& payload) const {
    switch (kind) {
      case Kind::all:
        return std::all_of(children.begin(), children.end(), [&](const Node& n) { return n.holds(id, payload); });
      case Kind::any:
        return std::any_of(children.begin(), children.end(), [&](const Node& n) { return n.holds(id, payload); });
      case Kind::none:
        return std::none_of(children.begin(), children.end(), [&](const Node& n) { return n.holds(id, payload); });
      case Kind::has_id: return std::binary_search(ids.begin(), ids.end(), id);
      case Kind::condition: return condition.holds(payload.find(condition.field));
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

  // Of the first `count` rows. `excludes`: what it tells is taken away from them.
  Result<Told> rows_of(const Part& part, Row count, Lsn view, bool excludes = false) const {
    if (kind == Kind::condition) {
      auto rows = STRATA_TRY(part.rows_where(condition));
      return Told{rows, rows != nullptr};
    }
    if (kind == Kind::all && children.size() == 1) return children[0].rows_of(part, count, view, excludes);
    const auto rows = std::make_shared<RowSet>(count);
    if (kind == Kind::has_id) {
      if (ids.size() > (excludes ? kExcludedLookUps : std::max(kLookUpsAlways, count / kRowsALookUp))) return Told{};
      for (const std::string& id : ids) {
        if (const auto row = STRATA_TRY(part.find(id, hash_of_id(id), view))) rows->add(*row);
      }
      return Told{rows, true};
    }
    if (kind != Kind::any) rows->invert();
    bool exact = true, narrows = kind == Kind::any || children.empty();
    for (const Node& child : children) {
      const Told told = STRATA_TRY(child.rows_of(part, count, view, excludes != (kind == Kind::none)));
      exact = exact && told.exact;
      if (kind == Kind::any) {
        if (!told.rows) return Told{};
        rows->add(*told.rows);
      } else if (kind == Kind::all && told.rows) {
        rows->keep(*told.rows);
        narrows = true;
      } else if (kind == Kind::none && told.exact) {  // of rows that only may match none can be excluded
        rows->remove(*told.rows);
        narrows = true;
      }
    }
    return narrows ? Told{rows, exact} : Told{};
  }
};

namespace {

using Node = CompiledFilter::Node;

// Whether what is compiled is asked of points, or of maps within them.
enum class Of : std::uint8_t { points, elements };

Result<Node> compile_map(const Map& filter, int depth, Of of);

Result<void> compile_time(Condition& condition, const Value& operand) {
  if (operand.map() == nullptr || operand.map()->empty()) {
    return bad("the operator \"time\" takes bounds, {\"gte\": \"2026-11-20T10:00:00Z\"}, in", condition.field);
  }
  TimeBounds& bounds = condition.time.emplace();
  for (const auto& [name, bound] : *operand.map()) {
    std::optional<Timestamp>* const slot = name == "gt"    ? &bounds.greater
                                           : name == "gte" ? &bounds.greater_equal
                                           : name == "lt"  ? &bounds.less
                                           : name == "lte" ? &bounds.less_equal
                                                           : nullptr;
    if (slot == nullptr) return bad("unknown bound of a time (known: gt, gte, lt, lte)", name);
    *slot = instant(bound);
    if (!*slot) {
      return bad("not a time (ISO 8601, 2026-11-20T10:00:00+01:00, or microseconds since 1970)",
                 bound.text() != nullptr ? *bound.text() : to_json(bound));
    }
  }
  return {};
}

Result<void> compile_area(Condition& condition, const std::string& name, const Value& operand) {
  auto area = name == "geo_radius" ? GeoArea::circle(operand)
              : name == "geo_box"  ? GeoArea::box(operand)
                                   : GeoArea::polygon(operand);
  if (!area) return bad("the operator \"" + name + "\": " + area.error().message() + ", in", condition.field);
  condition.areas.push_back(std::move(*area));
  return {};
}

Result<void> compile_words(Condition& condition, const std::string& name, const Value& operand) {
  WordSet words;
  words.all = name == "all_words";
  if (operand.text() != nullptr) {
    for (const Term& term : terms_of(*operand.text())) words.hashes.push_back(term.hash);
  }
  if (words.hashes.empty()) {
    return bad("the operator \"" + name + "\" takes a text with a word in it, in", condition.field);
  }
  condition.words.push_back(std::move(words));
  return {};
}

Result<void> compile_operator(Condition& condition, const std::string& name, const Value& operand, int depth) {
  const auto bound = [&](std::optional<Value>& slot) -> Result<void> {
    if (operand.text() == nullptr && operand.integer() == nullptr && operand.real() == nullptr) {
      return bad("the operator \"" + name + "\" takes a number or a text, in", condition.field);
    }
    slot = operand;
    return {};
  };
  if (name == "gt") return bound(condition.greater);
  if (name == "gte") return bound(condition.greater_equal);
  if (name == "lt") return bound(condition.less);
  if (name == "lte") return bound(condition.less_equal);
  if (name == "any" || name == "except") {
    if (operand.list() == nullptr) return bad("the operator \"" + name + "\" takes a list, in", condition.field);
    (name == "any" ? condition.one_of : condition.none_of).emplace(*operand.list());
    return {};
  }
  if (name == "is_null") {
    if (operand.boolean() == nullptr) return bad("the operator \"is_null\" takes true or false, in", condition.field);
    condition.is_null = *operand.boolean();
    return {};
  }
  if (name == "time") return compile_time(condition, operand);
  if (name == "geo_radius" || name == "geo_box" || name == "geo_polygon") return compile_area(condition, name, operand);
  if (name == "all_words" || name == "any_word") return compile_words(condition, name, operand);
  if (name == "nested") {
    if (operand.map() == nullptr) return bad("the operator \"nested\" takes a filter, in", condition.field);
    condition.element = std::make_shared<const CompiledFilter>(
        std::make_unique<Node>(STRATA_TRY(compile_map(*operand.map(), depth + 1, Of::elements))));
    return {};
  }
  return bad(
      "unknown operator (known: gt, gte, lt, lte, any, except, is_null, time, geo_radius, geo_box, geo_polygon, "
      "all_words, any_word, nested)",
      name);
}

Result<Node> compile_condition(const std::string& field, const Value& value, int depth) {
  Node node;
  node.kind = Node::Kind::condition;
  Condition& condition = node.condition;
  condition.field = field;
  Bytes key;
  core::Encoder encoder(key);
  encoder.text(field);
  encoder.value(value);
  condition.key = as_text(key);
  if (value.map() == nullptr) {
    condition.equal = value;
    return node;
  }
  if (value.map()->empty()) return bad("a condition without an operator, in", field);
  for (const auto& [name, operand] : *value.map()) {
    STRATA_TRY(compile_operator(condition, name, operand, depth));
  }
  return node;
}

Result<Node> compile_list(const std::string& name, const Value& value, int depth, Of of) {
  Node node;
  node.kind = name == "must" ? Node::Kind::all : name == "should" ? Node::Kind::any : Node::Kind::none;
  if (value.list() == nullptr) return bad("takes a list of filters", name);
  for (const Value& item : *value.list()) {
    if (item.map() == nullptr) return bad("takes a list of filters, each a map", name);
    node.children.push_back(STRATA_TRY(compile_map(*item.map(), depth + 1, of)));
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

Result<Node> compile_map(const Map& filter, int depth, Of of) {
  if (depth > kDepthMax) return bad("nested deeper than", std::to_string(kDepthMax));
  Node node;
  for (const auto& [name, value] : filter) {
    if (name == "must" || name == "should" || name == "must_not") {
      node.children.push_back(STRATA_TRY(compile_list(name, value, depth, of)));
    } else if (name == "has_id") {
      if (of == Of::elements) return bad("only points have ids: it cannot stand within \"nested\"", name);
      node.children.push_back(STRATA_TRY(compile_ids(value)));
    } else {
      node.children.push_back(STRATA_TRY(compile_condition(name, value, depth)));
    }
  }
  return node;
}

}  // namespace

CompiledFilter::CompiledFilter(std::unique_ptr<Node> root) : root_(std::move(root)) {}
CompiledFilter::CompiledFilter(CompiledFilter&&) noexcept = default;
CompiledFilter& CompiledFilter::operator=(CompiledFilter&&) noexcept = default;
CompiledFilter::~CompiledFilter() = default;

Result<CompiledFilter> CompiledFilter::compile(const Filter& filter, int around) {
  return CompiledFilter(std::make_unique<Node>(STRATA_TRY(compile_map(filter, -around, Of::points))));
}

bool CompiledFilter::empty() const { return root_->children.empty(); }

std::optional<std::span<const std::string>> CompiledFilter::required_ids() const { return root_->required_ids(); }

Result<Told> CompiledFilter::rows_of(const Part& part, Lsn view) const {
  return root_->rows_of(part, part.rows(), view);
}

bool CompiledFilter::matches_element(const EncodedMap& element) const { return root_->holds({}, element); }

bool CompiledFilter::matches(std::string_view id, ByteView payload) const {
  return root_->holds(id, EncodedMap::of_payload(payload));
}

}  // namespace strata::store::vector
