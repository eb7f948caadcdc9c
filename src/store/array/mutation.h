#pragma once
/// The array store's section of a journal record: resolved effects, one after another.
///
///     section   = version:u8 (1), mutation*                        until the end
///     mutation  = op:u8, dataset:text, then by op
///       1 create     options
///       2 drop
///       3 append     rows:varint, key:bytes, data:bytes            at most 64 KiB of data
///       4 adopt      rows:varint, key:bytes, file reference        a part file finished before the record was written
///       5 clear      own:u8, begin:varint, end:varint
///       6 attribute  name:text, value                              null: taken away
///     file reference = number:varint, bytes:varint, hash: low u64, high u64
///
/// An append does not say where its rows go: apply puts them behind what is there, in LSN order, which is the same order at
/// every replay. Therefore appends never conflict, and a clear of rows of the own transaction counts from the first of them
/// (own = 1), as their final index is not known before the commit.
#include <optional>
#include <string_view>
#include <variant>

#include "core/checksum.h"
#include "core/codec.h"
#include "strata/array.h"

namespace strata::store::array {

/// A finished, immutable file of ours, named by its number.
struct FileReference {
  std::uint64_t number = 0;
  std::uint64_t bytes = 0;
  core::Hash128 hash;  ///< XXH3-128 of the whole content
  bool operator==(const FileReference&) const = default;
};
void encode(core::Encoder& out, const FileReference& file);
FileReference decode_file_reference(core::Decoder& in);

struct CreateDataset {
  std::string_view dataset;
  DatasetOptions options;
};
struct DropDataset {
  std::string_view dataset;
};
struct AppendRows {
  std::string_view dataset;
  std::uint64_t rows = 0;
  std::string_view key;
  ByteView data;
};
struct AdoptPart {
  std::string_view dataset;
  std::uint64_t rows = 0;
  std::string_view key;
  FileReference file;
};
struct ClearRows {
  std::string_view dataset;
  bool own = false;  ///< counted from the first row that this transaction appends
  std::uint64_t begin = 0, end = 0;
};
struct SetAttribute {
  std::string_view dataset;
  std::string_view name;
  Value value;
};
/// Views point into the section.
using Mutation = std::variant<CreateDataset, DropDataset, AppendRows, AdoptPart, ClearRows, SetAttribute>;

/// Appends a mutation to a section, and the version in front of the first.
void encode(Bytes& section, const Mutation& mutation);

/// Reads a section mutation by mutation.
class SectionReader {
 public:
  explicit SectionReader(ByteView section);
  /// Nothing at the end. Errors  corruption (offset named), unsupported (newer version)
  Result<std::optional<Mutation>> next();

 private:
  core::Decoder in_;
  std::uint8_t version_;
};

}  // namespace strata::store::array
