#pragma once
/// Packs: where small contents live after a checkpoint.
///
///     object/pack/<n>    header │ dictionary │ frame frame frame … │ index sorted by address │ footer
///
/// Every content is a frame of its own, so one read decompresses one content; what neighbours would have shared, the
/// dictionary in the same file holds. A pack says only where the bytes of an address are: whether the object exists, and
/// since when, is the catalog's business. So packs can be merged in any combination, and a content that two packs hold
/// is right in both.
#include <functional>

#include "core/mutex.h"
#include "store/object/compression.h"
#include "store/object/mutation.h"
#include "store/object/sorted_table.h"

namespace strata::store::object {

inline constexpr std::string_view kPackDirectory = "object/pack";

/// Where a content lies in its pack.
struct PackEntry {
  Address address;
  std::uint64_t offset = 0;
  std::uint32_t stored_bytes = 0;
  std::uint32_t bytes = 0;
  Compression compression = Compression::none;
  Compression asked = Compression::automatic;
  bool with_dictionary = false;
};

/// Threads: any; immutable.
class Pack {
 public:
  /// Maps the file; reads header, footer and the index's directory. Errors  corruption, unsupported, not_found
  static Result<std::shared_ptr<const Pack>> open(io::FileSystem& files, const transaction::CheckpointFile& file);

  const transaction::CheckpointFile& file() const { return file_; }
  std::uint64_t size() const { return index_->size(); }
  std::uint64_t content_bytes() const { return content_bytes_; }
  std::uint64_t stored_bytes() const { return stored_bytes_; }  ///< of the frames

  Result<std::optional<PackEntry>> find(const Address& address) const;
  Result<PackEntry> entry(std::uint64_t position) const;
  /// The content, not yet compared with its address. Errors  corruption naming address, file and offset
  Result<Bytes> read(const PackEntry& entry) const;
  ByteView stored(const PackEntry& entry) const { return mapping_->bytes().subspan(entry.offset, entry.stored_bytes); }
  /// Null when the pack has none. Loaded at the first call. Errors  corruption
  Result<const Dictionary*> dictionary() const;
  bool has_dictionary() const { return dictionary_bytes_ != 0; }
  const core::Hash128& dictionary_hash() const { return dictionary_hash_; }
  Error damaged(const PackEntry& entry, std::string_view what) const;
  /// Index pages, dictionary, and every content against its address.
  void verify(const std::function<void(std::uint64_t offset, std::string what)>& found) const;

 private:
  Pack() = default;
  Result<PackEntry> decode_entry(const std::byte* record) const;
  Result<void> load_dictionary() const;

  transaction::CheckpointFile file_;
  std::unique_ptr<io::Mapping> mapping_;
  std::unique_ptr<SortedTable> index_;
  std::uint64_t content_bytes_ = 0;
  std::uint64_t stored_bytes_ = 0;
  std::uint64_t dictionary_offset_ = 0;
  std::uint64_t dictionary_bytes_ = 0;
  core::Hash128 dictionary_hash_;

  mutable core::Mutex dictionary_mutex_;
  mutable std::shared_ptr<const Dictionary> dictionary_owner_ STRATA_GUARDED_BY(dictionary_mutex_);
  mutable std::atomic<const Dictionary*> dictionary_{nullptr};
};

/// Fresh contents and the packs to merge with them.
struct PackInputs {
  std::vector<std::pair<Address, std::shared_ptr<const Content>>> fresh;  ///< sorted by address
  std::vector<std::shared_ptr<const Pack>> packs;
  std::shared_ptr<const Pack> dictionary_from;  ///< a pack whose dictionary to try first, or null
};

/// Writes one pack of every content that `retained` wants. Frames made with the same dictionary are copied as they are.
/// Null when nothing was left to write. Errors  io, resource_exhausted, corruption (in an input)
Result<std::shared_ptr<const Pack>> write_pack(io::FileSystem& files, const std::string& name, const PackInputs& inputs,
                                               const std::function<Result<bool>(const Address&)>& retained);

}  // namespace strata::store::object
