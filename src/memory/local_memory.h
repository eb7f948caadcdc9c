#pragma once
/// Memory over an engine. Split by verb: remember.cc, recall.cc, history.cc (get, history, forget, snapshots),
/// agreement.cc (do the stores agree?).
#include <unordered_map>

#include "core/mutex.h"
#include "memory/schema.h"

namespace strata::memory {

/// What recall filters by: the payload of the point.
Map payload_of(const Atom& atom);

class LocalMemory final : public Memory {
 public:
  LocalMemory(Engine& engine, const MemoryOptions& options, std::unique_ptr<Embedder> embedder)
      : engine_(engine), options_(options), embedder_(std::move(embedder)) {}
  Result<void> prepare();

  Result<std::string> remember(const Atom& atom) noexcept override;
  Result<std::vector<std::string>> remember(std::span<const Atom> atoms) noexcept override;
  Result<std::vector<std::string>> remember(Transaction& transaction, std::span<const Atom> atoms) noexcept override;
  Result<std::optional<StoredAtom>> get(std::string_view id, const AsOf& as_of) noexcept override;
  Result<std::vector<Recalled>> recall(const RecallOptions& options) noexcept override;
  Result<Recalled> why(std::string_view id, const RecallOptions& options) noexcept override;
  Result<std::vector<StoredAtom>> history(std::string_view id) noexcept override;
  Result<ForgetReceipt> forget(std::string_view id) noexcept override;
  Result<SnapshotInfo> snapshot(std::string_view id, std::string_view notes) noexcept override;
  Result<std::vector<SnapshotInfo>> snapshots() noexcept override;
  Result<std::uint64_t> count() noexcept override;
  Result<AgreementReport> check_agreement(bool repair, const Progress& progress) noexcept override;
  const Embedder& embedder() const override { return *embedder_; }

 private:
  struct Prepared;   // one atom on its way in: id made, embedding there, everything checked
  struct Candidate;  // one memory on its way out of recall
  class Agreement;   // one check whether the stores agree

  Result<std::vector<Prepared>> prepare_atoms(std::span<const Atom> atoms);
  Result<bool> know_places(std::span<const Prepared> prepared);
  void keep_places(std::span<const Prepared> committed);
  Result<void> ensure_places(Transaction& transaction, const Prepared& prepared);
  Error other_dimension(std::size_t there, std::size_t given) const;
  Error other_row_length(std::size_t there, std::size_t given) const;
  Result<std::vector<std::string>> tables_there();
  Result<void> check_names_are_free();
  Result<void> replace_dropped_tables();
  Result<void> check_embedder(Stores& stores);
  Result<void> ensure_collection(Stores& stores, std::size_t dimension);
  Result<void> ensure_dataset(Stores& stores, std::size_t row_length);
  Result<void> write(Transaction& transaction, const Prepared& atom, Timestamp now);
  Result<void> link(Stores& stores, const Prepared& atom);
  Result<void> remove_tags(Transaction& transaction, const std::string& id);
  /// Takes every part of a memory out of every store, and tells how many there were; `row` is null where none is left.
  Result<std::map<std::string, std::uint64_t>> remove_parts(Transaction& tx, const std::string& id, const Map* row,
                                                            Timestamp now);
  Result<ForgetReceipt> forget_once(const std::string& id);
  Result<SnapshotInfo> snapshot_once(std::string_view id, std::string_view notes);
  Result<std::vector<float>> embed_query(const RecallOptions& options);
  Result<std::map<std::string, std::uint32_t>> reach_near(Stores& view, const RecallOptions& options);
  Result<std::vector<Candidate>> find_candidates(Stores& view, const RecallOptions& options, std::size_t wanted);
  Result<Recalled> describe(Stores& view, Candidate candidate, const RecallOptions& options);
  Result<void> join_neighbours(Stores& view, const RecallOptions& options,
                               std::unordered_map<std::string, Candidate>& found);
  Result<std::vector<Candidate>> keep_admitted(Stores& view, const Filter& conditions, std::size_t wanted,
                                               std::vector<Candidate> candidates);
  Result<std::string> read_text(Stores& view, const Map& row);
  Result<StoredAtom> read_atom(Stores& view, const Map& row, bool with_tags_and_links);

  /// Runs the body, a whole transaction, again when another committer was first.
  template <typename Body>
  static auto retrying(Body&& body) -> std::invoke_result_t<Body&> {
    constexpr int kConflictRetries = 64;
    for (int retries = kConflictRetries;; --retries) {
      auto result = body();
      if (result || retries == 0 || result.error().code() != ErrorCode::conflict) return result;
    }
  }

  Engine& engine_;
  const MemoryOptions options_;
  const std::unique_ptr<Embedder> embedder_;
  core::Mutex prepared_mutex_;
  std::uint32_t dimension_ STRATA_GUARDED_BY(prepared_mutex_) = 0;   // of the collection; 0: not made yet
  std::uint64_t row_length_ STRATA_GUARDED_BY(prepared_mutex_) = 0;  // of the dataset; 0: not made yet
};

}  // namespace strata::memory
