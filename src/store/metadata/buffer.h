#pragma once
/// What one transaction has done to the tables so far.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "store/metadata/mutation.h"
#include "store/metadata/schema.h"
#include "transaction/participant.h"
#include "transaction/session.h"

namespace strata::store::metadata {

class MetadataParticipant;

/// The key that DDL writes and every row change depends on.
inline constexpr transaction::KeyHash kSchemaKey = 0x736368656d610001;
transaction::KeyHash key_hash(const Table& table, std::string_view key);
/// What a statement that looks at a table depends on: any row of it. And any row of any table, for a statement that failed:
/// what it looked at is not known.
transaction::KeyHash table_predicate(std::string_view table);
inline constexpr transaction::KeyHash kAnyTablePredicate = 0x7461626c'65730001;

/// Threads: one at a time.
class MetadataBuffer final : public transaction::WriteBuffer {
 public:
  MetadataBuffer(MetadataParticipant& store, std::uint64_t id) : store_(store), id_(id) {}

  std::uint64_t id() const { return id_; }
  std::uint64_t revision() const { return revision_; }
  const std::vector<Step>& steps() const { return steps_; }
  bool has_ddl() const { return own_catalog_ != nullptr; }
  /// The tables as this transaction has defined them; nullptr when it defined none.
  const std::shared_ptr<const Catalog>& own_catalog() const { return own_catalog_; }

  /// The newest image of a row here; nullptr when this transaction did not touch it.
  const Image* find(std::string_view table, std::string_view key);
  void put(const Table& table, std::string_view key, std::string_view rest, bool marked);
  void remove(const Table& table, std::string_view key);
  void define(std::string_view sql, std::shared_ptr<const Catalog> catalog);
  /// The schema is noted as a dependency once.
  Result<void> depend_on_schema(transaction::Context& context);
  const std::shared_ptr<const Bytes>& section() const { return section_; }

  bool empty() const override { return steps_.empty(); }
  Result<void> prepare(transaction::Context& context) override;
  Result<void> validate(transaction::Context& context) override;
  void encode(core::Encoder& out) const override;
  void aborted() override;
  std::string describe(std::uint64_t key) const override;
  std::unique_ptr<Saved> save() override;
  void restore(const Saved& saved) override;
  Result<void> affects(transaction::Context& context, std::vector<std::uint64_t>& predicates) const override;

 private:
  struct Content {
    std::size_t steps;
    std::shared_ptr<const Catalog> own_catalog;
    bool depends_on_schema;
  };
  ImageSet& rows();

  MetadataParticipant& store_;
  const std::uint64_t id_;
  std::uint64_t revision_ = 0;
  std::vector<Step> steps_;
  std::shared_ptr<const Catalog> own_catalog_;
  bool depends_on_schema_ = false;
  bool sealed_ = false;                   // the last step belongs to a savepoint
  std::shared_ptr<const Bytes> section_;  // made by prepare
};

}  // namespace strata::store::metadata
