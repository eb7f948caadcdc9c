#pragma once
/// The contract strata/object.h over one session: own writes in front of the state at the view.
#include <map>
#include <set>

#include "store/object/object_store.h"

namespace strata::store::object {

/// What one transaction has written. Sorted maps: lists merge them with the state, sections come out in one order.
class ObjectBuffer final : public transaction::WriteBuffer {
 public:
  struct Reference {
    std::string owner;
    bool alive = true;
  };

  explicit ObjectBuffer(Store& store) : store_(store) {}

  bool empty() const override { return small.empty() && large.empty() && references.empty() && collected.empty(); }
  /// What was found to be there must still be. Committed collects after the view are conflicts of keys; this covers those
  /// that a moving view (read committed) has passed.
  Result<void> validate(transaction::Context& context) override;
  void encode(core::Encoder& out) const override;
  Result<void> affects(transaction::Context& context, std::vector<std::uint64_t>& predicates) const override;
  void aborted() override;  ///< removes the large files written ahead
  std::string describe(std::uint64_t key) const override;
  std::unique_ptr<Saved> save() override;
  void restore(const Saved& saved) override;

  bool holds(const Address& address) const { return small.contains(address) || large.contains(address); }
  /// Lays the own additions and endings over the references at the view.
  void overlay(const Address& address, std::set<std::array<std::byte, 16>>& subjects) const;
  /// Forgets own contents that nothing refers to any more.
  void drop_unreferenced(CollectReport& report);

  std::map<Address, Delta::ContentPointer> small;
  std::map<Address, LargeFile> large;
  std::map<FactKey, Reference> references;
  std::set<Address> collected;
  std::set<Address> relied_on;  ///< stored by others before; not written again

 private:
  struct Content {
    std::map<Address, Delta::ContentPointer> small;
    std::map<Address, LargeFile> large;
    std::map<FactKey, Reference> references;
    std::set<Address> collected, relied_on;
  };
  Store& store_;
};

/// Threads: as the session.
class SessionObjectStore final : public ObjectStore {
 public:
  SessionObjectStore(Store& store, transaction::Session& session) : store_(store), session_(session) {}

  Result<Address> put(ByteView content, const PutOptions& options) override;
  Result<Address> put_stream(const std::function<Result<std::size_t>(std::span<std::byte>)>& next,
                             const PutOptions& options) override;
  Result<Bytes> get(const Address& address) override;
  Result<void> get_stream(const Address& address, const std::function<Result<void>(ByteView)>& sink) override;
  Result<bool> exists(const Address& address) override;
  Result<ObjectInfo> info(const Address& address) override;
  Result<std::vector<ObjectInfo>> list(const std::optional<Address>& after, std::size_t limit) override;
  Result<std::uint64_t> count() override;
  Result<void> remove(const Address& address) override;
  Result<std::uint64_t> release(std::string_view owner) override;
  Result<CollectReport> collect() override;
  Result<std::vector<Address>> owned(std::string_view owner) override;

 private:
  using Context = transaction::Context;
  ObjectBuffer& buffer(Context& context);
  static const ObjectBuffer* buffer_if_any(const Context& context);

  /// Whether the object is there for this transaction.
  Result<bool> sees(Context& context, const State& state, const Address& address);
  /// Where its bytes are. Errors  not_found
  Result<Location> find(Context& context, const State& state, const Address& address);
  Result<ObjectInfo> info_of(Context& context, const State& state, const Address& address,
                             const std::vector<Subject>& at_view);
  Result<void> refer(Context& context, const Address& address, const std::string& owner);
  Result<Address> put_large(ByteView content, const Address& address, const PutOptions& options);

  Store& store_;
  transaction::Session& session_;
};

}  // namespace strata::store::object
