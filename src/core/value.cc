#include "strata/value.h"

#include <algorithm>
#include <cmath>

namespace strata {

Map::Map() = default;
Map::Map(const Map&) = default;
Map::Map(Map&&) noexcept = default;
Map& Map::operator=(const Map&) = default;
Map& Map::operator=(Map&&) noexcept = default;
Map::~Map() = default;

Map::Map(std::initializer_list<Entry> entries) {
  entries_.reserve(entries.size());
  for (const Entry& entry : entries) set(entry.first, entry.second);
}

namespace {
bool before(const Map::Entry& entry, std::string_view name) { return entry.first < name; }
}  // namespace

const Value* Map::find(std::string_view name) const {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), name, before);
  return at != entries_.end() && at->first == name ? &at->second : nullptr;
}

Value* Map::find(std::string_view name) { return const_cast<Value*>(std::as_const(*this).find(name)); }

void Map::set(std::string name, Value value) {
  if (entries_.empty() || entries_.back().first < name) {  // encoded maps arrive in order
    entries_.emplace_back(std::move(name), std::move(value));
    return;
  }
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), std::string_view(name), before);
  if (at != entries_.end() && at->first == name) {
    at->second = std::move(value);
  } else {
    entries_.emplace(at, std::move(name), std::move(value));
  }
}

bool Map::erase(std::string_view name) {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), name, before);
  if (at == entries_.end() || at->first != name) return false;
  entries_.erase(at);
  return true;
}

std::size_t Map::size() const noexcept { return entries_.size(); }
bool Map::empty() const noexcept { return entries_.empty(); }
const Map::Entry* Map::begin() const noexcept { return entries_.data(); }
const Map::Entry* Map::end() const noexcept { return entries_.data() + entries_.size(); }
bool Map::operator==(const Map& other) const { return entries_ == other.entries_; }

bool Value::number(double& out) const noexcept {
  if (const auto* whole = integer()) {
    out = static_cast<double>(*whole);
    return true;
  }
  if (const auto* fraction = real()) {
    out = *fraction;
    return true;
  }
  return false;
}

bool Value::operator==(const Value& other) const {
  if (kind() != other.kind()) return false;
  if (const auto* mine = real()) {
    const double theirs = *other.real();
    return *mine == theirs || (std::isnan(*mine) && std::isnan(theirs));
  }
  return data_ == other.data_;
}

std::string_view name(Value::Kind kind) noexcept {
  switch (kind) {
    case Value::Kind::null: return "null";
    case Value::Kind::boolean: return "boolean";
    case Value::Kind::integer: return "integer";
    case Value::Kind::real: return "real";
    case Value::Kind::text: return "text";
    case Value::Kind::bytes: return "bytes";
    case Value::Kind::list: return "list";
    case Value::Kind::map: return "map";
  }
  return "unknown";
}

}  // namespace strata
