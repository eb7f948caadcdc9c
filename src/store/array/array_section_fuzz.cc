/// libFuzzer target: any bytes as a section of a record, and as a checkpoint state. Whatever decodes is applied; nothing may
/// crash, hang or allocate beyond the input.
#include <cstdint>

#include "io/memory_file_system.h"
#include "store/array/append_log.h"
#include "store/array/array_store.h"
#include "store/array/mutation.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;  // NOLINT: a program of one function
  const ByteView input{reinterpret_cast<const std::byte*>(data), size};
  auto disk = io::make_memory_file_system();
  store::array::ArrayParticipant store(*disk);
  if (!store.open(nullptr).has_value()) return 0;
  Bytes create;
  encode(create, store::array::CreateDataset{"a", {}});
  (void)store.apply({1, 0}, create).has_value();
  (void)store.apply({2, 0}, input).has_value();
  (void)store::array::decode_store_state(input).has_value();
  (void)store::array::AppendIndex::open(input).has_value();
  return 0;
}
