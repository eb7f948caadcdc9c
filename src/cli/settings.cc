#include "cli/settings.h"

#include <array>
#include <charconv>
#include <cstdlib>

namespace strata::cli {
namespace {

template <auto field>
Result<void> set_bytes(Settings& settings, std::string_view text) {
  settings.open.*field = STRATA_TRY(parse_bytes(text));
  return {};
}
template <auto field>
std::string get_number(const Settings& settings) {
  return std::to_string(settings.open.*field);
}

Result<void> set_history(Settings& settings, std::string_view text) {
  settings.open.history_ms = STRATA_TRY(parse_duration_ms(text));
  return {};
}
Result<void> set_embedder(Settings& settings, std::string_view text) {
  settings.embedder = text;
  return {};
}
std::string get_embedder(const Settings& settings) { return settings.embedder; }

constexpr std::array<std::string_view, 3> kDurabilities{"off", "batch", "each"};
Result<void> set_durability(Settings& settings, std::string_view text) {
  for (std::size_t i = 0; i < kDurabilities.size(); ++i) {
    if (kDurabilities[i] != text) continue;
    settings.open.durability = static_cast<Durability>(i);
    return {};
  }
  return Error(ErrorCode::invalid_argument, "off, batch or each, not \"" + std::string(text) + "\"");
}
std::string get_durability(const Settings& settings) {
  return std::string(kDurabilities[static_cast<std::size_t>(settings.open.durability)]);
}

constexpr SettingInfo kSettings[] = {
    {"analytics_bytes", "memory limit of the analytics engine; 0: 20 % of the machine's",
     &set_bytes<&OpenOptions::analytics_bytes>, &get_number<&OpenOptions::analytics_bytes>},
    {"cache_bytes", "limit of the cache store", &set_bytes<&OpenOptions::cache_bytes>,
     &get_number<&OpenOptions::cache_bytes>},
    {"checkpoint_journal_bytes", "a checkpoint starts when this much was journaled",
     &set_bytes<&OpenOptions::checkpoint_journal_bytes>, &get_number<&OpenOptions::checkpoint_journal_bytes>},
    {"durability", "when a commit is acknowledged: off, batch (after a shared sync), each (after its own)",
     &set_durability, &get_durability},
    {"embedder", "none, lexical, command:<program>, or http(s)://…/v1#model; empty: as the database was filled",
     &set_embedder, &get_embedder},
    {"history_ms", "how far back --as-of reaches, at least", &set_history, &get_number<&OpenOptions::history_ms>},
    {"journal_segment_bytes", "size of one journal file", &set_bytes<&OpenOptions::journal_segment_bytes>,
     &get_number<&OpenOptions::journal_segment_bytes>},
    {"metadata_cache_bytes", "page cache of the metadata engine", &set_bytes<&OpenOptions::metadata_cache_bytes>,
     &get_number<&OpenOptions::metadata_cache_bytes>},
    {"store_lag_bytes_max", "how far the files of a store may be behind before commits wait",
     &set_bytes<&OpenOptions::store_lag_bytes_max>, &get_number<&OpenOptions::store_lag_bytes_max>},
    {"vector_bytes", "how much of the vector store's files lies in memory, codes and graphs at least; 0: 25 % of RAM",
     &set_bytes<&OpenOptions::vector_bytes>, &get_number<&OpenOptions::vector_bytes>},
    {"transaction_bytes_max", "largest record of one transaction", &set_bytes<&OpenOptions::transaction_bytes_max>,
     &get_number<&OpenOptions::transaction_bytes_max>},
};

/// A number and the unit after it.
Result<std::pair<double, std::string>> split_unit(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit;
  for (const char* c = end; c != text.data() + text.size(); ++c) {
    if (*c != ' ') unit += static_cast<char>(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
  }
  if (error != std::errc() || number < 0 || number > 1e18) {
    return Error(ErrorCode::invalid_argument, "not a quantity: \"" + std::string(text) + "\"");
  }
  return std::pair(number, unit);
}

struct Unit {
  std::string_view name;
  double factor;
};

Result<double> scale(std::string_view text, std::span<const Unit> units, std::string_view examples) {
  const auto [number, name] = STRATA_TRY(split_unit(text));
  for (const Unit& unit : units) {
    if (unit.name == name && number * unit.factor < 9e18) return number * unit.factor;
  }
  return Error(ErrorCode::invalid_argument, "\"" + std::string(text) + "\" is not like " + std::string(examples));
}

}  // namespace

std::string SettingInfo::variable() const {
  std::string variable = "STRATA_";
  for (const char c : name) variable += static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return variable;
}

std::span<const SettingInfo> setting_infos() { return kSettings; }

Result<void> read_environment(Settings& settings) {
  for (const SettingInfo& info : kSettings) {
    const char* text = std::getenv(info.variable().c_str());
    if (text == nullptr || *text == 0) continue;
    auto result = info.set(settings, text);
    if (!result) return std::move(result).error().with_context("the environment variable " + info.variable());
  }
  return {};
}

Result<void> apply_setting(Settings& settings, std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  const std::string_view name = assignment.substr(0, equals);
  std::string names;
  for (const SettingInfo& info : kSettings) {
    names += (names.empty() ? "" : ", ") + std::string(info.name);
    if (info.name != name || equals == std::string_view::npos) continue;
    auto result = info.set(settings, assignment.substr(equals + 1));
    if (!result) return std::move(result).error().with_context("--option " + std::string(name));
    return {};
  }
  return Error(ErrorCode::invalid_argument,
               "--option takes name=value with one of " + names + "; not \"" + std::string(assignment) + "\"");
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
  static constexpr Unit units[] = {{"", 1},        {"b", 1},         {"k", 1024},       {"kib", 1024},
                                   {"m", 1048576}, {"mib", 1048576}, {"g", 1073741824}, {"gib", 1073741824},
                                   {"kb", 1000},   {"mb", 1000000},  {"gb", 1000000000}};
  return static_cast<std::uint64_t>(STRATA_TRY(scale(text, units, "64MiB, 2G or 1000000")));
}

Result<std::int64_t> parse_duration_ms(std::string_view text) {
  static constexpr Unit units[] = {{"", 1},         {"ms", 1},        {"s", 1000},       {"m", 60'000},
                                   {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}, {"w", 604'800'000}};
  return static_cast<std::int64_t>(STRATA_TRY(scale(text, units, "500ms, 30s, 24h or 7d")));
}

}  // namespace strata::cli
