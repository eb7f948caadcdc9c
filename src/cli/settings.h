#pragma once
/// What can be set about a run of the command: the options of strata::OpenOptions, the embedder, the durability. Each has a
/// default, an environment variable STRATA_<NAME>, and the flag --option name=value; the later of these wins.
#include <span>
#include <string>
#include <string_view>

#include "strata/memory.h"

namespace strata::cli {

struct Settings {
  OpenOptions open;
  std::string embedder;  ///< empty: the one that the database was filled with, where that can be known; else lexical
};

struct SettingInfo {
  std::string_view name, meaning;
  Result<void> (*set)(Settings& settings, std::string_view text);
  std::string (*get)(const Settings& settings);
  std::string variable() const;  ///< STRATA_CACHE_BYTES
};

std::span<const SettingInfo> setting_infos();
/// Takes what the environment sets. Errors  invalid_argument naming the variable
Result<void> read_environment(Settings& settings);
/// "name=value". Errors  invalid_argument; for an unknown name, naming those there are
Result<void> apply_setting(Settings& settings, std::string_view assignment);

/// "64", "64 KiB", "1.5GiB", "2g". Errors  invalid_argument
Result<std::uint64_t> parse_bytes(std::string_view text);
/// "500" (ms), "30s", "24h", "7d". Errors  invalid_argument
Result<std::int64_t> parse_duration_ms(std::string_view text);

}  // namespace strata::cli
