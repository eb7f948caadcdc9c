#include "store/object/object_store.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

#include "core/assert.h"
#include "core/failpoint.h"

namespace strata::store::object {
namespace {

constexpr Lsn kLatest = std::numeric_limits<Lsn>::max() >> 1;
constexpr std::uint64_t kGetBytesMax = std::uint64_t{1} << 30;

/// The number in "<n>", "<n>.tmp" or "<sha256>-<n>".
std::uint64_t number_of(std::string_view name) {
  if (const auto dash = name.rfind('-'); dash != std::string_view::npos) name.remove_prefix(dash + 1);
  std::uint64_t number = 0;
  std::from_chars(name.data(), name.data() + name.size(), number);
  return number;
}

}  // namespace

transaction::KeyHash existence_key(const Address& address) {
  constexpr std::uint64_t kSeed = 0x6f626a656374;  // "object": keys of all stores share one space
  return core::xxh3_64(address.digest, kSeed);
}

transaction::KeyHash creation_key(const Address& address) {
  constexpr std::uint64_t kSeed = 0x6f626a656375;
  return core::xxh3_64(address.digest, kSeed);
}

Store::Store(io::FileSystem& files) : files_(files), large_(std::make_shared<LargeFiles>()) {
  auto empty = std::make_shared<State>();
  empty->deltas.push_back(std::make_shared<Delta>());
  empty->large = large_;
  replace_state(std::move(empty));
}

Store::~Store() = default;

std::shared_ptr<const State> Store::state() const {
  const core::MutexLock lock(state_mutex_);
  return state_;
}

void Store::replace_state(std::shared_ptr<const State> state) {
  const core::MutexLock lock(state_mutex_);
  state_.swap(state);  // the old one is released after the lock
}

// ------------------------------------------------------------------------------------------------ applying

Result<void> Store::apply(const transaction::Commit& commit, ByteView section) {
  STRATA_FAILPOINT("object.apply.begin");
  const Mutation mutation = STRATA_TRY(decode_mutation(section));
  const std::shared_ptr<const State> state = this->state();
  Delta& delta = *state->deltas.front();
  const std::uint64_t objects_before = objects_;

  // An object that is there already only gains references: whoever came first has stored the bytes (I3).
  for (const Mutation::Small& small : mutation.small) {
    if (STRATA_TRY(state->exists(small.address, kLatest))) continue;
    // Bytes in an older delta or a pack may be on their way out; this delta keeps a copy of its own (I6).
    if (delta.content(small.address) == nullptr) {
      auto content = std::make_shared<Content>();
      content->asked = small.asked;
      content->compression = small.compression;
      content->bytes = small.bytes;
      content->stored.assign(small.stored.begin(), small.stored.end());
      delta.add_content(small.address, std::move(content));
    }
    delta.record({small.address, kObject}, commit.lsn, true);
    ++objects_;
  }
  for (const Mutation::Large& large : mutation.large) {
    if (STRATA_TRY(state->exists(large.address, kLatest))) {
      replaced_.push_back(large_file_name(large.address, large.file.sequence));
      continue;
    }
    if (const auto before = large_->put(large.address, large.file); before && before->sequence != large.file.sequence) {
      replaced_.push_back(large_file_name(large.address, before->sequence));
    }
    delta.record({large.address, kObject}, commit.lsn, true);
    ++objects_;
  }
  for (const Mutation::Reference& reference : mutation.references) {
    delta.record({reference.address, subject_of(reference.owner)}, commit.lsn, reference.alive);
  }
  // The one conditional effect: what somebody refers to by now stays (I4).
  for (const Address& address : mutation.collected) {
    if (!STRATA_TRY(state->exists(address, kLatest))) continue;
    if (!STRATA_TRY(state->references(address, kLatest)).empty()) continue;
    delta.record({address, kObject}, commit.lsn, false);
    collected_.push_back(address);
    --objects_;
  }
  if (objects_ != objects_before) delta.record_count(commit.lsn, objects_);
  applied_lsn_.store(commit.lsn, std::memory_order_release);
  STRATA_CRASHPOINT("object.apply.end");
  return {};
}

// ------------------------------------------------------------------------------------------------ recovering

Result<void> Store::open(const transaction::Checkpoint* last) {
  if (last == nullptr) return {};
  if (auto decoded = decode_state(*last); !decoded) {
    return std::move(decoded).error().with_context("opening the object store");
  }
  return {};
}

Result<void> Store::recovered(Lsn lsn) {
  // Sections of this store are sparse: what was not handed to apply held nothing for it.
  applied_lsn_.store(std::max(lsn, applied_lsn()), std::memory_order_release);
  return remove_leftovers();
}

/// Files that a crash left: written and never committed, or of a checkpoint that no manifest names. Numbers go on after
/// the highest one seen, so that no name is used twice.
Result<void> Store::remove_leftovers() {
  std::set<std::string> named(retired_.begin(), retired_.end());
  named.insert(installed_files_.begin(), installed_files_.end());
  named.insert(replaced_.begin(), replaced_.end());  // still wanted if the manifest before this one has to be used
  std::uint64_t highest = next_file_.load() - 1;
  for (const auto& [address, file] : large_->all()) {
    named.insert(large_file_name(address, file.sequence));
    highest = std::max(highest, file.sequence);
  }
  std::vector<std::string> folders{std::string(kCatalogDirectory), std::string(kPackDirectory),
                                   std::string(kLargeDirectory)};
  for (std::size_t i = 0; i < folders.size(); ++i) {
    const std::string folder = folders[i];
    if (!STRATA_TRY(files_.exists(folder))) continue;
    for (const std::string& entry : STRATA_TRY(files_.list(folder))) {
      const std::string name = folder + "/" + entry;
      if (folder == kLargeDirectory && entry.size() == 2) {
        folders.push_back(name);
        continue;
      }
      highest = std::max(highest, number_of(entry));
      if (!named.contains(name)) STRATA_TRY(files_.remove(name));
    }
  }
  next_file_.store(highest + 1);
  return {};
}

Result<std::vector<std::string>> Store::written_ahead() {
  std::vector<std::string> names;
  if (!STRATA_TRY(files_.exists(kLargeDirectory))) return names;
  for (const std::string& folder : STRATA_TRY(files_.list(kLargeDirectory))) {
    if (folder.size() != 2) continue;  // "<n>.tmp": not finished, so no record names it
    const std::string path = std::string(kLargeDirectory) + "/" + folder;
    for (const std::string& name : STRATA_TRY(files_.list(path))) names.push_back(path + "/" + name);
  }
  return names;
}

Result<Lsn> Store::durable_lsn() { return durable_lsn_.load(std::memory_order_acquire); }

Result<void> Store::close() { return {}; }

// ------------------------------------------------------------------------------------------------ reading

Result<Bytes> Store::read(const Address& address, const Location& location) {
  Bytes content;
  if (const auto* packed = std::get_if<PackLocation>(&location)) {
    content = STRATA_TRY(packed->pack->read(packed->entry));
    if (core::sha256(content) == address.digest) return content;
    return packed->pack->damaged(packed->entry, "the content does not hash to its address");
  }
  if (const auto* fresh = std::get_if<Delta::ContentPointer>(&location)) {
    content.resize((*fresh)->bytes);
    const auto done = decompress((*fresh)->compression, (*fresh)->stored, nullptr, content);
    if (done && core::sha256(content) == address.digest) return content;
    return Error(ErrorCode::corruption,
                 "object " + address.to_string() + ", as the journal brought it, does not hash to its address");
  }
  if (const auto* large = std::get_if<LargeFile>(&location)) {
    if (large->bytes > kGetBytesMax) {
      return Error(ErrorCode::resource_exhausted, "an object over 1 GiB has to be streamed: " + address.to_string() +
                                                      " has " + std::to_string(large->bytes) + " bytes");
    }
    content.reserve(large->bytes);
    STRATA_TRY(read_large_object(files_, address, *large, [&](ByteView piece) -> Result<void> {
      content.insert(content.end(), piece.begin(), piece.end());
      return {};
    }));
    return content;
  }
  return Error(ErrorCode::corruption, "object " + address.to_string() + " exists and no file holds its content");
}

Result<transaction::Summary> Store::summarize(Lsn view) {
  transaction::Summary summary;
  Bytes item;
  STRATA_TRY(state()->scan(view, std::nullopt,
                           [&](const Address& address, const std::vector<Subject>& references) -> Result<bool> {
                             item.assign(address.digest.begin(), address.digest.end());
                             for (const Subject& subject : references)
                               item.insert(item.end(), subject.id.begin(), subject.id.end());
                             summary.add(core::xxh3_128(item));
                             return true;
                           }));
  return summary;
}

Result<std::vector<transaction::Damage>> Store::verify() {
  std::vector<transaction::Damage> damage;
  const std::shared_ptr<const State> state = this->state();
  // 1. Every file, every byte.
  for (const auto& segment : state->segments) {
    segment->verify([&](std::uint64_t offset, std::string what) {
      damage.push_back({segment->file().name, offset, std::move(what), false});
    });
  }
  for (const auto& pack : state->packs) {
    pack->verify([&](std::uint64_t offset, std::string what) {
      damage.push_back({pack->file().name, offset, std::move(what), false});
    });
  }
  for (const auto& [address, file] : large_->all()) {
    const auto ignore = [](ByteView) -> Result<void> { return {}; };
    if (auto good = read_large_object(files_, address, file, ignore); !good) {
      damage.push_back({large_file_name(address, file.sequence), 0, good.error().message(), false});
    }
  }
  if (!damage.empty()) return damage;  // what follows reads through these files
  // 2. Every object has its bytes; those in RAM are right.
  STRATA_TRY(
      state->scan(kLatest, std::nullopt, [&](const Address& address, const std::vector<Subject>&) -> Result<bool> {
        const Location location = STRATA_TRY(state->locate(address));
        if (std::holds_alternative<PackLocation>(location) || std::holds_alternative<LargeFile>(location)) {
          return true;
        }
        if (auto content = read(address, location); !content) {
          damage.push_back({"", 0, content.error().message(), false});
        }
        return true;
      }));
  return damage;
}

transaction::Statistics Store::statistics() {
  const std::shared_ptr<const State> state = this->state();
  std::uint64_t content = 0;
  std::uint64_t stored = 0;
  std::uint64_t on_disk = 0;
  std::uint64_t in_memory = 0;
  for (const auto& delta : state->deltas) {
    content += delta->content_bytes();
    stored += delta->stored_bytes();
    in_memory += delta->stored_bytes() + delta->facts() * 120;
  }
  for (const auto& pack : state->packs) {
    content += pack->content_bytes();
    stored += pack->stored_bytes();
    on_disk += pack->file().bytes;
  }
  for (const auto& segment : state->segments) on_disk += segment->file().bytes;
  const auto large = large_->all();
  for (const auto& [address, file] : large) {
    content += file.bytes;
    stored += file.stored_bytes;
    on_disk += file.stored_bytes;
  }
  const auto items = state->count(kLatest);
  transaction::Statistics statistics;
  statistics.set("items", items ? *items : 0);
  statistics.set("bytes", content);
  statistics.set("stored_bytes", stored);
  statistics.set("ratio", stored == 0 ? 1.0 : static_cast<double>(content) / static_cast<double>(stored));
  statistics.set("bytes_on_disk", on_disk);
  statistics.set("bytes_in_memory", in_memory);
  statistics.set("segments", state->segments.size());
  statistics.set("packs", state->packs.size());
  statistics.set("large_files", large.size());
  return statistics;
}

}  // namespace strata::store::object
