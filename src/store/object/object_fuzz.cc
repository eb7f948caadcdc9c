// libFuzzer: hostile bytes as a journal section, a pack and a catalog segment. Nothing may crash, hang or read past the end;
// whatever decodes is used.
#include "store/object/test_database.h"

namespace strata::store::object {
namespace {

void read_as_file(ByteView bytes) {
  const auto files = io::make_memory_file_system();
  if (!io::write_file_atomically(*files, "fuzzed", bytes)) return;
  const transaction::CheckpointFile file{"fuzzed", bytes.size(), {}};
  if (const auto pack = Pack::open(*files, file)) {
    (*pack)->verify([](std::uint64_t, std::string) {});
    (void)(*pack)->find(Address());
  }
  if (const auto segment = CatalogSegment::open(*files, file)) {
    (*segment)->verify([](std::uint64_t, std::string) {});
    std::vector<Fact> facts;
    (void)(*segment)->gather({}, facts);
    (void)(*segment)->find({Address(), kObject}, 7);
  }
}

void apply_as_section(ByteView bytes) {
  const auto files = io::make_memory_file_system();
  Store store(*files);
  if (!store.apply({1, 1}, bytes)) return;
  (void)store.summarize(1);
  (void)store.verify();
}

}  // namespace
}  // namespace strata::store::object

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const strata::ByteView rest(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    strata::store::object::apply_as_section(rest);
  } else {
    strata::store::object::read_as_file(rest);
  }
  return 0;
}
