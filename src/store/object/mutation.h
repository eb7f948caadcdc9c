#pragma once
/// This store's section of a journal record: what one transaction does to objects and references, resolved.
///
/// Encoded in this order, which is also the order of application:
///   contents new to the store (inline, or as a reference to a large file), references added and ended, objects collected.
/// `collect` is the one effect with a condition, decided by state alone and so the same at every replay: an object that
/// something refers to by then stays (I4).
#include <vector>

#include "core/codec.h"
#include "store/object/fact.h"
#include "store/object/large_object.h"

namespace strata::store::object {

/// Contents up to this size travel in the record; larger ones have a file of their own.
inline constexpr std::uint64_t kInlineBytesMax = 64 << 10;

/// A small content as it lies in the record and, until the next checkpoint, in RAM.
struct Content {
  Compression asked = Compression::automatic;   ///< by the caller; what a pack honours later
  Compression compression = Compression::none;  ///< of `stored`
  std::uint32_t bytes = 0;
  Bytes stored;
};

struct Mutation {
  struct Small {
    Address address;
    Compression asked, compression;
    std::uint32_t bytes;
    ByteView stored;  ///< decoded: a view into the section
  };
  struct Large {
    Address address;
    LargeFile file;
  };
  struct Reference {
    Address address;
    std::string_view owner;  ///< empty: the pin
    bool alive;              ///< added, or ended
  };
  std::vector<Small> small;
  std::vector<Large> large;
  std::vector<Reference> references;
  std::vector<Address> collected;
};

void encode(const Mutation& mutation, core::Encoder& out);
/// The result views into `section`. Errors  corruption, unsupported (a newer format)
Result<Mutation> decode_mutation(ByteView section);

void encode(const LargeFile& file, core::Encoder& out);
LargeFile decode_large_file(core::Decoder& in);
void encode(const Address& address, core::Encoder& out);
Address decode_address(core::Decoder& in);

}  // namespace strata::store::object
