// Any text as an embedder's command line. Its words, each in quotes, are a command line of the same words.
#include "core/assert.h"
#include "memory/command_embedder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  const auto words = memory::split_command({reinterpret_cast<const char*>(data), size});
  if (!words) return 0;
  STRATA_ASSERT(!words->empty() && !words->front().empty());
  std::string quoted;
  for (const std::string& word : *words) {
    quoted += '"';
    for (const char c : word) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
    quoted += "\" ";
  }
  const auto again = memory::split_command(quoted);
  STRATA_ASSERT(again.has_value() && *again == *words);
  return 0;
}
