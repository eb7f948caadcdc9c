#include "demo/ingest.h"

#include <algorithm>
#include <cmath>

namespace strata::demo {
namespace {

constexpr std::size_t kActivationLength = 16;

std::string maintainer_node(const Package& package) {
  const std::size_t open = package.maintainer.find('<');
  const std::size_t close = package.maintainer.find('>', open);
  if (open == std::string::npos || close == std::string::npos) return {};
  return "maintainer:" + package.maintainer.substr(open + 1, close - open - 1);
}

std::string text_of(const Package& package) {
  std::string text = package.name + ": " + package.description;
  if (!package.homepage.empty()) text += "\n" + package.homepage;
  if (!package.tags.empty()) {
    text += "\n";
    for (const std::string& tag : package.tags) text += (text.back() == '\n' ? "" : ", ") + tag;
  }
  return text;
}

/// What a package looks like in numbers: its size, and how many relations of each kind it has.
std::vector<float> profile_of(const Package& package) {
  std::vector<float> profile(kActivationLength, 0.0F);
  profile[0] = std::log2(1.0F + static_cast<float>(package.installed_kib));
  profile[1] = static_cast<float>(package.tags.size());
  profile[2] = static_cast<float>(package.description.size());
  static const std::string kTypes[] = {"depends", "recommends", "suggests", "conflicts", "provides"};
  for (const Relation& relation : package.relations) {
    for (std::size_t i = 0; i < std::size(kTypes); ++i) profile[3 + i] += relation.type == kTypes[i] ? 1.0F : 0.0F;
  }
  return profile;
}

}  // namespace

Result<void> prepare(Engine& engine) {
  STRATA_TRY(engine.metadata().execute(
      "create table if not exists package(name text not null primary key, version text, section text, "
      "installed_kib integer, maintainer text) without rowid"));
  return {};
}

std::unordered_set<std::string> names_before(const PackageIndex& index, std::size_t end) {
  std::unordered_set<std::string> names;
  for (std::size_t i = 0; i < end; ++i) names.insert(index.packages[i].name);
  return names;
}

Result<Lsn> remember_packages(Engine& engine, Memory& memory, const PackageIndex& index, std::size_t begin,
                              std::size_t end, std::unordered_set<std::string>& known) {
  auto transaction = STRATA_TRY(engine.begin());
  std::vector<std::string> added;
  const auto ensure_node = [&](const std::string& id, const char* label) -> Result<void> {
    if (known.contains(id)) return {};
    known.insert(id);
    added.push_back(id);
    return transaction->graph().put_node({id, {label}, {}});
  };
  std::vector<Atom> atoms;
  atoms.reserve(end - begin);
  for (std::size_t i = begin; i < end; ++i) {
    const Package& package = index.packages[i];
    Atom& atom = atoms.emplace_back();
    atom.id = package.name;
    atom.text = text_of(package);
    atom.modality = "package";
    atom.source = "apt";
    atom.metadata = {{"section", package.section}, {"installed_kib", package.installed_kib}};
    atom.tags = {{"section", package.section, 1.0}};
    atom.activation = profile_of(package);
    for (const Relation& relation : package.relations) atom.links.push_back({relation.type, relation.target, {}});
    if (std::string maintainer = maintainer_node(package); !maintainer.empty()) {
      atom.links.push_back({"maintained_by", std::move(maintainer), {}});
    }
    if (!package.section.empty()) atom.links.push_back({"in_section", "section:" + package.section, {}});
    STRATA_TRY(transaction->metadata().put_row("package", {{"name", package.name},
                                                           {"version", package.version},
                                                           {"section", package.section},
                                                           {"installed_kib", package.installed_kib},
                                                           {"maintainer", package.maintainer}}));
  }
  // Every end of an edge must exist: names that come later in the index, virtual packages, sections, maintainers.
  for (const Atom& atom : atoms) {
    for (const MemoryLink& link : atom.links) {
      const char* label = link.type == "maintained_by" ? "Maintainer"
                          : link.type == "in_section"  ? "Section"
                                                       : "Package";
      STRATA_TRY(ensure_node(link.target, label));
    }
  }
  auto remembered = memory.remember(*transaction, atoms);
  auto committed = remembered ? transaction->commit() : Result<Lsn>(std::move(remembered).error());
  if (!committed) {
    for (const std::string& id : added) known.erase(id);
    return committed;
  }
  for (const Atom& atom : atoms) known.insert(atom.id);
  return committed;
}

}  // namespace strata::demo
