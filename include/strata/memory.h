#pragma once
/// Memory: what an AI application wants to say to a database. An atom is one remembered thing; it has one id in every
/// store: a row, a vector, an object, a node with edges, array rows, metrics and a cache entry, written together.
///
///     auto memory = STRATA_TRY(Memory::open(*db));
///     auto id = STRATA_TRY(memory->remember({.text = "The build broke because …", .tags = {{"ci", "", 0.9}}}));
///     for (const Recalled& hit : STRATA_TRY(memory->recall({.text = "why did the build break?", .hops = 2}))) …
///
/// Bi-temporal: system time is the LSN (when we knew it), valid time is the user's (when it was true). Written on the
/// public surface of the stores alone.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "strata/engine.h"
#include "strata/operations.h"

namespace [[gnu::visibility("default")]] strata {

/// Turns text into embeddings. Threads: any.
class Embedder {
 public:
  virtual ~Embedder() = default;
  virtual std::string model() const = 0;        ///< stored with the database; another one is refused
  virtual std::uint32_t dimension() const = 0;  ///< 0: cannot embed, or not known yet (no answer)
  /// One embedding per text. Errors  unavailable (endpoint), invalid_argument, unsupported (`none`)
  virtual Result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts) = 0;
};

/// "none"                           no embedder: embeddings come with the calls (dimension from the first one)
/// "lexical"                        built in: hashed words and character trigrams, 384 dimensions. It finds shared words and
///                                  spellings, not meanings; good for trying out and for tests
/// "command:<program and arguments>" run once per batch: JSON lines {"text"} in, {"embedding": […]} out
/// "http://host:port/v1#model"      an OpenAI-compatible embeddings endpoint (https too); the key from STRATA_EMBEDDER_KEY
Result<std::unique_ptr<Embedder>> make_embedder(std::string_view description);

struct MemoryOptions {
  /// As make_embedder takes it; the first memory keeps its name. Empty: the database's own, where `lexical` and `none` are found
  /// by their names; of another only the name is known: reading works, and what must be embedded is failed_precondition.
  std::string embedder = "lexical";
  std::int64_t cache_ttl_ms = 3'600'000;
};

struct MemoryTag {
  std::string key = {};
  std::string value = {};
  double weight = 1.0;
};

struct MemoryLink {
  std::string type = {};    ///< edge type, "caused_by"
  std::string target = {};  ///< id of an atom; must exist, or be remembered in the same batch
  Map properties = {};
};

/// What to remember.
struct Atom {
  std::string id = {};    ///< empty: a UUIDv7 is made. An existing id is a new version of that memory
  std::string text = {};  ///< up to 64 MiB of UTF-8, not empty; blanks alone are a text
  std::string modality = "text";
  std::vector<MemoryTag> tags = {};
  std::vector<MemoryLink> links = {};
  std::vector<float> embedding = {};  ///< empty: the database's embedder makes it
  std::optional<Timestamp> valid_from = {}, valid_to = {};
  std::string source = {};             ///< where it comes from: "ci/4711"
  Map metadata = {};                   ///< the user's own; filterable in recall
  std::string snapshot = {};           ///< id of the snapshot it belongs to; empty: none
  std::vector<float> activation = {};  ///< a row for the array "activations"; all of one length
};

/// A memory as it is stored.
struct StoredAtom {
  Atom atom = {};             ///< embedding only when asked for
  std::uint64_t version = 0;  ///< 1 for the first
  Lsn lsn = 0;                ///< of the commit that wrote this version
  Timestamp created_at = 0;   ///< of this version
  bool forgotten = false;     ///< this version says: forgotten
};

struct RecallOptions {
  std::string text = {};                     ///< what to look for, by meaning and by words
  std::vector<float> embedding = {};         ///< instead of, or beside, text
  std::size_t k = 10;                        ///< 1 … 1,000
  std::vector<std::string> tags = {};        ///< every one of them must be there: "ci" or "ci=value"
  Filter filter = {};                        ///< over metadata, source, modality (and tags)
  std::string near = {};                     ///< id of an atom; with hops: only what is reachable from it
  std::uint32_t hops = 0;                    ///< from `near`; without `near`: neighbours of the best hits join in
  std::vector<std::string> link_types = {};  ///< the edges that hops may follow; empty: all
  Direction direction = Direction::both;     ///< of the edges that hops follow, seen from `near`
  std::optional<Timestamp> valid_at = {};    ///< only what was true then
  AsOf as_of = {};                           ///< as the database was then
  bool with_text = true;
};

/// Why a memory was recalled: its rank and score in each store that spoke for it.
struct Why {
  std::uint32_t vector_rank = 0;  ///< 1 is best; 0: not among the candidates
  float vector_score = 0;
  std::uint32_t words_rank = 0;
  float words_score = 0;
  std::uint32_t hops = 0;              ///< from `near` or from the hit that brought it in
  std::vector<std::string> path = {};  ///< ids from there to here
};

struct Recalled {
  std::string id = {};
  double score = 0;  ///< reciprocal rank fusion of the stores, 0 … 1
  std::string text = {};
  Map metadata = {};
  Why why = {};
};

/// What `forget` did: enough to prove it.
struct ForgetReceipt {
  std::string id = {};
  Lsn lsn = 0;
  Timestamp time = 0;
  std::map<std::string, std::uint64_t> removed = {};  ///< per store: how many items
  std::string hash = {};                              ///< SHA-256 over the fields above, in hexadecimal digits
};

struct SnapshotInfo {
  std::string id = {};
  std::string hash = {};  ///< SHA-256 over the atoms (id, version) it holds and its parent's hash
  std::string parent = {};
  std::string notes = {};
  Timestamp created_at = 0;
  Lsn lsn = 0;
};

/// Where the stores disagree about one memory.
struct Disagreement {
  std::string id = {};
  std::string store = {};
  std::string what = {};
  bool repaired = false;
};

struct AgreementReport {
  std::uint64_t atoms = 0;                            ///< looked at
  std::map<std::string, std::uint64_t> present = {};  ///< per store: how many of them have their part there
  std::vector<Disagreement> disagreements = {};
};

/// Threads: any.
class Memory {
 public:
  virtual ~Memory() = default;
  /// Prepares the tables, collection and datasets on first use.
  /// Errors  failed_precondition (the database was filled with another embedder: both models and dimensions are named)
  static Result<std::unique_ptr<Memory>> open(Engine& engine, const MemoryOptions& options = {});

  /// One memory, one commit over all stores. Returns its id.
  /// Errors  invalid_argument (empty text, dimension, NaN, a cyclic link to itself, valid_to before valid_from), not_found
  ///         (a link's target, a snapshot), unavailable (embedder)
  virtual Result<std::string> remember(const Atom& atom) = 0;
  /// Many memories, one commit. Links may point at each other.
  virtual Result<std::vector<std::string>> remember(std::span<const Atom> atoms) = 0;
  /// As remember, inside the caller's transaction, which after an error is what it was before the call.
  /// Errors  also resource_exhausted (the transaction has 100 savepoints: this takes one, for as long as the call lasts)
  /// Cost    also a copy of what the transaction holds: many memories are remembered in one call
  virtual Result<std::vector<std::string>> remember(Transaction& transaction, std::span<const Atom> atoms) = 0;

  virtual Result<std::optional<StoredAtom>> get(std::string_view id, const AsOf& as_of = {}) = 0;
  virtual Result<std::vector<Recalled>> recall(const RecallOptions& options) = 0;
  /// Why this memory answers to that question, whatever its rank.
  virtual Result<Recalled> why(std::string_view id, const RecallOptions& options) = 0;
  /// Every version, newest first; forgotten ones keep their times and lose their content.
  virtual Result<std::vector<StoredAtom>> history(std::string_view id) = 0;
  /// Removes a memory from every store in one commit. Errors  not_found
  virtual Result<ForgetReceipt> forget(std::string_view id) = 0;

  /// Names the present set of memories: a hash over them and over the parent snapshot. The database gets a tag of the
  /// same name, so that view(as_of = id) shows it.
  virtual Result<SnapshotInfo> snapshot(std::string_view id, std::string_view notes = {}) = 0;
  virtual Result<std::vector<SnapshotInfo>> snapshots() = 0;
  virtual Result<std::uint64_t> count() = 0;

  /// Does every store hold its part of every memory, say what the row says, and hold nothing of a memory without a row?
  /// Compared are the payload (modality, source, snapshot, valid times, tags, metadata), the texts of all versions and that
  /// the memory keeps them, the node and its label, the metric rows. Nothing else knows the vector, the words, links, the
  /// weights of tags and activations: they are not compared. With `repair`, what can be made again from the other stores is,
  /// a payload is made from its row, and what is left of a memory without a row is removed from every store.
  virtual Result<AgreementReport> check_agreement(bool repair = false, const Progress& progress = {}) = 0;

  virtual const Embedder& embedder() const = 0;
};

}  // namespace strata
