// remember: an atom becomes its part in every store, in one transaction.
#include <cmath>

#include "core/clock.h"
#include "core/excerpt.h"
#include "core/nesting.h"
#include "core/random.h"
#include "memory/atom_in.h"
#include "memory/local_memory.h"

namespace strata::memory {
namespace {

constexpr std::size_t kTextBytesMax = 64 << 20;
constexpr std::size_t kTagsMax = 1'000;
constexpr std::size_t kTagBytesMax = 1'024;  // of its key, and of its value
constexpr std::size_t kSourceBytesMax = 4'096;
constexpr std::size_t kActivationMax = 1 << 20;
constexpr std::string_view kRememberSavepoint = "strata:remember";
const core::SystemClock kClock;

Error invalid(const std::string& id, const std::string& what) {
  return Error(ErrorCode::invalid_argument, "memory \"" + core::excerpt(id) + "\": " + what);
}

/// The names that recall filters by and that are memory's own, not the user's metadata.
bool reserved(std::string_view name) {
  return name == "tags" || name == "source" || name == "modality" || name == "valid_from" || name == "valid_to" ||
         name == "snapshot" || name == "must" || name == "should" || name == "must_not" || name == "has_id";
}

Result<void> check(const Atom& atom, const std::string& id) {
  if (id.size() > kIdBytesMax) {
    return Error(ErrorCode::invalid_argument,
                 "an id has 1 to 1,024 bytes, not " + std::to_string(id.size()) + ": \"" + id.substr(0, 40) + "…\"");
  }
  if (id.find('\0') != std::string::npos) return invalid(id, "an id has no NUL bytes");
  if (atom.text.empty()) return invalid(id, "the text is empty");
  if (atom.source.size() > kSourceBytesMax) {
    return invalid(id, "the source has " + std::to_string(atom.source.size()) + " bytes; 4,096 are allowed");
  }
  if (atom.text.size() > kTextBytesMax) {
    return invalid(id, "the text has " + std::to_string(atom.text.size()) + " bytes; 67,108,864 are allowed");
  }
  if (atom.valid_from && atom.valid_to && *atom.valid_to <= *atom.valid_from) {
    return invalid(id, "valid_to (" + core::format_time(*atom.valid_to) + ") is not after valid_from (" +
                           core::format_time(*atom.valid_from) + ")");
  }
  if (atom.tags.size() > kTagsMax) return invalid(id, std::to_string(atom.tags.size()) + " tags; 1,000 are allowed");
  for (const MemoryTag& tag : atom.tags) {
    if (tag.key.empty()) return invalid(id, "a tag has an empty key");
    if (tag.key.size() > kTagBytesMax || tag.value.size() > kTagBytesMax) {
      return invalid(id, "key and value of a tag have at most 1,024 bytes each: \"" + core::excerpt(tag.key) + "\"");
    }
    if (tag.key.find('=') != std::string::npos) {
      return invalid(id, "the key of tag \"" + core::excerpt(tag.key) + "\" has a =");
    }
    if (!std::isfinite(tag.weight))
      return invalid(id, "the weight of tag \"" + core::excerpt(tag.key) + "\" is not a finite number");
  }
  for (const MemoryLink& link : atom.links) {
    if (link.target == id)
      return invalid(id, "a link of type \"" + core::excerpt(link.type) + "\" leads back to the memory itself");
    if (link.type.empty()) return invalid(id, "a link to \"" + core::excerpt(link.target) + "\" has no type");
  }
  if (!core::nests_within(atom.metadata)) {
    return invalid(id, "its metadata nests more than " + std::to_string(core::kNestingMax) + " deep");
  }
  for (const auto& [key, value] : atom.metadata) {
    if (reserved(key)) return invalid(id, "\"" + core::excerpt(key) + "\" is a reserved name in metadata");
  }
  if (atom.activation.size() > kActivationMax) {
    return invalid(id,
                   "the activation has " + std::to_string(atom.activation.size()) + " values; 1,048,576 are allowed");
  }
  for (const float value : atom.activation) {
    if (!std::isfinite(value)) return invalid(id, "the activation holds a value that is not finite");
  }
  return {};
}

Value time_or_null(const std::optional<Timestamp>& time) { return time ? Value(*time) : Value(); }
Value text_or_null(const std::string& text) { return text.empty() ? Value() : Value(text); }

std::string tag_text(const MemoryTag& tag) { return tag.value.empty() ? tag.key : tag.key + "=" + tag.value; }

}  // namespace

Map payload_of(const Atom& atom) {
  Map payload = atom.metadata;
  payload.set("modality", atom.modality);
  if (!atom.source.empty()) payload.set("source", atom.source);
  if (!atom.snapshot.empty()) payload.set("snapshot", atom.snapshot);
  if (atom.valid_from) payload.set("valid_from", *atom.valid_from);
  if (atom.valid_to) payload.set("valid_to", *atom.valid_to);
  if (!atom.tags.empty()) {
    Value::List tags;
    for (const MemoryTag& tag : atom.tags) {
      tags.emplace_back(tag.key);
      if (!tag.value.empty()) tags.emplace_back(tag_text(tag));
    }
    payload.set("tags", std::move(tags));
  }
  return payload;
}

Result<std::string> LocalMemory::remember(const Atom& atom) noexcept {
  std::vector<std::string> ids = STRATA_TRY(remember(std::span(&atom, 1)));
  return std::move(ids.front());
}

Result<std::vector<std::string>> LocalMemory::remember(std::span<const Atom> atoms) noexcept {
  std::vector<Prepared> prepared = STRATA_TRY(prepare_atoms(atoms));
  STRATA_TRY(retrying([&]() -> Result<Lsn> {
    // Asked before the transaction begins, so that its view has them.
    const bool places_known = STRATA_TRY(know_places(prepared));
    const auto transaction = STRATA_TRY(engine_.begin());
    if (!places_known) {
      for (const Prepared& atom : prepared) STRATA_TRY(ensure_places(*transaction, atom));
    }
    for (const Prepared& atom : prepared) STRATA_TRY(write(*transaction, atom, kClock.now()));
    for (const Prepared& atom : prepared) STRATA_TRY(link(*transaction, atom));
    const Lsn lsn = STRATA_TRY(transaction->commit());
    if (!places_known) keep_places(prepared);
    return lsn;
  }));
  std::vector<std::string> ids;
  ids.reserve(prepared.size());
  for (Prepared& atom : prepared) ids.push_back(std::move(atom.id));
  return ids;
}

// Whoever catches the error of a refused call may commit the rest: what the call had written is taken back.
Result<std::vector<std::string>> LocalMemory::remember(Transaction& transaction, std::span<const Atom> atoms) noexcept {
  const std::vector<Prepared> prepared = STRATA_TRY(prepare_atoms(atoms));
  STRATA_TRY(transaction.savepoint(kRememberSavepoint));
  auto written = [&]() -> Result<void> {
    for (const Prepared& atom : prepared) STRATA_TRY(ensure_places(transaction, atom));
    for (const Prepared& atom : prepared) STRATA_TRY(write(transaction, atom, kClock.now()));
    for (const Prepared& atom : prepared) STRATA_TRY(link(transaction, atom));
    return {};
  }();
  if (!written && transaction.active()) STRATA_TRY(transaction.rollback_to(kRememberSavepoint));
  if (transaction.active()) STRATA_TRY(transaction.release(kRememberSavepoint));
  STRATA_TRY(std::move(written));
  std::vector<std::string> ids;
  ids.reserve(prepared.size());
  for (const Prepared& atom : prepared) ids.push_back(atom.id);
  return ids;
}

Result<std::vector<LocalMemory::Prepared>> LocalMemory::prepare_atoms(std::span<const Atom> atoms) {
  std::vector<Prepared> prepared(atoms.size());
  std::vector<std::string> texts;  // of the atoms that bring no embedding
  std::vector<std::size_t> text_atoms;
  for (std::size_t i = 0; i < atoms.size(); ++i) {
    prepared[i].atom = &atoms[i];
    prepared[i].id_is_new = atoms[i].id.empty();
    prepared[i].id = atoms[i].id.empty() ? core::uuid_v7(kClock.now()) : atoms[i].id;
    STRATA_TRY(check(atoms[i], prepared[i].id));
    if (atoms[i].embedding.empty()) {
      texts.push_back(atoms[i].text);
      text_atoms.push_back(i);
    }
  }
  if (!texts.empty()) {
    auto embeddings = STRATA_TRY(embedder_->embed(texts));
    if (embeddings.size() != texts.size()) {
      return Error(ErrorCode::unavailable, "the embedder " + embedder_->model() + " gave " +
                                               std::to_string(embeddings.size()) + " embeddings for " +
                                               std::to_string(texts.size()) + " texts");
    }
    for (std::size_t i = 0; i < texts.size(); ++i) prepared[text_atoms[i]].made_embedding = std::move(embeddings[i]);
  }
  return prepared;
}

/// The part of one atom in each store but the edges: they come when all nodes of the batch are there.
Result<void> LocalMemory::write(Transaction& transaction, const Prepared& prepared, Timestamp now) {
  Stores& stores = transaction;
  const Atom& atom = *prepared.atom;
  const std::string& id = prepared.id;
  MetadataStore& metadata = stores.metadata();
  std::int64_t version = 1;
  bool exists = false;
  if (!prepared.id_is_new) {
    if (auto row = STRATA_TRY(metadata.get_row("atoms", {{"id", id}}))) {
      exists = true;
      version = *row->find("version")->integer() + 1;
      row->set("forgotten_at", Value());
      STRATA_TRY(metadata.put_row("atom_versions", *row));
      STRATA_TRY(remove_tags(transaction, id));
    } else if (STRATA_TRY(metadata.get_row("atom_versions", {{"id", id}, {"version", 1}}))) {
      // It was forgotten once. Its versions go on counting, so that the times of the forgotten ones stay.
      const Rows last = STRATA_TRY(metadata.query("select max(version) from atom_versions where id = ?", {Value(id)}));
      version = *last.rows[0][0].integer() + 1;
    }
  }
  if (!atom.snapshot.empty() && !STRATA_TRY(metadata.get_row("snapshots", {{"id", atom.snapshot}}))) {
    return Error(ErrorCode::not_found, "memory \"" + id + "\": no snapshot \"" + core::excerpt(atom.snapshot) + "\"");
  }

  const Address address = STRATA_TRY(stores.object().put(as_bytes(atom.text), {.owner = id}));
  Map row;
  row.set("created_at", now);
  row.set("id", id);
  row.set("lsn", kCommitLsn);
  row.set("metadata", atom.metadata.empty() ? Value() : Value(to_json(atom.metadata)));
  row.set("modality", atom.modality);
  row.set("object", Bytes(address.digest.begin(), address.digest.end()));
  row.set("snapshot_id", text_or_null(atom.snapshot));
  row.set("source", text_or_null(atom.source));
  row.set("valid_from", time_or_null(atom.valid_from));
  row.set("valid_to", time_or_null(atom.valid_to));
  row.set("version", version);
  STRATA_TRY(metadata.put_row("atoms", row));
  for (const MemoryTag& tag : atom.tags) {
    STRATA_TRY(
        metadata.put_row("tags", {{"atom_id", id}, {"key", tag.key}, {"value", tag.value}, {"weight", tag.weight}}));
  }

  const Point point{id, prepared.embedding(), payload_of(atom), atom.text};
  STRATA_TRY(stores.vector().upsert(kCollection, {&point, 1}));
  if (!exists) STRATA_TRY(stores.graph().put_node({id, {std::string(kLabel)}, {}}));
  const std::vector<Value> metrics{id, now, version, atom.text.size()};
  STRATA_TRY(stores.analytics().append(kMetricsTable, {&metrics, 1}));
  if (!atom.activation.empty()) {
    const std::uint64_t shape[] = {1, atom.activation.size()};
    STRATA_TRY(
        stores.array().append(kDataset, DataType::float32, shape, std::as_bytes(std::span(atom.activation)), id));
  }
  return stores.cache().set(std::string(kCachePrefix) + id, std::string_view(atom.text).substr(0, kCachedTextBytes),
                            options_.cache_ttl_ms);
}

Result<void> LocalMemory::link(Stores& stores, const Prepared& prepared) {
  for (const MemoryLink& link : prepared.atom->links) {
    auto edge = stores.graph().merge_edge(prepared.id, link.type, link.target, link.properties);
    if (!edge) return std::move(edge).error().with_context("memory \"" + prepared.id + "\"");
  }
  return {};
}

/// The tags of the present version, as the point's payload tells them. Where a row of theirs is not there, a user's SQL has
/// changed or removed it, and the rows say what else there is. Who only added one has added it for good: to find it,
/// SQLite would have to be asked each time, which costs more than the memory.
Result<void> LocalMemory::remove_tags(Transaction& transaction, const std::string& id) {
  Stores& stores = transaction;
  const auto remove = [&](const std::string& key, const std::string& value) {
    return stores.metadata().remove_row("tags", {{"atom_id", id}, {"key", key}, {"value", value}});
  };
  const auto point = STRATA_TRY(stores.vector().get(kCollection, id, false));
  const Value* tags = point ? point->payload.find("tags") : nullptr;
  if (tags == nullptr || tags->list() == nullptr) return {};
  std::string with_value;  // the key before: a tag with a value is told without it, too, and right before
  bool changed = false;
  for (auto tag = tags->list()->rbegin(); tag != tags->list()->rend(); ++tag) {
    const std::string& text = *tag->text();
    const std::size_t equals = text.find('=');
    const bool whole = equals == std::string::npos;
    const std::string key = text.substr(0, equals);
    const bool there = STRATA_TRY(remove(key, whole ? "" : text.substr(equals + 1)));
    changed |= !there && !(whole && key == with_value);
    with_value = whole ? "" : key;
  }
  if (!changed) return {};
  // Beside the transaction, where SQL need not be shown what the transaction has written.
  const auto view = STRATA_TRY(engine_.view(AsOf::at(transaction.view_lsn())));
  const Rows rows = STRATA_TRY(view->metadata().query("select key, value from tags where atom_id = ?", {Value(id)}));
  for (const auto& row : rows.rows) STRATA_TRY(remove(*row[0].text(), *row[1].text()));
  return {};
}

/// Whether the collection and the dataset that these atoms need are known to be committed.
Result<bool> LocalMemory::know_places(std::span<const Prepared> prepared) {
  const core::MutexLock lock(prepared_mutex_);
  for (const Prepared& atom : prepared) {
    const std::size_t dimension = atom.embedding().size(), row_length = atom.atom->activation.size();
    if (dimension_ != 0 && dimension_ != dimension) return other_dimension(dimension_, dimension);
    if (dimension_ == 0) return false;
    if (row_length == 0) continue;
    if (row_length_ != 0 && row_length_ != row_length) return other_row_length(row_length_, row_length);
    if (row_length_ == 0) return false;
  }
  return true;
}

void LocalMemory::keep_places(std::span<const Prepared> committed) {
  const core::MutexLock lock(prepared_mutex_);
  for (const Prepared& atom : committed) {
    dimension_ = static_cast<std::uint32_t>(atom.embedding().size());
    if (!atom.atom->activation.empty()) row_length_ = atom.atom->activation.size();
  }
}

/// The collection and the dataset that an atom needs are part of the transaction that needs them first: rolled back or
/// refused, nothing is left behind; made by somebody else after its view, its commit is a conflict.
Result<void> LocalMemory::ensure_places(Transaction& transaction, const Prepared& prepared) {
  STRATA_TRY(ensure_collection(transaction, prepared.embedding().size()));
  if (prepared.atom->activation.empty()) return {};
  return ensure_dataset(transaction, prepared.atom->activation.size());
}

Result<void> LocalMemory::ensure_collection(Stores& stores, std::size_t dimension) {
  if (const auto there = stores.vector().collection(kCollection)) {
    if (there->options.dimension != dimension) return other_dimension(there->options.dimension, dimension);
    return check_embedder(stores);
  } else if (there.error().code() != ErrorCode::not_found) {
    return there.error().clone();
  }
  if (const std::uint32_t made = embedder_->dimension(); made != 0 && made != dimension) {
    return Error(ErrorCode::invalid_argument, "an embedding of " + std::to_string(dimension) +
                                                  " dimensions does not fit the embedder " + embedder_->model() +
                                                  ", whose have " + std::to_string(made));
  }
  STRATA_TRY(stores.vector().create_collection(
      kCollection, {.dimension = static_cast<std::uint32_t>(dimension), .metric = Metric::cosine, .words = true}));
  return stores.metadata().set(kEmbedderSetting, Map{{"model", embedder_->model()}, {"dimension", dimension}});
}

Result<void> LocalMemory::ensure_dataset(Stores& stores, std::size_t row_length) {
  if (const auto there = stores.array().dataset(kDataset)) {
    const auto& shape = there->options.row_shape;
    if (shape.size() == 1 && shape.front() == row_length) return {};
    return other_row_length(shape.empty() ? 1 : shape.front(), row_length);
  } else if (there.error().code() != ErrorCode::not_found) {
    return there.error().clone();
  }
  DatasetOptions options;
  options.row_shape = {row_length};
  return stores.array().create_dataset(kDataset, options);
}

Error LocalMemory::other_dimension(std::size_t there, std::size_t given) const {
  return Error(ErrorCode::invalid_argument, "this memory holds embeddings of " + std::to_string(there) +
                                                " dimensions (" + embedder_->model() + "); this one has " +
                                                std::to_string(given));
}

Error LocalMemory::other_row_length(std::size_t there, std::size_t given) const {
  return Error(ErrorCode::invalid_argument, "activations of this memory have " + std::to_string(there) +
                                                " values; this one has " + std::to_string(given));
}

}  // namespace strata::memory
