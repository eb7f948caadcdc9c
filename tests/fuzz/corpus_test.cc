// Each fuzz target on each input of its corpus. A target ends the process when it finds something, so the name of the input
// is printed before.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#define STRATA_FUZZ_TARGET(name) extern "C" int strata_fuzz_##name(const std::uint8_t* data, std::size_t size);
#include "fuzz_targets.inc"
#undef STRATA_FUZZ_TARGET

namespace strata {
namespace {

struct Target {
  const char* name;
  int (*run)(const std::uint8_t*, std::size_t);
};
constexpr Target kTargets[] = {
#define STRATA_FUZZ_TARGET(name) {#name, &strata_fuzz_##name},
#include "fuzz_targets.inc"
#undef STRATA_FUZZ_TARGET
};

std::vector<std::filesystem::path> inputs_of(const char* target) {
  std::vector<std::filesystem::path> inputs;
  const std::filesystem::path folder = std::filesystem::path(STRATA_CORPUS) / target;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) inputs.push_back(entry.path());
  std::sort(inputs.begin(), inputs.end());
  return inputs;
}

class Corpus : public testing::TestWithParam<Target> {};

TEST_P(Corpus, IsTakenWithoutComplaint) {
  const auto inputs = inputs_of(GetParam().name);
  ASSERT_FALSE(inputs.empty()) << "tests/fuzz/corpus/" << GetParam().name << " is empty";
  for (const auto& input : inputs) {
    std::printf("%s\n", input.c_str());
    std::fflush(stdout);
    std::ifstream file(input, std::ios::binary);
    ASSERT_TRUE(file);
    const std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    GetParam().run(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
  }
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Corpus, testing::ValuesIn(kTargets),
                         [](const auto& target) { return std::string(target.param.name); });

}  // namespace
}  // namespace strata
