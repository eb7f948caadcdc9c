#include "store/object/mutation.h"

namespace strata::store::object {
namespace {

constexpr std::uint8_t kSectionVersion = 1;

/// Fails the decoder on a value that is no compression of stored bytes.
Compression decode_compression(core::Decoder& in, bool automatic_allowed) {
  const std::uint8_t value = in.u8();
  const bool known = value <= static_cast<std::uint8_t>(Compression::zstd);
  if (!known || (value == 0 && !automatic_allowed)) in.fail();
  return static_cast<Compression>(value);
}

}  // namespace

void encode(const Address& address, core::Encoder& out) { out.raw(address.digest.data(), address.digest.size()); }

Address decode_address(core::Decoder& in) {
  Address address;
  const ByteView raw = in.raw(address.digest.size());
  if (in.ok()) std::copy(raw.begin(), raw.end(), address.digest.begin());
  return address;
}

void encode(const LargeFile& file, core::Encoder& out) {
  out.u8(static_cast<std::uint8_t>(file.compression));
  out.varint(file.bytes);
  out.varint(file.stored_bytes);
  out.varint(file.sequence);
  out.u64(file.hash.low);
  out.u64(file.hash.high);
}

LargeFile decode_large_file(core::Decoder& in) {
  LargeFile file;
  file.compression = decode_compression(in, false);
  file.bytes = in.varint();
  file.stored_bytes = in.varint();
  file.sequence = in.varint();
  file.hash.low = in.u64();
  file.hash.high = in.u64();
  return file;
}

void encode(const Mutation& mutation, core::Encoder& out) {
  out.u8(kSectionVersion);
  out.varint(mutation.small.size());
  for (const Mutation::Small& small : mutation.small) {
    encode(small.address, out);
    out.u8(static_cast<std::uint8_t>(small.asked));
    out.u8(static_cast<std::uint8_t>(small.compression));
    out.varint(small.bytes);
    out.bytes(small.stored);
  }
  out.varint(mutation.large.size());
  for (const Mutation::Large& large : mutation.large) {
    encode(large.address, out);
    encode(large.file, out);
  }
  out.varint(mutation.references.size());
  for (const Mutation::Reference& reference : mutation.references) {
    encode(reference.address, out);
    out.u8(reference.alive ? 1 : 0);
    out.text(reference.owner);
  }
  out.varint(mutation.collected.size());
  for (const Address& address : mutation.collected) encode(address, out);
}

Result<Mutation> decode_mutation(ByteView section) {
  core::Decoder in(section);
  Mutation mutation;
  if (const std::uint8_t version = in.u8(); in.ok() && version != kSectionVersion) {
    return Error(ErrorCode::unsupported, "an object section of format " + std::to_string(version));
  }
  const std::size_t small_count = in.count(36);
  mutation.small.reserve(small_count);
  for (std::size_t i = 0; i < small_count && in.ok(); ++i) {
    Mutation::Small small{};
    small.address = decode_address(in);
    small.asked = decode_compression(in, true);
    small.compression = decode_compression(in, false);
    const std::uint64_t bytes = in.varint();
    small.stored = in.bytes();
    if (bytes > kInlineBytesMax || small.stored.size() > bytes) in.fail();
    small.bytes = static_cast<std::uint32_t>(bytes);
    mutation.small.push_back(small);
  }
  const std::size_t large_count = in.count(52);
  mutation.large.reserve(large_count);
  for (std::size_t i = 0; i < large_count && in.ok(); ++i) {
    const Address address = decode_address(in);
    mutation.large.push_back({address, decode_large_file(in)});
  }
  const std::size_t reference_count = in.count(34);
  mutation.references.reserve(reference_count);
  for (std::size_t i = 0; i < reference_count && in.ok(); ++i) {
    Mutation::Reference reference{};
    reference.address = decode_address(in);
    const std::uint8_t alive = in.u8();
    reference.alive = alive == 1;
    reference.owner = in.text();
    if (alive > 1 || reference.owner.size() > kOwnerBytesMax) in.fail();
    mutation.references.push_back(reference);
  }
  const std::size_t collected_count = in.count(32);
  mutation.collected.reserve(collected_count);
  for (std::size_t i = 0; i < collected_count && in.ok(); ++i) mutation.collected.push_back(decode_address(in));
  STRATA_TRY(in.finish("object section"));
  return mutation;
}

}  // namespace strata::store::object
