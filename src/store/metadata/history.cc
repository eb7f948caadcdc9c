#include "store/metadata/history.h"

#include "core/codec.h"

namespace strata::store::metadata {
namespace {

constexpr std::size_t kChunkBytes = 1 << 20;
enum EntryKind : std::uint8_t { kAbsent = 0, kPresent = 1, kDdl = 2 };

struct Entry {
  Lsn lsn = 0;
  std::uint8_t kind = 0;
  std::string_view name;  // the table, or the DDL statement
  std::string_view key;
  std::string_view rest;
};

// Calls `each` for every entry with lsn > state, oldest first, until it returns false.
template <typename Each>
Result<void> walk(Connection& connection, Lsn state, Each&& each) {
  Statement* rows =
      STRATA_TRY(connection.cached("SELECT undo FROM strata_history WHERE last_lsn > ?1 ORDER BY last_lsn, rowid"));
  StatementUse use(*rows);
  rows->bind(1, static_cast<std::int64_t>(state));
  while (STRATA_TRY(rows->step())) {
    core::Decoder in(as_bytes(rows->blob(0)));
    while (in.ok() && in.remaining() > 0) {
      Entry entry;
      entry.lsn = in.varint();
      entry.kind = in.u8();
      entry.name = in.text();
      if (entry.kind != kDdl) entry.key = in.text();
      if (entry.kind == kPresent) entry.rest = in.text();
      if (!in.ok() || entry.kind > kDdl) return Error(ErrorCode::corruption, "state.sqlite: the history is malformed");
      if (entry.lsn <= state) continue;
      if (!STRATA_TRY(each(entry))) return {};
    }
  }
  return {};
}

// A new table, view or index does not change what older rows were: its own rows are taken back one by one.
Result<void> check_ddl(const Entry& entry, Lsn state) {
  std::string_view sql = entry.name;
  while (!sql.empty() && static_cast<unsigned char>(sql.front()) <= ' ') sql.remove_prefix(1);
  std::string word(sql.substr(0, 6));
  for (char& c : word) c = static_cast<char>(c | 0x20);
  if (word == "create") return {};
  return Error(ErrorCode::unsupported, "rows as of lsn " + std::to_string(state) + " cannot be read across lsn " +
                                           std::to_string(entry.lsn) + ": " + std::string(entry.name));
}

}  // namespace

void HistoryWriter::row(Lsn lsn, std::string_view table, const Image& image, bool was_present, std::string_view was) {
  core::Encoder out(undo_);
  out.varint(lsn);
  out.u8(was_present ? kPresent : kAbsent);
  out.text(table);
  out.text(image.key);
  if (was_present) out.text(was);
}

void HistoryWriter::ddl(Lsn lsn, std::string_view sql) {
  core::Encoder out(undo_);
  out.varint(lsn);
  out.u8(kDdl);
  out.text(sql);
}

Result<void> HistoryWriter::end_commit(Lsn lsn) {
  core::Encoder(lsns_).varint(first_ == 0 ? lsn : lsn - last_);
  if (first_ == 0) first_ = lsn;
  last_ = lsn;
  return undo_.size() >= kChunkBytes ? flush() : Result<void>();
}

Result<void> HistoryWriter::flush() {
  if (first_ == 0) return {};
  Statement* insert =
      STRATA_TRY(connection_.cached("INSERT INTO strata_history(last_lsn, lsns, undo) VALUES(?1, ?2, ?3)"));
  insert->bind(1, static_cast<std::int64_t>(last_));
  insert->bind_blob(2, as_text(lsns_));
  insert->bind_blob(3, as_text(undo_));
  STRATA_TRY(insert->run());
  lsns_.clear();
  undo_.clear();
  first_ = 0;
  return {};
}

Result<ImageSet> undo_images(Connection& connection, Lsn state) {
  ImageSet images;
  STRATA_TRY(walk(connection, state, [&](const Entry& entry) -> Result<bool> {
    if (entry.kind == kDdl) {
      STRATA_TRY(check_ddl(entry, state));
      return true;
    }
    TableImages& table = images.at(entry.name);
    if (table.find(entry.key) != nullptr) return true;  // an older entry of the key has said it
    if (entry.kind == kPresent) {
      images.put(entry.name, entry.key, entry.rest, false);
    } else {
      images.remove(entry.name, entry.key);
    }
    return true;
  }));
  return images;
}

Result<OldRow> old_row(Connection& connection, Lsn state, std::string_view table, std::string_view key) {
  OldRow out;
  STRATA_TRY(walk(connection, state, [&](const Entry& entry) -> Result<bool> {
    if (entry.kind == kDdl) {
      STRATA_TRY(check_ddl(entry, state));
      return true;
    }
    if (entry.name != table || entry.key != key) return true;
    out.changed_since = true;
    out.present = entry.kind == kPresent;
    out.rest = entry.rest;
    return false;
  }));
  return out;
}

Result<std::vector<Lsn>> history_lsns(Connection& connection) {
  std::vector<Lsn> out;
  Statement rows = STRATA_TRY(connection.prepare("SELECT lsns FROM strata_history ORDER BY last_lsn, rowid"));
  while (STRATA_TRY(rows.step())) {
    core::Decoder in(as_bytes(rows.blob(0)));
    Lsn lsn = 0;
    while (in.ok() && in.remaining() > 0) {
      lsn += in.varint();
      if (out.empty() || lsn > out.back()) out.push_back(lsn);
    }
    if (!in.ok()) return Error(ErrorCode::corruption, "state.sqlite: the history is malformed");
  }
  return out;
}

Result<void> prune_history(Connection& connection, Lsn horizon) {
  Statement* remove = STRATA_TRY(connection.cached("DELETE FROM strata_history WHERE last_lsn <= ?1"));
  remove->bind(1, static_cast<std::int64_t>(horizon));
  return remove->run();
}

}  // namespace strata::store::metadata
