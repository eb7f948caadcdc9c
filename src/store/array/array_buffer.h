#pragma once
/// What one transaction has written to arrays so far: the section of its record, growing, and how each dataset looks to the
/// transaction itself.
///
///     rows of a dataset in a transaction     [ rows at the view │ own appends, in order ]
///                                              base               own
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/array/array_store.h"
#include "store/array/mutation.h"

namespace strata::store::array {

/// Rows this transaction appended; counted from the first of them.
struct OwnAppend {
  std::uint64_t begin = 0, end = 0;
  std::string key;
  std::size_t offset = 0;      ///< of the bytes in the section
  std::shared_ptr<Part> file;  ///< or the file they are in
};

/// One dataset as this transaction left it.
struct OwnDataset {
  std::shared_ptr<Dataset> base;  ///< nullptr: created here, or dropped
  bool dropped = false;
  DatasetOptions options;
  std::vector<OwnAppend> appends;
  std::uint64_t rows = 0;             ///< appended
  std::vector<RowRange> cleared;      ///< of the base's rows
  std::vector<RowRange> own_cleared;  ///< of the own rows
  std::vector<std::pair<std::string, Value>> attributes;
};

/// Threads: one at a time.
class ArrayBuffer final : public transaction::WriteBuffer {
 public:
  explicit ArrayBuffer(ArrayParticipant& store) : store_(store) {}

  std::map<std::string, OwnDataset, std::less<>>& own() { return own_; }
  void add(const Mutation& mutation) { strata::store::array::encode(section_, mutation); }
  ByteView section() const { return section_; }
  void wrote_file(const FileReference& file) { files_.push_back(file); }
  void name_key(transaction::KeyHash key, std::string text) { names_.emplace(key, std::move(text)); }
  /// Own rows [begin, end), clears applied.
  Result<void> read_own(const OwnDataset& dataset, std::uint64_t begin, std::uint64_t end, std::span<std::byte> out);

  bool empty() const override { return section_.empty(); }
  Result<void> validate(transaction::Context& context) override;
  void encode(core::Encoder& out) const override { out.raw(section_.data(), section_.size()); }
  void committed(const transaction::Commit&) override { files_.clear(); }
  void aborted() override;
  std::string describe(std::uint64_t key) const override;
  std::unique_ptr<Saved> save() override;
  void restore(const Saved& saved) override;
  Result<void> affects(transaction::Context& context, std::vector<std::uint64_t>& predicates) const override;

 private:
  struct Content {
    std::size_t section_bytes, files;
    std::map<std::string, OwnDataset, std::less<>> own;
  };
  ArrayParticipant& store_;
  Bytes section_;
  std::map<std::string, OwnDataset, std::less<>> own_;
  std::vector<FileReference> files_;  // written ahead; ours to remove if there is no commit
  std::unordered_map<transaction::KeyHash, std::string> names_;
};

/// The conflict keys: a dataset's existence; one attribute, as it is written; all attributes, as they are read; the rows that
/// are there (cleared together, so one key).
transaction::KeyHash dataset_key(std::string_view dataset);
transaction::KeyHash attribute_key(std::string_view dataset, std::string_view name);
transaction::KeyHash attributes_key(std::string_view dataset);
transaction::KeyHash content_key(std::string_view dataset);
/// The predicates: how many rows there are; the rows under a key; the list of datasets.
transaction::KeyHash length_predicate(std::string_view dataset);
transaction::KeyHash key_predicate(std::string_view dataset, std::string_view key);
inline constexpr transaction::KeyHash kDatasetsPredicate = 0x61727261'79000001;

/// Overwrites with zeros what of rows [begin, end) in `out` the ranges cover.
void zero_rows(std::span<const RowRange> ranges, std::uint64_t begin, std::uint64_t end, std::uint64_t row_bytes,
               std::span<std::byte> out);

}  // namespace strata::store::array
