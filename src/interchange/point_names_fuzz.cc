// Any bytes as the ids and payloads beside a file: a typed error, or an answer for each label.
#include "interchange/fuzz_fixture.h"
#include "interchange/point_names.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  const auto disk = interchange::disk_with({reinterpret_cast<const std::byte*>(data), size});
  const auto names = interchange::PointNames::open(*disk, interchange::kFuzzed);
  if (!names) return 0;
  interchange::IncomingPoint point;
  for (const std::uint64_t label :
       {std::uint64_t{0}, std::uint64_t{1}, (*names)->count() - 1, (*names)->count(), UINT64_MAX}) {
    (void)(*names)->describe(label, point).has_value();
  }
  return 0;
}
