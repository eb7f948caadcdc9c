#include "store/object/object_session.h"

#include <algorithm>

namespace strata::store::object {
namespace {

using transaction::Context;

constexpr std::size_t kStreamPieceBytes = 256 << 10;
/// A smaller content nobody asked to compress waits for its pack, where the dictionary of many makes half of what LZ4 would
/// leave; until then LZ4 would cost every committer 3 µs a KiB to save the journal bytes that it drops at the checkpoint.
constexpr std::size_t kCompressedAtOnceBytes = 8 << 10;

Error not_there(const Address& address) {
  return Error(ErrorCode::not_found, "no object has the address " + address.to_string());
}

Result<void> check_options(const PutOptions& options) {
  if (options.owner.size() > kOwnerBytesMax) {
    return Error(ErrorCode::invalid_argument, "an owner's name may have " + std::to_string(kOwnerBytesMax) +
                                                  " bytes; this one has " + std::to_string(options.owner.size()));
  }
  return {};
}

/// Distinct from existence keys: ends of references meet among themselves, never with puts.
transaction::KeyHash ending_key(const FactKey& key) {
  constexpr std::uint64_t kSeed = 0x656e64;  // "end"
  return core::xxh3_64(ByteView(reinterpret_cast<const std::byte*>(&key), sizeof key), kSeed);
}

/// What answers depend on that are not about one object's existence. One reference; the references of an object; those of
/// an owner; all objects; all references.
transaction::KeyHash reference_predicate(const FactKey& key) {
  constexpr std::uint64_t kSeed = 0x66616374;  // "fact"
  return core::xxh3_64(ByteView(reinterpret_cast<const std::byte*>(&key), sizeof key), kSeed);
}
transaction::KeyHash references_predicate(const Address& address) {
  constexpr std::uint64_t kSeed = 0x72656673;  // "refs"
  return core::xxh3_64(address.digest, kSeed);
}
transaction::KeyHash owner_predicate(const Subject& subject) {
  constexpr std::uint64_t kSeed = 0x6f776e6572;  // "owner"
  return core::xxh3_64(subject.id, kSeed);
}
constexpr transaction::KeyHash kObjectsPredicate = 0x6f626a65'63740001;
constexpr transaction::KeyHash kReferencesPredicate = 0x6f626a65'63740002;

}  // namespace

// ------------------------------------------------------------------------------------------------ the buffer

Result<void> ObjectBuffer::validate(Context& context) {
  const std::shared_ptr<const State> state = store_.state();
  for (const Address& address : relied_on) {
    if (STRATA_TRY(state->exists(address, context.view_lsn()))) continue;
    return Error(ErrorCode::conflict, "object " + address.to_string() +
                                          " was collected after this transaction found it. Run the transaction again.");
  }
  return {};
}

void ObjectBuffer::encode(core::Encoder& out) const {
  Mutation mutation;
  mutation.small.reserve(small.size());
  for (const auto& [address, content] : small) {
    mutation.small.push_back({address, content->asked, content->compression, content->bytes, content->stored});
  }
  for (const auto& [address, file] : large) mutation.large.push_back({address, file});
  mutation.references.reserve(references.size());
  for (const auto& [key, reference] : references) {
    mutation.references.push_back({key.address, reference.owner, reference.alive});
  }
  mutation.collected.assign(collected.begin(), collected.end());
  object::encode(mutation, out);
}

Result<void> ObjectBuffer::affects(transaction::Context&, std::vector<std::uint64_t>& predicates) const {
  if (!small.empty() || !large.empty() || !collected.empty()) predicates.push_back(kObjectsPredicate);
  if (!references.empty()) predicates.push_back(kReferencesPredicate);
  for (const auto& [key, reference] : references) {
    predicates.push_back(reference_predicate(key));
    predicates.push_back(references_predicate(key.address));
    predicates.push_back(owner_predicate(key.subject));
  }
  return {};
}

void ObjectBuffer::aborted() {
  for (const auto& [address, file] : large) {
    (void)store_.files().remove(large_file_name(address, file.sequence));  // best effort: recovery removes the rest
  }
  large.clear();
}

void ObjectBuffer::drop_unreferenced(CollectReport& report) {
  std::set<std::array<std::byte, 16>> subjects;
  const auto unreferenced = [&](const Address& address, std::uint64_t stored_bytes) {
    subjects.clear();
    overlay(address, subjects);
    if (!subjects.empty()) return false;
    ++report.objects;
    report.bytes += stored_bytes;
    return true;
  };
  std::erase_if(small, [&](const auto& entry) { return unreferenced(entry.first, entry.second->stored.size()); });
  std::erase_if(large, [&](const auto& entry) {
    if (!unreferenced(entry.first, entry.second.stored_bytes)) return false;
    (void)store_.files().remove(large_file_name(entry.first, entry.second.sequence));  // best effort, as in aborted
    return true;
  });
}

std::unique_ptr<ObjectBuffer::Saved> ObjectBuffer::save() {
  return std::make_unique<transaction::SavedCopy<Content>>(Content{small, large, references, collected, relied_on});
}

void ObjectBuffer::restore(const Saved& saved) {
  const Content& before = transaction::SavedCopy<Content>::of(saved);
  std::erase_if(large, [&](const auto& entry) { return before.large.contains(entry.first); });
  aborted();  // of the files, those written since
  small = before.small;
  large = before.large;
  references = before.references;
  collected = before.collected;
  relied_on = before.relied_on;
}

std::string ObjectBuffer::describe(std::uint64_t key) const {
  for (const std::set<Address>* addresses : {&collected, &relied_on}) {
    for (const Address& address : *addresses) {
      if (existence_key(address) == key) return "object:" + address.to_string();
    }
  }
  for (const auto& [fact, reference] : references) {
    if (ending_key(fact) == key) return "object:" + fact.address.to_string() + " (a reference to it)";
  }
  return "an object that was read";
}

void ObjectBuffer::overlay(const Address& address, std::set<std::array<std::byte, 16>>& subjects) const {
  for (auto at = references.lower_bound({address, kObject}); at != references.end() && at->first.address == address;
       ++at) {
    if (at->second.alive) {
      subjects.insert(at->first.subject.id);
    } else {
      subjects.erase(at->first.subject.id);
    }
  }
}

// ------------------------------------------------------------------------------------------------ the session

std::unique_ptr<ObjectStore> Store::session(transaction::Session& session) {
  return std::make_unique<SessionObjectStore>(*this, session);
}

ObjectBuffer& SessionObjectStore::buffer(Context& context) {
  return context.buffer<ObjectBuffer>(StoreKind::object, [&] { return std::make_unique<ObjectBuffer>(store_); });
}

const ObjectBuffer* SessionObjectStore::buffer_if_any(const Context& context) {
  return context.buffer_if_any<ObjectBuffer>(StoreKind::object);
}

Result<bool> SessionObjectStore::sees(Context& context, const State& state, const Address& address) {
  if (const ObjectBuffer* own = buffer_if_any(context)) {
    if (own->holds(address)) return true;
    if (own->collected.contains(address)) return false;
  }
  const bool there = STRATA_TRY(state.exists(address, context.view_lsn()));
  context.note_read(StoreKind::object, there ? existence_key(address) : creation_key(address));
  return there;
}

Result<Location> SessionObjectStore::find(Context& context, const State& state, const Address& address) {
  if (!STRATA_TRY(sees(context, state, address))) return not_there(address);
  if (const ObjectBuffer* own = buffer_if_any(context)) {
    if (const auto small = own->small.find(address); small != own->small.end()) return Location(small->second);
    if (const auto large = own->large.find(address); large != own->large.end()) return Location(large->second);
  }
  return state.locate(address);
}

// ---- writing

/// Adds a reference. Always into the record, also when it is there at the view: another may be ending it right now.
Result<void> SessionObjectStore::refer(Context& context, const Address& address, const std::string& owner) {
  ObjectBuffer& own = buffer(context);
  own.references[{address, subject_of(owner)}] = {owner, true};
  if (!own.holds(address)) {
    own.collected.erase(address);
    own.relied_on.insert(address);
    // The bytes are not in our record, so a collect between view and commit must stop us, at any isolation (I4).
    context.note_dependency(StoreKind::object, existence_key(address));
  }
  return context.charge(64 + owner.size());
}

Result<Address> SessionObjectStore::put(ByteView content, const PutOptions& options) {
  STRATA_TRY(check_options(options));
  const Address address{core::sha256(content)};
  if (content.size() > kInlineBytesMax) return put_large(content, address, options);
  return session_.write([&](Context& context) -> Result<Address> {
    ObjectBuffer& own = buffer(context);
    const bool known = own.holds(address) || STRATA_TRY(store_.state()->exists(address, context.view_lsn()));
    if (!known) {
      auto fresh = std::make_shared<Content>();
      const bool waits = options.compression == Compression::automatic && content.size() < kCompressedAtOnceBytes;
      Compressed stored = compress(content, waits ? Compression::none : options.compression, Compression::lz4);
      fresh->asked = options.compression;
      fresh->compression = stored.compression;
      fresh->bytes = static_cast<std::uint32_t>(content.size());
      fresh->stored = std::move(stored.bytes);
      STRATA_TRY(context.charge(fresh->stored.size() + 64));
      own.small.emplace(address, std::move(fresh));
      context.note_effect(StoreKind::object, creation_key(address));
    }
    STRATA_TRY(refer(context, address, options.owner));
    return address;
  });
}

Result<Address> SessionObjectStore::put_large(ByteView content, const Address& address, const PutOptions& options) {
  return session_.write([&](Context& context) -> Result<Address> {
    ObjectBuffer& own = buffer(context);
    const bool known = own.holds(address) || STRATA_TRY(store_.state()->exists(address, context.view_lsn()));
    if (!known) {
      auto writer = STRATA_TRY(LargeObjectWriter::create(store_.files(), store_.next_sequence(), options.compression));
      STRATA_TRY(writer->append(content));
      own.large.emplace(address, STRATA_TRY(writer->finish()).file);
      context.note_effect(StoreKind::object, creation_key(address));
      STRATA_TRY(context.charge(128));
    }
    STRATA_TRY(refer(context, address, options.owner));
    return address;
  });
}

Result<Address> SessionObjectStore::put_stream(const std::function<Result<std::size_t>(std::span<std::byte>)>& next,
                                               const PutOptions& options) {
  STRATA_TRY(check_options(options));
  // 1. What ends within 64 KiB is an ordinary put.
  Bytes piece(kStreamPieceBytes);
  std::size_t filled = 0;
  while (filled <= kInlineBytesMax) {
    const std::size_t got = STRATA_TRY(next(std::span(piece).subspan(filled)));
    if (got == 0) return put(ByteView(piece).first(filled), options);
    filled += got;
  }
  // 2. The rest goes to its file, outside of the transaction: the source may be slow.
  auto writer = STRATA_TRY(LargeObjectWriter::create(store_.files(), store_.next_sequence(), options.compression));
  while (filled > 0) {
    STRATA_TRY(writer->append(ByteView(piece).first(filled)));
    filled = STRATA_TRY(next(piece));
  }
  const LargeObjectWriter::Finished finished = STRATA_TRY(writer->finish());
  // 3. Only now its address is known: it may be there already.
  bool used = false;
  auto done = session_.write([&](Context& context) -> Result<Address> {
    ObjectBuffer& own = buffer(context);
    const Address& address = finished.address;
    used = !own.holds(address) && !STRATA_TRY(store_.state()->exists(address, context.view_lsn()));
    if (used) {
      own.large.emplace(address, finished.file);
      context.note_effect(StoreKind::object, creation_key(address));
      STRATA_TRY(context.charge(128));
    }
    STRATA_TRY(refer(context, address, options.owner));
    return address;
  });
  // From the moment the buffer held it, the buffer removes it when the transaction does not commit.
  if (!used) (void)store_.files().remove(large_file_name(finished.address, finished.file.sequence));
  return done;
}

Result<void> SessionObjectStore::remove(const Address& address) {
  return session_.write([&](Context& context) -> Result<void> {
    ObjectBuffer& own = buffer(context);
    const FactKey pin{address, kPin};
    context.note_scan(StoreKind::object, reference_predicate(pin));
    const auto mine = own.references.find(pin);
    const bool at_view = STRATA_TRY(store_.state()->alive(pin, context.view_lsn()));
    const bool alive = mine != own.references.end() ? mine->second.alive : at_view;
    if (!alive) return not_there(address);
    if (!at_view) {
      own.references.erase(mine);
      return {};
    }
    STRATA_TRY(context.note_write(StoreKind::object, ending_key(pin)));
    own.references[pin] = {"", false};
    return context.charge(64);
  });
}

Result<std::uint64_t> SessionObjectStore::release(std::string_view owner) {
  if (owner.empty()) return Error(ErrorCode::invalid_argument, "an owner has a name; pins are ended by remove");
  return session_.write([&](Context& context) -> Result<std::uint64_t> {
    ObjectBuffer& own = buffer(context);
    const Subject subject = subject_of(owner);
    std::uint64_t ended = 0;
    std::set<Address> at_view;
    context.note_scan(StoreKind::object, owner_predicate(subject));
    const auto owned = STRATA_TRY(store_.state()->owned(subject, context.view_lsn()));
    for (const Address& address : owned) {
      STRATA_TRY(context.note_write(StoreKind::object, ending_key({address, subject})));
    }
    for (const Address& address : owned) {
      at_view.insert(address);
      const FactKey key{address, subject};
      auto& reference =
          own.references.try_emplace(key, ObjectBuffer::Reference{std::string(owner), true}).first->second;
      if (!reference.alive) continue;
      reference.alive = false;
      STRATA_TRY(context.charge(64 + owner.size()));
      ++ended;
    }
    for (auto at = own.references.begin(); at != own.references.end();) {
      const bool mine_alone = at->first.subject == subject && at->second.alive && !at_view.contains(at->first.address);
      ended += mine_alone ? 1 : 0;
      at = mine_alone ? own.references.erase(at) : std::next(at);
    }
    return ended;
  });
}

Result<CollectReport> SessionObjectStore::collect() {
  return session_.write([&](Context& context) -> Result<CollectReport> {
    ObjectBuffer& own = buffer(context);
    CollectReport report;
    context.note_scan(StoreKind::object, kObjectsPredicate);
    context.note_scan(StoreKind::object, kReferencesPredicate);
    const std::shared_ptr<const State> state = store_.state();
    std::set<std::array<std::byte, 16>> subjects;
    STRATA_TRY(state->scan(context.view_lsn(), std::nullopt,
                           [&](const Address& address, const std::vector<Subject>& references) -> Result<bool> {
                             subjects.clear();
                             for (const Subject& subject : references) subjects.insert(subject.id);
                             own.overlay(address, subjects);
                             if (!subjects.empty() || own.holds(address) || !own.collected.insert(address).second)
                               return true;
                             context.note_claim(StoreKind::object, existence_key(address));  // of any number
                             STRATA_TRY(context.charge(64));
                             ++report.objects;
                             report.bytes += STRATA_TRY(info_of(context, *state, address, references)).stored_bytes;
                             return true;
                           }));
    own.drop_unreferenced(report);
    return report;
  });
}

// ---- reading

Result<Bytes> SessionObjectStore::get(const Address& address) {
  return session_.read([&](Context& context) -> Result<Bytes> {
    const std::shared_ptr<const State> state = store_.state();
    return store_.read(address, STRATA_TRY(find(context, *state, address)));
  });
}

Result<void> SessionObjectStore::get_stream(const Address& address, const std::function<Result<void>(ByteView)>& sink) {
  return session_.read([&](Context& context) -> Result<void> {
    const std::shared_ptr<const State> state = store_.state();
    const Location location = STRATA_TRY(find(context, *state, address));
    if (const auto* large = std::get_if<LargeFile>(&location)) {
      return read_large_object(store_.files(), address, *large, sink);
    }
    const Bytes content = STRATA_TRY(store_.read(address, location));
    return content.empty() ? Result<void>() : sink(content);
  });
}

Result<std::vector<Address>> SessionObjectStore::owned(std::string_view owner) {
  if (owner.empty()) return Error(ErrorCode::invalid_argument, "an owner has a name; pins have none");
  return session_.read([&](Context& context) -> Result<std::vector<Address>> {
    const Subject subject = subject_of(owner);
    context.note_scan(StoreKind::object, owner_predicate(subject));
    std::vector<Address> found = STRATA_TRY(store_.state()->owned(subject, context.view_lsn()));
    const ObjectBuffer* own = buffer_if_any(context);
    if (own == nullptr) return found;
    for (const auto& [key, reference] : own->references) {
      if (key.subject != subject) continue;
      std::erase(found, key.address);
      if (reference.alive) found.push_back(key.address);
    }
    std::sort(found.begin(), found.end());
    return found;
  });
}

Result<bool> SessionObjectStore::exists(const Address& address) {
  return session_.read([&](Context& context) { return sees(context, *store_.state(), address); });
}

Result<ObjectInfo> SessionObjectStore::info_of(Context& context, const State& state, const Address& address,
                                               const std::vector<Subject>& at_view) {
  std::set<std::array<std::byte, 16>> subjects;
  for (const Subject& subject : at_view) subjects.insert(subject.id);
  if (const ObjectBuffer* own = buffer_if_any(context)) own->overlay(address, subjects);
  ObjectInfo info;
  info.address = address;
  info.references = subjects.size();
  Location location;
  const ObjectBuffer* own = buffer_if_any(context);
  if (own && own->small.contains(address)) {
    location = own->small.at(address);
  } else if (own && own->large.contains(address)) {
    location = own->large.at(address);
  } else {
    location = STRATA_TRY(state.locate(address));
  }
  if (const auto* fresh = std::get_if<Delta::ContentPointer>(&location)) {
    info.bytes = (*fresh)->bytes;
    info.stored_bytes = (*fresh)->stored.size();
    info.compression = (*fresh)->compression;
  } else if (const auto* packed = std::get_if<PackLocation>(&location)) {
    info.bytes = packed->entry.bytes;
    info.stored_bytes = packed->entry.stored_bytes;
    info.compression = packed->entry.compression;
  } else if (const auto* file = std::get_if<LargeFile>(&location)) {
    info.bytes = file->bytes;
    info.stored_bytes = file->stored_bytes;
    info.compression = file->compression;
  } else {
    return Error(ErrorCode::corruption, "object " + address.to_string() + " exists and no file holds its content");
  }
  return info;
}

Result<ObjectInfo> SessionObjectStore::info(const Address& address) {
  return session_.read([&](Context& context) -> Result<ObjectInfo> {
    const std::shared_ptr<const State> state = store_.state();
    if (!STRATA_TRY(sees(context, *state, address))) return not_there(address);
    context.note_scan(StoreKind::object, references_predicate(address));
    return info_of(context, *state, address, STRATA_TRY(state->references(address, context.view_lsn())));
  });
}

Result<std::vector<ObjectInfo>> SessionObjectStore::list(const std::optional<Address>& after, std::size_t limit) {
  return session_.read([&](Context& context) -> Result<std::vector<ObjectInfo>> {
    std::vector<ObjectInfo> found;
    if (limit == 0) return found;
    context.note_scan(StoreKind::object, kObjectsPredicate);
    context.note_scan(StoreKind::object, kReferencesPredicate);
    const std::shared_ptr<const State> state = store_.state();
    const ObjectBuffer* own = buffer_if_any(context);
    // The own objects, in order of address, to be merged in.
    std::set<Address> mine;
    if (own) {
      for (const auto& [address, content] : own->small) mine.insert(address);
      for (const auto& [address, file] : own->large) mine.insert(address);
    }
    auto next = after ? mine.upper_bound(*after) : mine.begin();
    const auto add_mine_before = [&](const Address* end) -> Result<void> {
      for (; next != mine.end() && (end == nullptr || *next < *end) && found.size() < limit; ++next) {
        found.push_back(STRATA_TRY(info_of(context, *state, *next, {})));
      }
      return {};
    };
    STRATA_TRY(state->scan(context.view_lsn(), after,
                           [&](const Address& address, const std::vector<Subject>& references) -> Result<bool> {
                             STRATA_TRY(add_mine_before(&address));
                             if (found.size() == limit) return false;
                             if (next != mine.end() && *next == address) ++next;
                             if (own && own->collected.contains(address)) return true;
                             found.push_back(STRATA_TRY(info_of(context, *state, address, references)));
                             return found.size() < limit;
                           }));
    STRATA_TRY(add_mine_before(nullptr));
    return found;
  });
}

Result<std::uint64_t> SessionObjectStore::count() {
  return session_.read([&](Context& context) -> Result<std::uint64_t> {
    const std::shared_ptr<const State> state = store_.state();
    context.note_scan(StoreKind::object, kObjectsPredicate);
    std::uint64_t objects = STRATA_TRY(state->count(context.view_lsn()));
    const ObjectBuffer* own = buffer_if_any(context);
    if (own == nullptr) return objects;
    const auto add_unless_there = [&](const Address& address) -> Result<void> {
      objects += STRATA_TRY(state->exists(address, context.view_lsn())) ? 0 : 1;
      return {};
    };
    for (const auto& [address, content] : own->small) STRATA_TRY(add_unless_there(address));
    for (const auto& [address, file] : own->large) STRATA_TRY(add_unless_there(address));
    return objects - own->collected.size();
  });
}

}  // namespace strata::store::object
