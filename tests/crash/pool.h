#pragma once
/// Cases that may kill their process, in processes that are used again as long as they live.
#include <cstdint>
#include <functional>
#include <string>

namespace strata::crash {

struct Cases {
  /// In a process of the pool, the `worker`th: runs one case and says how it ended, never with an empty text.
  std::function<std::string(std::size_t worker, std::uint64_t index)> run;
  /// In this process: the next case. False: there is none.
  std::function<bool(std::uint64_t& index)> next;
  /// In this process: what was said. A process that died or hung has "V " and how.
  std::function<void(std::uint64_t index, const std::string& said)> ended;
  unsigned seconds_max = 120;  ///< of one case; longer is hanging
};

void run_pool(std::size_t workers, const Cases& cases);

}  // namespace strata::crash
