// The store's part of a checkpoint: deltas become a catalog segment and a pack, merged with those of like size, so that
// both lists stay logarithmic and each byte is rewritten a logarithmic number of times.
#include <algorithm>
#include <set>

#include "core/assert.h"
#include "core/failpoint.h"
#include "store/object/object_store.h"

namespace strata::store::object {
namespace {

constexpr std::uint8_t kStateVersion = 1;
constexpr std::uint64_t kMergeFactor = 2;  // a file at most this many times larger than what is merged joins in
constexpr std::uint64_t kDeadShare = 5;    // a pack is rewritten when a fifth of its bytes is dead

std::string catalog_name(std::uint64_t number) { return std::string(kCatalogDirectory) + "/" + std::to_string(number); }
std::string pack_name(std::uint64_t number) { return std::string(kPackDirectory) + "/" + std::to_string(number); }

void encode(const transaction::CheckpointFile& file, core::Encoder& out) {
  out.text(file.name);
  out.varint(file.bytes);
  out.u64(file.hash.low);
  out.u64(file.hash.high);
}

transaction::CheckpointFile decode_file(core::Decoder& in) {
  transaction::CheckpointFile file;
  file.name = in.text();
  file.bytes = in.varint();
  file.hash.low = in.u64();
  file.hash.high = in.u64();
  return file;
}

/// Whether a view ≥ horizon can still see the object, given the segments of the new checkpoint.
Result<bool> is_retained(const std::vector<std::shared_ptr<const CatalogSegment>>& segments, const Address& address,
                         Lsn horizon) {
  // Merging left, at or before the horizon, only the version that counts there, and it may lie in any of the segments.
  const FactKey key{address, kObject};
  bool counts_before_horizon = true;
  for (const auto& segment : segments) {
    // Newest first: any life after the horizon is one that a view can see.
    std::vector<Fact> facts;
    STRATA_TRY(segment->gather_key(key, facts));
    for (auto fact = facts.rbegin(); fact != facts.rend(); ++fact) {
      if (fact->stamp.lsn() > horizon) {
        if (fact->stamp.alive()) return true;
      } else if (counts_before_horizon) {
        if (fact->stamp.alive()) return true;
        counts_before_horizon = false;
      }
    }
  }
  return false;
}

}  // namespace

Result<void> Store::freeze(Lsn lsn) {
  STRATA_CRASHPOINT("object.freeze");
  const std::shared_ptr<const State> now = state();
  auto frozen = std::make_shared<State>(*now);
  auto next = std::make_shared<State>(*now);
  if (now->deltas.front()->empty()) {
    frozen->deltas.erase(frozen->deltas.begin());
  } else {
    next->deltas.insert(next->deltas.begin(), std::make_shared<Delta>());
  }
  frozen_.lsn = lsn;
  frozen_.objects = objects_;
  frozen_.state = std::move(frozen);
  frozen_.large = large_->all();
  frozen_.collected.insert(frozen_.collected.end(), collected_.begin(), collected_.end());
  collected_.clear();
  std::move(replaced_.begin(), replaced_.end(), std::back_inserter(frozen_.replaced));
  replaced_.clear();
  applied_lsn_.store(std::max(lsn, applied_lsn()), std::memory_order_release);
  replace_state(std::move(next));
  return {};
}

Result<transaction::Checkpoint> Store::write_checkpoint(Lsn horizon) {
  STRATA_ASSERT(frozen_.state != nullptr);
  STRATA_FAILPOINT("object.checkpoint.begin");
  auto prepared = std::make_unique<Prepared>();
  prepared->deltas = frozen_.state->deltas;
  prepared->objects = frozen_.objects;
  prepared->replaced_count = frozen_.replaced.size();
  STRATA_TRY(write_catalog(frozen_, horizon, *prepared));
  STRATA_FAILPOINT("object.checkpoint.catalog");
  STRATA_TRY(write_packs(frozen_, horizon, *prepared));
  STRATA_FAILPOINT("object.checkpoint.end");
  std::vector<std::pair<Address, LargeFile>> kept;
  for (const auto& large : frozen_.large) {
    auto& list = STRATA_TRY(is_retained(prepared->segments, large.first, horizon)) ? kept : prepared->dropped;
    list.push_back(large);
  }
  describe(frozen_, kept, *prepared);
  prepared_ = std::move(prepared);
  return prepared_->checkpoint;
}

void Store::abandoned() { prepared_.reset(); }

Result<void> Store::write_catalog(const Frozen& frozen, Lsn horizon, Prepared& out) {
  std::vector<Fact> fresh;
  for (const auto& delta : frozen.state->deltas) delta->gather({}, fresh);
  std::sort(fresh.begin(), fresh.end());

  const auto& segments = frozen.state->segments;
  std::vector<std::shared_ptr<const CatalogSegment>> merged;
  std::uint64_t size = fresh.size();
  std::size_t next = 0;
  for (; size > 0 && next < segments.size() && segments[next]->size() <= kMergeFactor * size; ++next) {
    merged.push_back(segments[next]);
    size += segments[next]->size();
  }
  if (size > 0) {
    const bool bottom = next == segments.size();
    auto segment = STRATA_TRY(merge_catalog(files_, catalog_name(next_sequence()), fresh, merged, horizon, bottom));
    if (segment) out.segments.push_back(std::move(segment));
  }
  out.segments.insert(out.segments.end(), segments.begin() + static_cast<std::ptrdiff_t>(next), segments.end());
  return {};
}

/// Notes which bytes in packs died since the last checkpoint. It only decides what is worth rewriting; what is dropped
/// then is decided by the catalog.
Result<void> Store::account_dead(const Frozen& frozen, const std::function<Result<bool>(const Address&)>& retained,
                                 Prepared& out) {
  std::set<Address> seen;
  for (const Address& address : frozen.collected) {
    if (!seen.insert(address).second) continue;
    if (STRATA_TRY(retained(address))) {
      // A view may still read it: ask again next time. (Put again since then: it does no harm to ask.)
      if (!STRATA_TRY(frozen.state->exists(address, frozen.lsn))) out.collected.push_back(address);
      continue;
    }
    for (PackAge& age : out.packs) {
      if (const auto entry = STRATA_TRY(age.pack->find(address))) age.dead_bytes += entry->stored_bytes;
    }
  }
  return {};
}

Result<void> Store::write_packs(const Frozen& frozen, Lsn horizon, Prepared& out) {
  const auto retained = [&](const Address& address) { return is_retained(out.segments, address, horizon); };
  out.packs = pack_ages_;
  STRATA_TRY(account_dead(frozen, retained, out));

  PackInputs inputs;
  std::uint64_t size = 0;
  for (const auto& delta : frozen.state->deltas) {
    for (auto& content : delta->contents()) inputs.fresh.push_back(std::move(content));
    size += delta->stored_bytes();
  }
  std::sort(inputs.fresh.begin(), inputs.fresh.end(), [](const auto& a, const auto& b) { return a.first < b.first; });

  std::sort(out.packs.begin(), out.packs.end(),
            [](const PackAge& a, const PackAge& b) { return a.pack->stored_bytes() < b.pack->stored_bytes(); });
  std::vector<PackAge> kept;
  for (const PackAge& age : out.packs) {
    if (age.pack->has_dictionary() && (!inputs.dictionary_from || inputs.dictionary_from->size() < age.pack->size())) {
      inputs.dictionary_from = age.pack;
    }
    const bool dying = age.dead_bytes > 0 && age.dead_bytes * kDeadShare >= age.pack->stored_bytes();
    if (dying || (!inputs.fresh.empty() && age.pack->stored_bytes() <= kMergeFactor * size)) {
      inputs.packs.push_back(age.pack);
      size += age.pack->stored_bytes();
    } else {
      kept.push_back(age);
    }
  }
  if (!inputs.fresh.empty() || !inputs.packs.empty()) {
    auto pack = STRATA_TRY(write_pack(files_, pack_name(next_sequence()), inputs, retained));
    if (pack) kept.push_back({std::move(pack), 0});
  }
  out.packs = std::move(kept);
  return {};
}

/// The checkpoint's state and files, and which files of the one before are no longer among them.
void Store::describe(const Frozen& frozen, const std::vector<std::pair<Address, LargeFile>>& large, Prepared& out) {
  transaction::Checkpoint& checkpoint = out.checkpoint;
  checkpoint.lsn = frozen.lsn;
  for (const auto& segment : out.segments) checkpoint.files.push_back(segment->file());
  for (const auto& age : out.packs) checkpoint.files.push_back(age.pack->file());
  for (const auto& [address, file] : large) {
    checkpoint.files.push_back({large_file_name(address, file.sequence), file.stored_bytes, file.hash});
  }
  std::set<std::string> now;
  for (const auto& file : checkpoint.files) now.insert(file.name);
  std::set<std::string> retired;
  for (const std::string& name : installed_files_) {
    if (!now.contains(name)) retired.insert(name);
  }
  for (const std::string& name : frozen.replaced) {
    if (!now.contains(name)) retired.insert(name);
  }
  for (const auto& [address, file] : out.dropped) retired.insert(large_file_name(address, file.sequence));
  out.retired.assign(retired.begin(), retired.end());

  core::Encoder state(checkpoint.state);
  state.u8(kStateVersion);
  state.varint(next_file_.load());
  state.varint(out.objects);
  state.varint(out.segments.size());
  for (const auto& segment : out.segments) encode(segment->file(), state);
  state.varint(out.packs.size());
  for (const auto& age : out.packs) {
    encode(age.pack->file(), state);
    state.varint(age.dead_bytes);
  }
  state.varint(large.size());
  for (const auto& [address, file] : large) {
    encode(address, state);
    encode(file, state);
  }
  state.varint(out.collected.size());
  for (const Address& address : out.collected) encode(address, state);
  state.varint(out.retired.size());
  for (const std::string& name : out.retired) state.text(name);
}

Result<void> Store::installed(const transaction::Checkpoint& checkpoint) {
  STRATA_ASSERT(prepared_ != nullptr && prepared_->checkpoint.lsn == checkpoint.lsn);
  STRATA_CRASHPOINT("object.installed");
  const std::unique_ptr<Prepared> prepared = std::move(prepared_);
  const std::shared_ptr<const State> before = state();
  auto next = std::make_shared<State>(*before);
  std::erase_if(next->deltas, [&](const auto& delta) {
    return std::find(prepared->deltas.begin(), prepared->deltas.end(), delta) != prepared->deltas.end();
  });
  next->segments = prepared->segments;
  next->packs.clear();
  for (const PackAge& age : prepared->packs) next->packs.push_back(age.pack);
  next->base_lsn = checkpoint.lsn;
  next->base_count = prepared->objects;
  for (const auto& [address, file] : prepared->dropped) large_->erase(address, file.sequence);
  replace_state(std::move(next));

  pack_ages_ = prepared->packs;
  durable_lsn_.store(checkpoint.lsn, std::memory_order_release);
  frozen_.collected = prepared->collected;
  frozen_.replaced.erase(frozen_.replaced.begin(),
                         frozen_.replaced.begin() + static_cast<std::ptrdiff_t>(prepared->replaced_count));
  frozen_.state.reset();
  frozen_.large.clear();
  // A manifest keeps its predecessor usable; files go when both have forgotten them (I8).
  const std::vector<std::string> forgotten = std::exchange(retired_, prepared->retired);
  installed_files_.clear();
  for (const auto& file : checkpoint.files) installed_files_.push_back(file.name);
  for (const std::string& name : forgotten) (void)files_.remove(name);  // best effort: recovery removes what is left
  return {};
}

Result<void> Store::decode_state(const transaction::Checkpoint& last) {
  core::Decoder in(last.state);
  if (const std::uint8_t version = in.u8(); in.ok() && version != kStateVersion) {
    return Error(ErrorCode::unsupported, "an object store of format " + std::to_string(version));
  }
  auto loaded = std::make_shared<State>();
  loaded->deltas.push_back(std::make_shared<Delta>());
  loaded->large = large_;
  loaded->base_lsn = last.lsn;
  const std::uint64_t next_file = in.varint();
  loaded->base_count = in.varint();
  const std::size_t segment_count = in.count(18);
  for (std::size_t i = 0; i < segment_count && in.ok(); ++i) {
    const auto file = decode_file(in);
    if (in.ok()) loaded->segments.push_back(STRATA_TRY(CatalogSegment::open(files_, file)));
  }
  const std::size_t pack_count = in.count(19);
  for (std::size_t i = 0; i < pack_count && in.ok(); ++i) {
    const auto file = decode_file(in);
    const std::uint64_t dead_bytes = in.varint();
    if (!in.ok()) break;
    loaded->packs.push_back(STRATA_TRY(Pack::open(files_, file)));
    pack_ages_.push_back({loaded->packs.back(), dead_bytes});
  }
  const std::size_t large_count = in.count(52);
  for (std::size_t i = 0; i < large_count && in.ok(); ++i) {
    const Address address = decode_address(in);
    const LargeFile file = decode_large_file(in);
    if (in.ok()) large_->put(address, file);
  }
  const std::size_t collected_count = in.count(32);
  for (std::size_t i = 0; i < collected_count && in.ok(); ++i) frozen_.collected.push_back(decode_address(in));
  const std::size_t retired_count = in.count(1);
  for (std::size_t i = 0; i < retired_count && in.ok(); ++i) retired_.emplace_back(in.text());
  STRATA_TRY(in.finish("the object store's checkpoint state"));
  next_file_.store(next_file);
  objects_ = loaded->base_count;
  applied_lsn_.store(last.lsn, std::memory_order_release);
  durable_lsn_.store(last.lsn, std::memory_order_release);
  for (const auto& file : last.files) installed_files_.push_back(file.name);
  replace_state(std::move(loaded));
  return {};
}

}  // namespace strata::store::object
