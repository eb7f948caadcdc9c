#include "demo/package_index.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <unordered_set>

namespace strata::demo {
namespace {

constexpr std::size_t kStanzaLinesMax = 10'000;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r' || text.back() == '\n')) text.remove_suffix(1);
  return text;
}

/// "a (>= 1) | b, c:any" → a, b, c.
void add_relations(Package& package, std::string_view type, std::string_view list) {
  while (!list.empty()) {
    const std::size_t end = list.find_first_of(",|");
    std::string_view term = trimmed(list.substr(0, end));
    list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
    term = term.substr(0, term.find_first_of(" (:["));
    if (!term.empty() && term != package.name) package.relations.push_back({std::string(type), std::string(term)});
  }
}

void take_field(Package& package, std::string_view field, std::string_view value) {
  if (field == "Package")
    package.name = value;
  else if (field == "Version")
    package.version = value;
  else if (field == "Section")
    package.section = value;
  else if (field == "Priority")
    package.priority = value;
  else if (field == "Maintainer")
    package.maintainer = value;
  else if (field == "Homepage")
    package.homepage = value;
  else if (field == "Description" || field == "Description-en")
    package.description = value;
  else if (field == "Installed-Size")
    std::from_chars(value.data(), value.data() + value.size(), package.installed_kib);
  else if (field == "Depends" || field == "Pre-Depends")
    add_relations(package, "depends", value);
  else if (field == "Recommends")
    add_relations(package, "recommends", value);
  else if (field == "Suggests")
    add_relations(package, "suggests", value);
  else if (field == "Conflicts" || field == "Breaks")
    add_relations(package, "conflicts", value);
  else if (field == "Provides")
    add_relations(package, "provides", value);
  else if (field == "Tag") {
    while (!value.empty()) {
      const std::size_t comma = value.find(',');
      if (const auto tag = trimmed(value.substr(0, comma)); !tag.empty()) package.tags.emplace_back(tag);
      value.remove_prefix(comma == std::string_view::npos ? value.size() : comma + 1);
    }
  }
}

std::size_t dependencies_of(const Package& package) {
  std::size_t count = 0;
  for (const Relation& relation : package.relations) count += relation.type == "depends";
  return count;
}

}  // namespace

PackageIndex first_packages(PackageIndex index, std::size_t count) {
  index.packages.resize(std::min(count, index.packages.size()));
  index.dependencies = 0;
  for (const Package& package : index.packages) index.dependencies += dependencies_of(package);
  return index;
}

PackageIndex parse_package_index(std::string_view text) {
  PackageIndex index;
  std::unordered_set<std::string> names;
  Package package;
  std::string field, value;
  std::size_t lines = 0;
  const auto end_field = [&] {
    if (!field.empty()) take_field(package, field, trimmed(value));
    field.clear();
    value.clear();
  };
  const auto end_stanza = [&] {
    end_field();
    if (!package.name.empty() && names.insert(package.name).second) {
      index.dependencies += dependencies_of(package);
      index.packages.push_back(std::move(package));
    }
    package = {};
    lines = 0;
  };
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty()) {
      end_stanza();
    } else if (line.front() == ' ' || line.front() == '\t') {
      if (++lines < kStanzaLinesMax) value.append("\n").append(trimmed(line) == "." ? "" : trimmed(line));
    } else {
      end_field();
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      field = line.substr(0, colon);
      value = trimmed(line.substr(colon + 1));
    }
  }
  end_stanza();
  return index;
}

Result<PackageIndex> read_package_index(const std::string& sample_file) {
  const auto read_all = [](std::FILE* from) {
    std::string text;
    char buffer[1 << 16];
    for (std::size_t got = 0; (got = std::fread(buffer, 1, sizeof buffer, from)) > 0;) text.append(buffer, got);
    return text;
  };
  if (std::FILE* pipe = ::popen("apt-cache dumpavail 2>/dev/null", "r")) {
    const std::string text = read_all(pipe);
    ::pclose(pipe);
    PackageIndex index = parse_package_index(text);
    if (index.packages.size() >= 1'000) return index;
  }
  std::FILE* file = std::fopen(sample_file.c_str(), "r");
  if (file == nullptr) {
    return Error(ErrorCode::not_found, "this machine has no package index, and the sample is missing: " + sample_file);
  }
  const std::string text = read_all(file);
  std::fclose(file);
  PackageIndex index = parse_package_index(text);
  index.sample = true;
  return index;
}

}  // namespace strata::demo
