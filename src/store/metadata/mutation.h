#pragma once
/// What a transaction does to the tables, as the journal keeps it: steps, in order. A step is one DDL statement, or a set
/// of row images: "this key now has this rest", "this key is gone".
///
/// Row images and nothing else is the idea of this store. A statement's cause (its WHERE, its clock, its randomness) is
/// forgotten as soon as it ran; what it left behind is an image per row it touched. Images are idempotent, need no
/// order among themselves, collapse (the last one of a key counts), invert (the image before), and answer reads by key
/// without SQLite. Undoing, redoing, trying out and rebuilding are all the same operation: write a set of images.
///
///     section = u8 version (1) · varint step count · steps
///     step    = u8 1 · text sql                                                              DDL
///             | u8 2 · varint table count · { text name · varint row count · rows }          images
///             | u8 3 · text table · zigzag value                                AUTOINCREMENT's memory; archives only
///     row     = u8 kind (0 removed, 1 put, 2 put with a commit-LSN mark) · bytes key [· bytes rest]
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/codec.h"
#include "strata/error.h"
#include "strata/value.h"

namespace strata::store::metadata {

/// Bytes that stay where they are as long as the arena lives.
class Arena {
 public:
  std::string_view keep(std::string_view bytes);
  std::size_t bytes() const { return bytes_; }

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t left_ = 0;
  std::size_t next_block_ = 256;
  char* at_ = nullptr;
  std::size_t bytes_ = 0;
};

/// One row after a change and, once somebody looked, before it.
struct Image {
  std::string_view key;
  std::string_view rest;
  bool present = false;
  bool marked = false;  ///< rest holds the commit-LSN mark
  bool old_known = false;
  bool old_present = false;
  std::string_view old_rest;
};

/// The images of one table, by key, in the order of first appearance. Most have one row: no index until there are many.
class TableImages {
 public:
  std::string table;
  std::vector<Image> rows;

  /// Valid until the next `at`.
  Image* find(std::string_view key);
  /// The image of `key`, made if there is none. The key's bytes must outlive this. Valid until the next `at`.
  Image& at(std::string_view key);

 private:
  std::unordered_map<std::string_view, std::size_t> by_key_;  // of all rows, once there are more than a few
};

/// A set of images over several tables. The bytes it points to belong to someone who outlives it, or to `arena`.
struct ImageSet {
  std::vector<TableImages> tables;
  Arena arena;

  TableImages* find(std::string_view table);
  TableImages& at(std::string_view table);
  /// Copies the bytes into the arena, and sets the image of the key.
  Image& put(std::string_view table, std::string_view key, std::string_view rest, bool marked);
  Image& remove(std::string_view table, std::string_view key);
  bool empty() const { return tables.empty(); }
};

struct Step {
  enum class Kind : std::uint8_t { ddl = 1, rows = 2, sequence = 3 };
  Kind kind = Kind::rows;
  std::string sql;  ///< ddl: the statement; sequence: the table
  std::int64_t sequence = 0;
  std::unique_ptr<ImageSet> images;  ///< rows
};

void encode_steps(const std::vector<Step>& steps, core::Encoder& out);

/// Decodes a section; images point into it. Marks are replaced by `lsn`. Every row is checked to be well-formed values.
/// Errors  corruption (malformed), unsupported (a newer version)
Result<std::vector<Step>> decode_steps(ByteView section, Lsn lsn);

}  // namespace strata::store::metadata
