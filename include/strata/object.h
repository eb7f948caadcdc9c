#pragma once
/// The object store: documents and blobs under the SHA-256 of their content. Equal content is stored once, compressed,
/// and verified on every read.
///
/// An object lives as long as something refers to it: a pin (what `put` gives by default; ended by `remove`) or an owner
/// (`PutOptions::owner`, ended by `release`). What nothing refers to is removed by `collect`.
/// References are a set: an object has one pin at most and each owner once, so putting again after a doubtful outcome is
/// safe. Puts never conflict with one another.
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "strata/error.h"
#include "strata/value.h"

namespace [[gnu::visibility("default")]] strata {

/// SHA-256 of an object's content. Printed as 64 hexadecimal digits.
struct Address {
  std::array<std::byte, 32> digest{};
  std::string to_string() const;
  static Result<Address> parse(std::string_view text);  ///< Errors  invalid_argument naming the text
  auto operator<=>(const Address&) const = default;
};

enum class Compression : std::uint8_t { automatic, none, lz4, zstd };
std::string_view name(Compression compression) noexcept;
Result<Compression> parse_compression(std::string_view text);

struct PutOptions {
  std::string owner = {};                            ///< who refers to it, up to 1,024 bytes; empty: a pin
  Compression compression = Compression::automatic;  ///< by size and by what a sample compresses to
};

struct ObjectInfo {
  Address address;
  std::uint64_t bytes = 0;         ///< of the content
  std::uint64_t stored_bytes = 0;  ///< on disk
  Compression compression = Compression::none;
  std::uint64_t references = 0;  ///< the pin and owners
};

struct CollectReport {
  std::uint64_t objects = 0;  ///< removed, but for those that another transaction referred to in the same moment
  std::uint64_t bytes = 0;    ///< stored bytes of these
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  /// Stores content and refers to it. Cheap when it is there already.
  /// Errors  invalid_argument (owner too long), resource_exhausted (disk full); at commit also conflict, when the content
  ///         was there and is being collected
  /// Cost    SHA-256 over the bytes; content over 64 KiB is compressed and written to its file before the commit
  virtual Result<Address> put(ByteView content, const PutOptions& options = {}) = 0;
  /// Stores content that arrives in pieces and may be larger than memory. `next` fills the span and returns how many
  /// bytes it wrote, 0 at the end.
  virtual Result<Address> put_stream(const std::function<Result<std::size_t>(std::span<std::byte>)>& next,
                                     const PutOptions& options = {}) = 0;

  /// The whole content. Errors  not_found, corruption (the content does not hash to its address), resource_exhausted (over 1 GiB: stream it)
  virtual Result<Bytes> get(const Address& address) = 0;
  /// Hands the content to `sink` in pieces of at most 1 MiB; verified when the end is reached: an error after pieces
  /// were handed out means they must not be trusted.
  virtual Result<void> get_stream(const Address& address, const std::function<Result<void>(ByteView)>& sink) = 0;
  virtual Result<bool> exists(const Address& address) = 0;
  virtual Result<ObjectInfo> info(const Address& address) = 0;  ///< Errors  not_found
  /// Objects in order of address, after `after`, at most `limit`.
  virtual Result<std::vector<ObjectInfo>> list(const std::optional<Address>& after, std::size_t limit) = 0;
  virtual Result<std::uint64_t> count() = 0;

  /// Ends the pin of `put`. Errors  not_found
  virtual Result<void> remove(const Address& address) = 0;
  /// Ends every reference of this owner; returns how many there were.
  virtual Result<std::uint64_t> release(std::string_view owner) = 0;
  /// Removes what nothing refers to. Views of before still read it; space comes back at a checkpoint after the last of
  /// them has gone (a pack of small objects is rewritten once a fifth of it is dead).
  /// Cost    a scan of the catalog: about 0.3 µs per object
  virtual Result<CollectReport> collect() = 0;
  /// What this owner refers to, in order of address. Errors  invalid_argument (no name)
  virtual Result<std::vector<Address>> owned(std::string_view owner) = 0;
};

}  // namespace strata
