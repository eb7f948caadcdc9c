#include "cli/atom_line.h"

#include <optional>

#include "cli/arguments.h"

namespace strata::cli {
namespace {

Error invalid(std::string what) { return Error(ErrorCode::invalid_argument, std::move(what)); }

Result<std::string> text_of(const std::string& key, const Value& value) {
  if (value.text() == nullptr) return invalid("\"" + key + "\" takes text");
  return *value.text();
}

Result<std::optional<Timestamp>> time_of(const std::string& key, const Value& value) {
  if (value.is_null()) return std::optional<Timestamp>();
  if (value.integer() != nullptr) return std::optional<Timestamp>(*value.integer());
  return parse_optional_time(STRATA_TRY(text_of(key, value)), key);
}

/// A list of {"key", "value", "weight"}, or of "key=value:weight", or one object {"ci": 0.9}.
Result<std::vector<MemoryTag>> tags_of(const Value& value) {
  std::vector<MemoryTag> tags;
  if (const Map* map = value.map()) {
    for (const auto& [key, weight] : *map) {
      MemoryTag tag{key, "", 1.0};
      if (!weight.number(tag.weight)) return invalid("the weight of tag \"" + key + "\" is no number");
      tags.push_back(std::move(tag));
    }
    return tags;
  }
  if (value.list() == nullptr) return invalid("\"tags\" takes a list");
  for (const Value& item : *value.list()) {
    if (item.text() != nullptr) {
      tags.push_back(STRATA_TRY(parse_tag(*item.text())));
      continue;
    }
    MemoryTag tag;
    const Value* key = item.map() ? item.map()->find("key") : nullptr;
    if (key == nullptr || key->text() == nullptr) return invalid("a tag has no \"key\": " + to_json(item));
    tag.key = *key->text();
    if (const Value* tag_value = item.map()->find("value"); tag_value && tag_value->text())
      tag.value = *tag_value->text();
    if (const Value* weight = item.map()->find("weight"); weight && !weight->number(tag.weight)) {
      return invalid("the weight of tag \"" + tag.key + "\" is no number");
    }
    tags.push_back(std::move(tag));
  }
  return tags;
}

Result<std::vector<MemoryLink>> links_of(const Value& value) {
  if (value.list() == nullptr) return invalid("\"links\" takes a list");
  std::vector<MemoryLink> links;
  for (const Value& item : *value.list()) {
    if (item.text() != nullptr) {
      links.push_back(STRATA_TRY(parse_link(*item.text())));
      continue;
    }
    const Value* type = item.map() ? item.map()->find("type") : nullptr;
    const Value* target = item.map() ? item.map()->find("target") : nullptr;
    if (type == nullptr || type->text() == nullptr || target == nullptr || target->text() == nullptr) {
      return invalid("a link has no \"type\" and \"target\": " + to_json(item));
    }
    const Value* properties = item.map()->find("properties");
    links.push_back({*type->text(), *target->text(), properties && properties->map() ? *properties->map() : Map()});
  }
  return links;
}

Result<void> set_field(AtomLine& line, const std::string& key, const Value& value) {
  Atom& atom = line.atom;
  if (key == "id")
    atom.id = STRATA_TRY(text_of(key, value));
  else if (key == "text")
    atom.text = STRATA_TRY(text_of(key, value));
  else if (key == "source")
    atom.source = STRATA_TRY(text_of(key, value));
  else if (key == "modality")
    atom.modality = STRATA_TRY(text_of(key, value));
  else if (key == "snapshot")
    atom.snapshot = STRATA_TRY(text_of(key, value));
  else if (key == "model")
    line.model = STRATA_TRY(text_of(key, value));
  else if (key == "tags")
    atom.tags = STRATA_TRY(tags_of(value));
  else if (key == "links")
    atom.links = STRATA_TRY(links_of(value));
  else if (key == "valid_from")
    atom.valid_from = STRATA_TRY(time_of(key, value));
  else if (key == "valid_to")
    atom.valid_to = STRATA_TRY(time_of(key, value));
  else if (key == "embedding")
    atom.embedding = STRATA_TRY(parse_vector(to_json(value)));
  else if (key == "activation")
    atom.activation = STRATA_TRY(parse_vector(to_json(value)));
  else if (key == "metadata" && value.map() != nullptr)
    atom.metadata = *value.map();
  else
    return invalid("\"" + key + "\" is not expected, or of another kind");
  return {};
}

}  // namespace

Result<AtomLine> parse_atom_line(std::string_view line) {
  const Value value = STRATA_TRY(parse_json(line));
  if (value.map() == nullptr) return invalid("not a JSON object");
  AtomLine atom_line;
  for (const auto& [key, item] : *value.map()) STRATA_TRY(set_field(atom_line, key, item));
  return atom_line;
}

}  // namespace strata::cli
