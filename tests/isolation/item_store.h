#pragma once
/// The seven stores as keepers of one abstract thing: an item, a value under a name in a group. A script says "write y";
/// which store y lives in is a parameter of the script.
///
///     store       an item is                          a predicate read is
///     vector      a point's payload                   scroll with a filter on the group
///     object      the content its owner refers to     a range of addresses
///     metadata    a row, read by its key              a query on the group
///     graph       a node's property                   find_nodes by label and group
///     analytics   the one row of an id                a query on the group
///     cache       an entry                            the group's names one by one: a cache has no scan
///     array       a dataset's attribute               the dataset's attributes and rows
///
/// Two stores cannot change a thing in place. In the analytics table a write erases the item's row and appends another. In
/// the object store it releases the owner and puts the new content; who reads looks which of the contents that a script
/// may write is there and referred to. More than one is `corruption`.
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "strata/engine.h"

namespace strata::isolation {

/// group   [a-z0-9][a-z0-9_-]{0,63}     key   without '/'
struct Item {
  std::string group;
  std::string key;
  std::string name() const { return group + "/" + key; }
};

/// Keys to values of a group.
using Members = std::map<std::string, std::string>;

/// Threads: any; it holds nothing.
class ItemStore {
 public:
  virtual ~ItemStore() = default;
  virtual std::string_view name() const = 0;
  /// Whether `read` names the key to the store. Where a query finds the item, its store sees a predicate.
  virtual bool reads_by_key() const { return true; }
  /// Whether two who write an item that is not there write one key. Where the store knows no key of it, each adds its own.
  virtual bool inserts_by_key() const { return true; }
  /// Whether who read the item has a conflict with who takes it away, under repeatable read: not where what goes is one of
  /// many references that were counted.
  virtual bool removals_by_key() const { return true; }
  /// Whether an item that is there may be missed, so that missing it says nothing.
  virtual bool may_miss() const { return false; }
  /// Creates the collection, table or dataset; once for a database. Fine when it is there.
  virtual Result<void> set_up(Stores& stores) = 0;
  /// Makes a group ready to be written to.
  virtual Result<void> open_group(Stores&, std::string_view) { return {}; }
  /// Errors  corruption (an item in more than one state at once), and the store's
  virtual Result<std::optional<std::string>> read(Stores& stores, const Item& item) = 0;
  /// Writes the item whether it is there or not.
  virtual Result<void> write(Stores& stores, const Item& item, std::string_view value) = 0;
  /// Writes an item that is not there.
  virtual Result<void> insert(Stores& stores, const Item& item, std::string_view value) {
    return write(stores, item, value);
  }
  /// Takes away an item that was written, if it is there.
  virtual Result<void> remove(Stores& stores, const Item& item) = 0;
  /// Everything in the group: a read whose answer an insert changes.
  virtual Result<Members> scan(Stores& stores, std::string_view group) = 0;
};

/// One for each store, in the order of StoreKind. The object and the cache store know only these keys and values, because
/// they can be asked only about what one can name.
/// keys, values   borrowed for the life of the stores
std::vector<std::unique_ptr<ItemStore>> seven_stores(std::span<const std::string> keys,
                                                     std::span<const std::string> values);

/// Keepers of values that are not known beforehand, at least one for each store: as seven_stores, but an object's address
/// is kept in a row, and a cache entry is a copy of a row; and rows once by key and once by SQL.
std::vector<std::unique_ptr<ItemStore>> stores_of_any_value();

}  // namespace strata::isolation
