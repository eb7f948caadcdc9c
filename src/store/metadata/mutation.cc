#include "store/metadata/mutation.h"

#include <algorithm>
#include <cstring>

#include "store/metadata/row.h"

namespace strata::store::metadata {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kBlockBytesMax = 64 << 10;
constexpr std::size_t kUnindexedRows = 8;
enum RowKind : std::uint8_t { kRemoved = 0, kPut = 1, kPutMarked = 2 };

}  // namespace

std::string_view Arena::keep(std::string_view bytes) {
  if (bytes.empty()) return {};
  bytes_ += bytes.size();
  if (bytes.size() > left_) {
    // Small at first: most arenas belong to a commit of one row, and thousands of those wait at a time.
    left_ = std::max(bytes.size(), next_block_);
    next_block_ = std::min(2 * next_block_, kBlockBytesMax);
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
    at_ = blocks_.back().get();
  }
  std::memcpy(at_, bytes.data(), bytes.size());
  const std::string_view kept(at_, bytes.size());
  at_ += bytes.size();
  left_ -= bytes.size();
  return kept;
}

Image* TableImages::find(std::string_view key) {
  if (by_key_.empty()) {
    for (Image& row : rows) {
      if (row.key == key) return &row;
    }
    return nullptr;
  }
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &rows[found->second];
}

Image& TableImages::at(std::string_view key) {
  if (Image* found = find(key)) return *found;
  rows.emplace_back().key = key;
  if (!by_key_.empty()) {
    by_key_.emplace(key, rows.size() - 1);
  } else if (rows.size() > kUnindexedRows) {
    for (std::size_t i = 0; i < rows.size(); ++i) by_key_.emplace(rows[i].key, i);
  }
  return rows.back();
}

TableImages* ImageSet::find(std::string_view table) {
  for (TableImages& each : tables) {
    if (each.table == table) return &each;
  }
  return nullptr;
}

TableImages& ImageSet::at(std::string_view table) {
  if (TableImages* found = find(table)) return *found;
  tables.emplace_back().table = table;
  return tables.back();
}

Image& ImageSet::put(std::string_view table, std::string_view key, std::string_view rest, bool marked) {
  TableImages& images = at(table);
  Image* image = images.find(key);
  if (image == nullptr) image = &images.at(arena.keep(key));
  image->rest = arena.keep(rest);
  image->present = true;
  image->marked = marked;
  return *image;
}

Image& ImageSet::remove(std::string_view table, std::string_view key) {
  Image& image = put(table, key, {}, false);
  image.present = false;
  return image;
}

void encode_steps(const std::vector<Step>& steps, core::Encoder& out) {
  out.u8(kVersion);
  out.varint(steps.size());
  for (const Step& step : steps) {
    out.u8(static_cast<std::uint8_t>(step.kind));
    switch (step.kind) {
      case Step::Kind::ddl: out.text(step.sql); break;
      case Step::Kind::sequence:
        out.text(step.sql);
        out.zigzag(step.sequence);
        break;
      case Step::Kind::rows:
        out.varint(step.images->tables.size());
        for (const TableImages& table : step.images->tables) {
          out.text(table.table);
          out.varint(table.rows.size());
          for (const Image& row : table.rows) {
            out.u8(!row.present ? kRemoved : row.marked ? kPutMarked : kPut);
            out.text(row.key);
            if (row.present) out.text(row.rest);
          }
        }
        break;
    }
  }
}

namespace {

bool well_formed_any(std::string_view values) {
  ValueReader reader(values);
  while (!reader.done()) {
    if (!reader.skip()) return false;
  }
  return !reader.failed();
}

Result<std::unique_ptr<ImageSet>> decode_rows(core::Decoder& in, Lsn lsn) {
  auto images = std::make_unique<ImageSet>();
  const std::size_t tables = in.count(2);
  for (std::size_t t = 0; t < tables && in.ok(); ++t) {
    const std::string_view name = in.text();
    if (images->find(name) != nullptr) in.fail();
    TableImages& table = images->at(name);
    const std::size_t rows = in.count(2);
    for (std::size_t r = 0; r < rows && in.ok(); ++r) {
      const std::uint8_t kind = in.u8();
      const std::string_view key = in.text();
      if (kind > kPutMarked || key.empty() || !well_formed_any(key) || table.find(key) != nullptr) {
        in.fail();
        break;
      }
      Image& image = table.at(key);
      if (kind == kRemoved) continue;
      image.present = true;
      image.rest = in.text();
      if (!well_formed_any(image.rest)) in.fail();
      if (kind == kPutMarked && in.ok()) image.rest = images->arena.keep(STRATA_TRY(with_commit_lsn(image.rest, lsn)));
    }
  }
  return images;
}

}  // namespace

Result<std::vector<Step>> decode_steps(ByteView section, Lsn lsn) {
  core::Decoder in(section);
  const std::uint8_t version = in.u8();
  if (in.ok() && version > kVersion) {
    return Error(ErrorCode::unsupported, "a metadata record of version " + std::to_string(version) +
                                             "; this program reads up to " + std::to_string(kVersion));
  }
  if (version == 0) in.fail();
  std::vector<Step> steps;
  const std::size_t count = in.count(2);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    Step step;
    step.kind = static_cast<Step::Kind>(in.u8());
    switch (step.kind) {
      case Step::Kind::ddl: step.sql = in.text(); break;
      case Step::Kind::sequence:
        step.sql = in.text();
        step.sequence = in.zigzag();
        break;
      case Step::Kind::rows: step.images = STRATA_TRY(decode_rows(in, lsn)); break;
      default: in.fail();
    }
    if (in.ok()) steps.push_back(std::move(step));
  }
  STRATA_TRY(in.finish("a metadata record"));
  return steps;
}

}  // namespace strata::store::metadata
