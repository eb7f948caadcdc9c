// The floor: what a 4 KiB write and its sync cost here and now, on the file system the database lies on.
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "commit/cases.h"

namespace strata::bench {
namespace {

constexpr std::size_t kBlock = 4096;
constexpr std::size_t kBlocks = 2048;

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : number_(::open(path.c_str(), flags, 0600)) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

Result<std::vector<double>> sync_times(int file, std::size_t count, bool sync_each) {
  std::vector<std::byte> block(kBlock, std::byte{0x5a});
  std::vector<double> times;
  times.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    Stopwatch watch;
    const auto offset = static_cast<off_t>((i % kBlocks) * kBlock);
    if (::pwrite(file, block.data(), block.size(), offset) != static_cast<ssize_t>(block.size()) ||
        (sync_each && ::fdatasync(file) != 0)) {
      return Error(ErrorCode::io, "the floor's file cannot be written");
    }
    times.push_back(watch.us());
  }
  return times;
}

}  // namespace

Result<void> measure_floor(Context& context, const std::string& when) {
  const std::string path = context.settings.directory + "/floor";
  const std::size_t count = context.settings.singles < 500 ? 200 : 1'000;
  std::vector<double> times;
  {
    Descriptor file(path, O_RDWR | O_CREAT | O_TRUNC);
    std::vector<std::byte> zeros(kBlock * kBlocks);
    if (::pwrite(file.number(), zeros.data(), zeros.size(), 0) != static_cast<ssize_t>(zeros.size()) ||
        ::fsync(file.number()) != 0) {
      return Error(ErrorCode::io, "the floor's file cannot be written: " + path);
    }
    const double cpu = cpu_us();
    times = STRATA_TRY(sync_times(file.number(), count, true));
    const double cpu_each = (cpu_us() - cpu) / static_cast<double>(count);
    context.report.floor(quantile(times, 0.5));
    context.report.latencies("floor: 4 KiB + fdatasync, preallocated", times, {{"when", when}, {"cpu_us", cpu_each}});
  }
  {
    Descriptor file(path, O_RDWR | O_DSYNC);
    const std::vector<double> dsync = STRATA_TRY(sync_times(file.number(), count / 2, false));
    context.report.latencies("floor: 4 KiB, O_DSYNC, preallocated", dsync, {{"when", when}});
  }
  {
    Descriptor file(path, O_RDWR | O_TRUNC);
    times = STRATA_TRY(sync_times(file.number(), std::min<std::size_t>(count / 4, kBlocks), true));
    context.report.latencies("floor: 4 KiB + fdatasync, growing", times, {{"when", when}});
  }
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  return {};
}

}  // namespace strata::bench
