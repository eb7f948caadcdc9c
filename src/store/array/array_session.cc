/// The public contract, in one transaction: checks, then a mutation in the buffer; reads of the view with the buffer on top.
#include <algorithm>

#include "store/array/array_buffer.h"
#include "store/array/array_store.h"
#include "store/array/layout.h"

namespace strata::store::array {
namespace {

using transaction::Context;

constexpr std::uint64_t kReadBytesMax = 1ULL << 30;

std::string quoted(std::string_view name) { return "\"" + std::string(name.substr(0, 80)) + "\""; }

Error no_dataset(std::string_view name) { return Error(ErrorCode::not_found, "no array dataset " + quoted(name)); }

/// A dataset in one transaction: what the view has of it, and what the transaction added.
struct Seen {
  std::shared_ptr<Dataset> base;  // nullptr: created in this transaction
  OwnDataset* own = nullptr;
  const DatasetOptions* options = nullptr;
  std::uint64_t base_rows = 0;
  std::uint64_t rows() const { return base_rows + (own == nullptr ? 0 : own->rows); }
};

class ArraySession final : public strata::ArrayStore {
 public:
  ArraySession(ArrayParticipant& store, transaction::Session& session) : store_(store), session_(session) {}

  Result<void> create_dataset(std::string_view name, const DatasetOptions& options) override {
    STRATA_TRY(check_dataset_name(name));
    STRATA_TRY(check_options(options));
    return session_.write([&](Context& tx) -> Result<void> {
      const auto seen = STRATA_TRY(look(tx, name));
      if (seen) {
        if (*seen->options == options) return {};
        return Error(ErrorCode::already_exists, "array dataset " + quoted(name) +
                                                    " exists with other options: it holds " + describe(*seen->options) +
                                                    ", wanted " + describe(options));
      }
      STRATA_TRY(tx.note_write(StoreKind::array, dataset_key(name)));
      ArrayBuffer& buffer = writing(tx, name);
      STRATA_TRY(tx.charge(name.size() + sizeof options));
      buffer.add(CreateDataset{name, options});
      OwnDataset own;
      own.options = options;
      buffer.own().insert_or_assign(std::string(name), std::move(own));
      return {};
    });
  }

  Result<void> drop_dataset(std::string_view name) override {
    return session_.write([&](Context& tx) -> Result<void> {
      STRATA_TRY(find_seen(tx, name));
      STRATA_TRY(tx.note_write(StoreKind::array, dataset_key(name)));
      ArrayBuffer& buffer = writing(tx, name);
      buffer.add(DropDataset{name});
      OwnDataset own;
      own.dropped = true;
      buffer.own().insert_or_assign(std::string(name), std::move(own));
      return {};
    });
  }

  Result<std::vector<DatasetInfo>> datasets() override {
    return session_.read([&](Context& tx) -> Result<std::vector<DatasetInfo>> {
      tx.note_scan(StoreKind::array, kDatasetsPredicate);
      std::map<std::string, bool, std::less<>> names;
      for (const auto& dataset : store_.datasets_at(tx.view_lsn())) names[dataset->name()] = true;
      if (auto* buffer = tx.buffer_if_any<ArrayBuffer>(StoreKind::array)) {
        for (const auto& [name, own] : buffer->own()) names[name] = !own.dropped;
      }
      std::vector<DatasetInfo> infos;
      for (const auto& [name, there] : names) {
        if (there) infos.push_back(STRATA_TRY(info(tx, name)));
      }
      return infos;
    });
  }

  Result<DatasetInfo> dataset(std::string_view name) override {
    return session_.read([&](Context& tx) { return info(tx, name); });
  }

  Result<std::uint64_t> append(std::string_view name, DataType type, std::span<const std::uint64_t> shape,
                               ByteView rows, std::string_view key) override {
    STRATA_TRY(check_key(key));
    return session_.write([&](Context& tx) -> Result<std::uint64_t> {
      Seen seen = STRATA_TRY(find_seen(tx, name));
      const std::uint64_t count = STRATA_TRY(check_rows(*seen.options, type, shape, rows));
      if (count > kRowsMax - seen.rows()) {
        return Error(ErrorCode::invalid_argument, "a dataset has at most 2^48 rows: " + quoted(name));
      }
      STRATA_TRY(tx.intend(StoreKind::array, dataset_key(name)));
      ArrayBuffer& buffer = writing(tx, name);
      OwnDataset& own = own_dataset(buffer, name, seen);
      tx.note_dependency(StoreKind::array, dataset_key(name));
      const std::uint64_t index = seen.base_rows + own.rows;
      if (tx.tracks_scans()) tx.note_scan(StoreKind::array, length_predicate(name));  // so the index will be true
      OwnAppend append{own.rows, own.rows + count, std::string(key), 0, nullptr};
      if (rows.size() <= store_.options().inline_bytes_max) {
        STRATA_TRY(tx.charge(rows.size() + key.size() + name.size()));
        buffer.add(AppendRows{name, count, key, rows});
        append.offset = buffer.section().size() - rows.size();  // the bytes are the last field
      } else {
        STRATA_TRY(tx.charge(key.size() + name.size() + sizeof(FileReference)));
        const FileReference file = STRATA_TRY(store_.write_ahead(own.options, count, rows));
        buffer.wrote_file(file);
        buffer.add(AdoptPart{name, count, key, file});
        append.file = store_.written_part(own.options, file, count);
      }
      own.rows += count;
      own.appends.push_back(std::move(append));
      return index;
    });
  }

  Result<std::vector<RowRange>> find(std::string_view name, std::string_view key) override {
    STRATA_TRY(check_key(key));
    return session_.read([&](Context& tx) -> Result<std::vector<RowRange>> {
      const Seen seen = STRATA_TRY(find_seen(tx, name));
      std::vector<RowRange> ranges;
      if (key.empty()) return ranges;
      if (tx.tracks_scans()) {
        tx.note_scan(StoreKind::array, key_predicate(name, key));
        if (seen.own != nullptr) tx.note_scan(StoreKind::array, length_predicate(name));  // where own rows begin
      }
      if (seen.base) ranges = STRATA_TRY(seen.base->find(tx.view_lsn(), key));
      if (seen.own == nullptr) return ranges;
      for (const OwnAppend& each : seen.own->appends) {
        if (each.key == key) ranges.push_back({seen.base_rows + each.begin, seen.base_rows + each.end});
      }
      return ranges;
    });
  }

  Result<ArrayData> read(std::string_view name, std::uint64_t begin, std::uint64_t end) override {
    STRATA_TRY(check_range(begin, end));
    return session_.read([&](Context& tx) -> Result<ArrayData> {
      const Seen seen = STRATA_TRY(find_seen(tx, name));
      tx.note_read(StoreKind::array, content_key(name));
      note_length(tx, name, seen, end);
      const std::uint64_t last = std::min(end, seen.rows());
      const std::uint64_t first = std::min(begin, last);
      const std::uint64_t each = row_bytes(*seen.options);
      if ((last - first) > kReadBytesMax / each) {
        return Error(ErrorCode::resource_exhausted, "one read gives at most 1 GiB: " + std::to_string(last - first) +
                                                        " rows of " + std::to_string(each) + " bytes");
      }
      ArrayData data;
      data.type = seen.options->type;
      data.shape.push_back(last - first);
      data.shape.insert(data.shape.end(), seen.options->row_shape.begin(), seen.options->row_shape.end());
      data.bytes.resize((last - first) * each);
      STRATA_TRY(read_rows(tx, seen, first, last, each, data.bytes));
      return data;
    });
  }

  Result<void> clear_rows(std::string_view name, std::uint64_t begin, std::uint64_t end) override {
    STRATA_TRY(check_range(begin, end));
    return session_.write([&](Context& tx) -> Result<void> {
      const Seen seen = STRATA_TRY(find_seen(tx, name));
      note_length(tx, name, seen, end);
      const std::uint64_t last = std::min(end, seen.rows());
      if (begin >= last) return {};
      STRATA_TRY(tx.intend(StoreKind::array, dataset_key(name)));
      ArrayBuffer& buffer = writing(tx, name);
      OwnDataset& own = own_dataset(buffer, name, seen);
      tx.note_dependency(StoreKind::array, dataset_key(name));
      STRATA_TRY(tx.charge(name.size() + 32));
      const std::uint64_t border = seen.base_rows;
      if (begin < border) {
        const RowRange range{begin, std::min(last, border)};
        buffer.add(ClearRows{name, false, range.begin, range.end});
        own.cleared.push_back(range);
        tx.note_effect(StoreKind::array, content_key(name));
      }
      if (last > border) {
        const RowRange range{std::max(begin, border) - border, last - border};
        buffer.add(ClearRows{name, true, range.begin, range.end});
        own.own_cleared.push_back(range);
      }
      return {};
    });
  }

  Result<void> set_attribute(std::string_view name, std::string_view attribute, const Value& value) override {
    STRATA_TRY(check_attribute(attribute, value));
    return session_.write([&](Context& tx) -> Result<void> {
      const Seen seen = STRATA_TRY(find_seen(tx, name));
      const transaction::KeyHash key = attribute_key(name, attribute);
      STRATA_TRY(tx.intend(StoreKind::array, dataset_key(name)));
      STRATA_TRY(tx.note_write(StoreKind::array, key));
      ArrayBuffer& buffer = writing(tx, name);
      OwnDataset& own = own_dataset(buffer, name, seen);
      tx.note_dependency(StoreKind::array, dataset_key(name));
      tx.note_effect(StoreKind::array, attributes_key(name));
      buffer.name_key(key, "array:" + std::string(name) + "@" + std::string(attribute));
      const std::size_t before = buffer.section().size();
      buffer.add(SetAttribute{name, attribute, value});
      STRATA_TRY(tx.charge(buffer.section().size() - before));
      own.attributes.emplace_back(std::string(attribute), value);
      return {};
    });
  }

 private:
  static Result<void> check_range(std::uint64_t begin, std::uint64_t end) {
    if (begin <= end) return {};
    return Error(ErrorCode::invalid_argument, "a range of rows begins at or before its end: begin " +
                                                  std::to_string(begin) + ", end " + std::to_string(end));
  }

  // Rows beyond those of the view: more of them may come, or the own ones may move.
  static void note_length(Context& tx, std::string_view name, const Seen& seen, std::uint64_t end) {
    if (tx.tracks_scans() && end > seen.base_rows) tx.note_scan(StoreKind::array, length_predicate(name));
  }

  ArrayBuffer& writing(Context& tx, std::string_view name) {
    auto& buffer = tx.buffer<ArrayBuffer>(StoreKind::array, [&] { return std::make_unique<ArrayBuffer>(store_); });
    buffer.name_key(dataset_key(name), "array:" + std::string(name));
    return buffer;
  }

  static OwnDataset& own_dataset(ArrayBuffer& buffer, std::string_view name, const Seen& seen) {
    if (seen.own != nullptr) return *seen.own;
    OwnDataset own;
    own.base = seen.base;
    own.options = *seen.options;
    return buffer.own().emplace(std::string(name), std::move(own)).first->second;
  }

  /// Whether it is there, and with which options, is an answer: also of a call that changes nothing or is taken back.
  Result<std::optional<Seen>> look(Context& tx, std::string_view name) {
    tx.note_read_once(StoreKind::array, dataset_key(name));
    Seen seen;
    if (auto* buffer = tx.buffer_if_any<ArrayBuffer>(StoreKind::array)) {
      if (const auto at = buffer->own().find(name); at != buffer->own().end()) seen.own = &at->second;
    }
    if (seen.own != nullptr) {
      if (seen.own->dropped) return std::optional<Seen>();
      seen.base = seen.own->base;
      seen.options = &seen.own->options;
    } else {
      seen.base = store_.find_dataset(name, tx.view_lsn());
      if (!seen.base) return std::optional<Seen>();
      seen.options = &seen.base->options();
    }
    if (seen.base) seen.base_rows = STRATA_TRY(seen.base->rows_at(tx.view_lsn()));
    return std::optional<Seen>(std::move(seen));
  }

  Result<Seen> find_seen(Context& tx, std::string_view name) {
    auto seen = STRATA_TRY(look(tx, name));
    if (seen) return std::move(*seen);
    return no_dataset(name);
  }

  Result<DatasetInfo> info(Context& tx, std::string_view name) {
    const Seen seen = STRATA_TRY(find_seen(tx, name));
    tx.note_read(StoreKind::array, attributes_key(name));  // the missing ones, too
    if (tx.tracks_scans()) tx.note_scan(StoreKind::array, length_predicate(name));
    DatasetInfo info;
    info.name = name;
    info.options = *seen.options;
    info.rows = seen.rows();
    if (seen.base) {
      info.parts = seen.base->parts();
      info.attributes = seen.base->attributes_at(tx.view_lsn());
    }
    if (seen.own == nullptr) return info;
    for (const auto& [attribute, value] : seen.own->attributes) {
      if (value.is_null()) {
        info.attributes.erase(attribute);
      } else {
        info.attributes.set(attribute, value);
      }
    }
    return info;
  }

  Result<void> read_rows(Context& tx, const Seen& seen, std::uint64_t first, std::uint64_t last, std::uint64_t each,
                         std::span<std::byte> out) {
    const std::uint64_t border = seen.base_rows;
    if (first < border) {
      const std::uint64_t end = std::min(last, border);
      const auto piece = out.first((end - first) * each);
      STRATA_TRY(seen.base->read(tx.view_lsn(), first, end, piece));
      if (seen.own != nullptr) zero_rows(seen.own->cleared, first, end, each, piece);
    }
    if (last > border && seen.own != nullptr) {
      const std::uint64_t begin = std::max(first, border);
      auto* buffer = tx.buffer_if_any<ArrayBuffer>(StoreKind::array);
      STRATA_TRY(buffer->read_own(*seen.own, begin - border, last - border, out.subspan((begin - first) * each)));
    }
    return {};
  }

  ArrayParticipant& store_;
  transaction::Session& session_;
};

}  // namespace

std::unique_ptr<strata::ArrayStore> ArrayParticipant::session(transaction::Session& session) {
  return std::make_unique<ArraySession>(*this, session);
}

}  // namespace strata::store::array
