#pragma once
/// Reads a Debian package index (the output of `apt-cache dumpavail`) into packages.
#include <string>
#include <string_view>
#include <vector>

#include "strata/error.h"

namespace strata::demo {

struct Relation {
  std::string type;    ///< "depends", "recommends", "suggests", "conflicts", "provides"
  std::string target;  ///< package name
};

struct Package {
  std::string name, version, section, priority, maintainer, homepage;
  std::string description;  ///< synopsis, then the long text as far as the index has one
  std::int64_t installed_kib = 0;
  std::vector<std::string> tags;
  std::vector<Relation> relations;
};

struct PackageIndex {
  std::vector<Package> packages;  ///< one a name, in the index's order
  std::size_t dependencies = 0;   ///< relations of type "depends"
  bool sample = false;            ///< this machine has no index; these are the repository's few
};

/// One Package per stanza; of several stanzas of one name the first (apt prints the candidate version first).
PackageIndex parse_package_index(std::string_view text);
/// The first `count` of them.
PackageIndex first_packages(PackageIndex index, std::size_t count);
/// This machine's index, or the sample in `sample_file`. Errors  not_found (neither)
Result<PackageIndex> read_package_index(const std::string& sample_file);

}  // namespace strata::demo
