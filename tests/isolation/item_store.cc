#include "isolation/item_store.h"

#include <cstring>

#include "core/digest.h"

namespace strata::isolation {
namespace {

Error two_states(std::string_view store, const Item& item) {
  return {ErrorCode::corruption, "an item is in two states at once: " + std::string(store) + " " + item.name()};
}

std::string text_of(const Value* value) {
  return value != nullptr && value->text() != nullptr ? *value->text() : std::string();
}

// ---- vector -----------------------------------------------------------------------------------------------------

class VectorItems final : public ItemStore {
 public:
  std::string_view name() const override { return "vector"; }
  Result<void> set_up(Stores& stores) override {
    return stores.vector().create_collection(kCollection, {.dimension = 1, .metric = Metric::l2});
  }
  Result<std::optional<std::string>> read(Stores& stores, const Item& item) override {
    const auto point = STRATA_TRY(stores.vector().get(kCollection, item.name(), false));
    if (!point) return std::optional<std::string>();
    return std::optional(text_of(point->payload.find("value")));
  }
  Result<void> write(Stores& stores, const Item& item, std::string_view value) override {
    const float embedding[] = {1};
    const std::string id = item.name();
    const Point point{id, embedding, {{"group", item.group}, {"key", item.key}, {"value", value}}, {}};
    return stores.vector().upsert(kCollection, {&point, 1});
  }
  Result<void> remove(Stores& stores, const Item& item) override {
    const std::string id = item.name();
    const std::string_view ids[] = {id};
    STRATA_TRY(stores.vector().remove(kCollection, ids));
    return {};
  }
  Result<Members> scan(Stores& stores, std::string_view group) override {
    Members members;
    for (const StoredPoint& point : STRATA_TRY(stores.vector().scroll(kCollection, "", 1'000, {{"group", group}}))) {
      members[text_of(point.payload.find("key"))] = text_of(point.payload.find("value"));
    }
    return members;
  }

 private:
  static constexpr std::string_view kCollection = "items";
};

// ---- object -----------------------------------------------------------------------------------------------------

class ObjectItems final : public ItemStore {
 public:
  ObjectItems(std::span<const std::string> keys, std::span<const std::string> values) : keys_(keys), values_(values) {}
  std::string_view name() const override { return "object"; }
  bool inserts_by_key() const override { return false; }
  bool removals_by_key() const override { return false; }
  Result<void> set_up(Stores&) override { return {}; }
  Result<std::optional<std::string>> read(Stores& stores, const Item& item) override {
    std::optional<std::string> found;
    for (const std::string& value : values_) {
      const Address address = address_of(item, value);
      const auto info = stores.object().info(address);
      if (!info && info.error().code() == ErrorCode::not_found) continue;
      if (!info) return info.error().clone();
      if (info->references == 0) continue;  // what the owner referred to before; nobody collects it
      if (found) return two_states("object", item);
      found = value;
    }
    return found;
  }
  Result<void> write(Stores& stores, const Item& item, std::string_view value) override {
    STRATA_TRY(stores.object().release(item.name()));
    return insert(stores, item, value);
  }
  Result<void> insert(Stores& stores, const Item& item, std::string_view value) override {
    STRATA_TRY(stores.object().put(as_bytes(content_of(item, value)), {.owner = item.name()}));
    return {};
  }
  Result<void> remove(Stores& stores, const Item& item) override {
    STRATA_TRY(stores.object().release(item.name()));
    return {};
  }
  Result<Members> scan(Stores& stores, std::string_view group) override {
    Members members;
    for (const std::string& key : keys_) {
      for (const std::string& value : values_) {
        const Address address = address_of({std::string(group), key}, value);
        // The objects of the range that ends with this address and holds no other.
        const auto range = STRATA_TRY(stores.object().list(before(address), 1));
        if (!range.empty() && range[0].address == address && range[0].references > 0) members[key] = value;
      }
    }
    return members;
  }

 private:
  static std::string content_of(const Item& item, std::string_view value) {
    return item.name() + "=" + std::string(value);
  }
  static Address address_of(const Item& item, std::string_view value) {
    return Address{core::sha256(as_bytes(content_of(item, value)))};
  }
  static Address before(Address address) {
    for (std::size_t i = address.digest.size(); i-- > 0;) {
      const auto byte = std::to_integer<int>(address.digest[i]);
      address.digest[i] = static_cast<std::byte>(byte - 1);
      if (byte != 0) break;
    }
    return address;
  }

  const std::span<const std::string> keys_, values_;
};

// ---- metadata ---------------------------------------------------------------------------------------------------

class RowItems : public ItemStore {
 public:
  std::string_view name() const override { return "metadata"; }
  Result<void> set_up(Stores& stores) override {
    STRATA_TRY(stores.metadata().execute(
        "create table if not exists item(grp text, key text, value text not null, primary key(grp, key))"));
    return {};
  }
  Result<std::optional<std::string>> read(Stores& stores, const Item& item) override {
    const auto row = STRATA_TRY(stores.metadata().get_row("item", {{"grp", item.group}, {"key", item.key}}));
    if (!row) return std::optional<std::string>();
    return std::optional(text_of(row->find("value")));
  }
  Result<void> write(Stores& stores, const Item& item, std::string_view value) override {
    return stores.metadata().put_row("item", {{"grp", item.group}, {"key", item.key}, {"value", value}});
  }
  Result<void> remove(Stores& stores, const Item& item) override {
    STRATA_TRY(stores.metadata().remove_row("item", {{"grp", item.group}, {"key", item.key}}));
    return {};
  }
  Result<Members> scan(Stores& stores, std::string_view group) override {
    const Rows rows = STRATA_TRY(stores.metadata().query("select key, value from item where grp = ?", {group}));
    Members members;
    for (const auto& row : rows.rows) members[text_of(&row[0])] = text_of(&row[1]);
    return members;
  }
};

/// The same rows, written as users of SQL do.
class SqlItems final : public RowItems {
 public:
  std::string_view name() const override { return "metadata"; }
  Result<void> write(Stores& stores, const Item& item, std::string_view value) override {
    STRATA_TRY(
        stores.metadata().execute("insert into item(grp, key, value) values (?, ?, ?) "
                                  "on conflict(grp, key) do update set value = excluded.value",
                                  {item.group, item.key, value}));
    return {};
  }
  Result<void> remove(Stores& stores, const Item& item) override {
    STRATA_TRY(stores.metadata().execute("delete from item where grp = ? and key = ?", {item.group, item.key}));
    return {};
  }
};

// ---- graph ------------------------------------------------------------------------------------------------------

class NodeItems final : public ItemStore {
 public:
  std::string_view name() const override { return "graph"; }
  Result<void> set_up(Stores& stores) override { return stores.graph().create_index(kLabel, "group"); }
  Result<std::optional<std::string>> read(Stores& stores, const Item& item) override {
    const auto node = STRATA_TRY(stores.graph().node(item.name()));
    if (!node) return std::optional<std::string>();
    return std::optional(text_of(node->properties.find("value")));
  }
  Result<void> write(Stores& stores, const Item& item, std::string_view value) override {
    return stores.graph().put_node(
        {item.name(), {std::string(kLabel)}, {{"group", item.group}, {"key", item.key}, {"value", value}}});
  }
  Result<void> remove(Stores& stores, const Item& item) override {
    STRATA_TRY(stores.graph().remove_node(item.name()));
    return {};
  }
  Result<Members> scan(Stores& stores, std::string_view group) override {
    Members members;
    for (const Node& node : STRATA_TRY(stores.graph().find_nodes(kLabel, "group", group))) {
      members[text_of(node.properties.find("key"))] = text_of(node.properties.find("value"));
    }
    return members;
  }

 private:
  static constexpr std::string_view kLabel = "item";
};

// ---- analytics --------------------------------------------------------------------------------------------------

class MetricItems final : public ItemStore {
 public:
  std::string_view name() const override { return "analytics"; }
  bool reads_by_key() const override { return false; }
  bool inserts_by_key() const override { return false; }
  Result<void> set_up(Stores& stores) override {
    const ColumnDefinition columns[] = {
        {"id", ColumnType::text}, {"grp", ColumnType::text}, {"key", ColumnType::text}, {"value", ColumnType::text}};
    return stores.analytics().create_table(kTable, columns);
  }
  Result<std::optional<std::string>> read(Stores& stores, const Item& item) override {
    const Rows rows = STRATA_TRY(stores.analytics().query("select value from items where id = ?", {item.name()}));
    if (rows.rows.empty()) return std::optional<std::string>();
    if (rows.rows.size() > 1) return replaced(item);
    return std::optional(text_of(&rows.rows[0][0]));
  }
  Result<void> write(Stores& stores, const Item& item, std::string_view value) override {
    STRATA_TRY(stores.analytics().erase(kTable, "id", item.name()));
    return insert(stores, item, value);
  }
  Result<void> insert(Stores& stores, const Item& item, std::string_view value) override {
    return stores.analytics().append(kTable,
                                     {{"id", item.name()}, {"grp", item.group}, {"key", item.key}, {"value", value}});
  }
  Result<void> remove(Stores& stores, const Item& item) override {
    STRATA_TRY(stores.analytics().erase(kTable, "id", item.name()));
    return {};
  }
  Result<Members> scan(Stores& stores, std::string_view group) override {
    const Rows rows = STRATA_TRY(stores.analytics().query("select key, value from items where grp = ?", {group}));
    Members members;
    for (const auto& row : rows.rows) {
      if (!members.emplace(text_of(&row[0]), text_of(&row[1])).second) {
        return replaced({std::string(group), text_of(&row[0])});
      }
    }
    return members;
  }

 private:
  /// Under read committed a transaction that has replaced the row sees the row of another that has, too, and was first: it
  /// cannot commit any more. Two rows for good would be found by who reads last.
  static Error replaced(const Item& item) {
    return {ErrorCode::conflict, "two rows where one is to be: " + item.name()};
  }
  static constexpr std::string_view kTable = "items";
};

// ---- cache ------------------------------------------------------------------------------------------------------

class CacheItems final : public ItemStore {
 public:
  explicit CacheItems(std::span<const std::string> keys) : keys_(keys) {}
  std::string_view name() const override { return "cache"; }
  bool may_miss() const override { return true; }
  Result<void> set_up(Stores&) override { return {}; }
  Result<std::optional<std::string>> read(Stores& stores, const Item& item) override {
    const auto value = STRATA_TRY(stores.cache().get(item.name()));
    if (!value) return std::optional<std::string>();
    return std::optional(std::string(as_text(*value)));
  }
  Result<void> write(Stores& stores, const Item& item, std::string_view value) override {
    return stores.cache().set(item.name(), value);
  }
  Result<void> remove(Stores& stores, const Item& item) override {
    STRATA_TRY(stores.cache().remove(item.name()));
    return {};
  }
  Result<Members> scan(Stores& stores, std::string_view group) override {
    Members members;
    for (const std::string& key : keys_) {
      if (auto value = STRATA_TRY(read(stores, {std::string(group), key}))) members[key] = std::move(*value);
    }
    return members;
  }

 private:
  const std::span<const std::string> keys_;
};

// ---- array ------------------------------------------------------------------------------------------------------

class AttributeItems : public ItemStore {
 public:
  std::string_view name() const override { return "array"; }
  Result<void> set_up(Stores&) override { return {}; }
  Result<void> open_group(Stores& stores, std::string_view group) override {
    return stores.array().create_dataset(group, {.type = DataType::int64});
  }
  Result<std::optional<std::string>> read(Stores& stores, const Item& item) override {
    const DatasetInfo info = STRATA_TRY(stores.array().dataset(item.group));
    const Value* value = info.attributes.find(item.key);
    if (value == nullptr) return std::optional<std::string>();
    return std::optional(text_of(value));
  }
  Result<void> write(Stores& stores, const Item& item, std::string_view value) override {
    return stores.array().set_attribute(item.group, item.key, value);
  }
  Result<void> remove(Stores& stores, const Item& item) override {
    return stores.array().set_attribute(item.group, item.key, {});
  }
  Result<Members> scan(Stores& stores, std::string_view group) override {
    Members members;
    const DatasetInfo info = STRATA_TRY(stores.array().dataset(group));
    for (const auto& [key, value] : info.attributes) members[key] = text_of(&value);
    return members;
  }
};

/// Inserts are rows, so that a group's length is what a phantom changes.
class ArrayItems final : public AttributeItems {
 public:
  explicit ArrayItems(std::span<const std::string> keys) : keys_(keys) {}
  Result<void> insert(Stores& stores, const Item& item, std::string_view value) override {
    std::int64_t row = 0;
    for (const char digit : value) row = row * 10 + (digit - '0');
    const std::uint64_t shape[] = {1};
    STRATA_TRY(stores.array().append(item.group, DataType::int64, shape, std::as_bytes(std::span(&row, 1)), item.key));
    return {};
  }
  Result<Members> scan(Stores& stores, std::string_view group) override {
    Members members = STRATA_TRY(AttributeItems::scan(stores, group));
    const ArrayData all = STRATA_TRY(stores.array().read(group, 0, UINT32_MAX));
    for (const std::string& key : keys_) {
      for (const RowRange& range : STRATA_TRY(stores.array().find(group, key))) {
        if (range.end > all.shape[0]) {
          return Error(ErrorCode::corruption, "a row under a key lies behind the last row: " + key);
        }
        std::int64_t row = 0;
        std::memcpy(&row, all.bytes.data() + range.begin * sizeof row, sizeof row);
        members[key] = std::to_string(row);
      }
    }
    return members;
  }

 private:
  const std::span<const std::string> keys_;
};

// ---- two of them together ---------------------------------------------------------------------------------------

/// A row holds the address of a document: how users keep objects that change.
class DocumentItems final : public RowItems {
 public:
  std::string_view name() const override { return "object"; }
  Result<void> set_up(Stores& stores) override {
    STRATA_TRY(stores.metadata().execute(
        "create table if not exists document(grp text, key text, address text not null, primary key(grp, key))"));
    return {};
  }
  Result<std::optional<std::string>> read(Stores& stores, const Item& item) override {
    const auto row = STRATA_TRY(stores.metadata().get_row("document", {{"grp", item.group}, {"key", item.key}}));
    if (!row) return std::optional<std::string>();
    return std::optional(STRATA_TRY(content_at(stores, text_of(row->find("address")))));
  }
  Result<void> write(Stores& stores, const Item& item, std::string_view value) override {
    STRATA_TRY(stores.object().release(item.name()));
    // Two documents of one content are one object; the name keeps them apart.
    const std::string content = item.name() + "=" + std::string(value);
    const Address address = STRATA_TRY(stores.object().put(as_bytes(content), {.owner = item.name()}));
    return stores.metadata().put_row("document",
                                     {{"grp", item.group}, {"key", item.key}, {"address", address.to_string()}});
  }
  Result<void> remove(Stores& stores, const Item& item) override {
    STRATA_TRY(stores.object().release(item.name()));
    STRATA_TRY(stores.metadata().remove_row("document", {{"grp", item.group}, {"key", item.key}}));
    return {};
  }
  Result<Members> scan(Stores& stores, std::string_view group) override {
    const Rows rows = STRATA_TRY(stores.metadata().query("select key, address from document where grp = ?", {group}));
    Members members;
    for (const auto& row : rows.rows) {
      members[text_of(&row[0])] = STRATA_TRY(content_at(stores, text_of(&row[1])));
    }
    return members;
  }

 private:
  static Result<std::string> content_at(Stores& stores, const std::string& address) {
    const Bytes content = STRATA_TRY(stores.object().get(STRATA_TRY(Address::parse(address))));
    const std::string_view text = as_text(content);
    return std::string(text.substr(text.find('=') + 1));
  }
};

/// A row, and a copy of it in the cache, both written by the same transaction: a hit must be what the row says.
class CachedItems final : public RowItems {
 public:
  std::string_view name() const override { return "cache"; }
  Result<std::optional<std::string>> read(Stores& stores, const Item& item) override {
    const Item row = behind(item);
    const auto hit = STRATA_TRY(stores.cache().get(row.name()));
    if (hit) return std::optional(std::string(as_text(*hit)));
    return RowItems::read(stores, row);
  }
  Result<void> write(Stores& stores, const Item& item, std::string_view value) override {
    const Item row = behind(item);
    STRATA_TRY(RowItems::write(stores, row, value));
    return stores.cache().set(row.name(), value);
  }
  Result<void> remove(Stores& stores, const Item& item) override {
    const Item row = behind(item);
    STRATA_TRY(RowItems::remove(stores, row));
    STRATA_TRY(stores.cache().remove(row.name()));
    return {};
  }
  Result<Members> scan(Stores& stores, std::string_view group) override {
    return RowItems::scan(stores, behind({std::string(group), {}}).group);
  }

 private:
  static Item behind(const Item& item) { return {"cached-" + item.group, item.key}; }
};

}  // namespace

std::vector<std::unique_ptr<ItemStore>> seven_stores(std::span<const std::string> keys,
                                                     std::span<const std::string> values) {
  std::vector<std::unique_ptr<ItemStore>> stores;
  stores.push_back(std::make_unique<VectorItems>());
  stores.push_back(std::make_unique<ObjectItems>(keys, values));
  stores.push_back(std::make_unique<SqlItems>());
  stores.push_back(std::make_unique<NodeItems>());
  stores.push_back(std::make_unique<MetricItems>());
  stores.push_back(std::make_unique<CacheItems>(keys));
  stores.push_back(std::make_unique<ArrayItems>(keys));
  return stores;
}

std::vector<std::unique_ptr<ItemStore>> stores_of_any_value() {
  std::vector<std::unique_ptr<ItemStore>> stores;
  stores.push_back(std::make_unique<VectorItems>());
  stores.push_back(std::make_unique<DocumentItems>());
  stores.push_back(std::make_unique<RowItems>());
  stores.push_back(std::make_unique<NodeItems>());
  stores.push_back(std::make_unique<MetricItems>());
  stores.push_back(std::make_unique<CachedItems>());
  stores.push_back(std::make_unique<AttributeItems>());
  return stores;
}

}  // namespace strata::isolation
