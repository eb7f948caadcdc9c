#include "store/object/pack.h"

#include <algorithm>
#include <cstring>

#include "core/endian.h"

namespace strata::store::object {
namespace {

constexpr std::string_view kMagic = "STRATAOP";
constexpr std::uint32_t kEntryBytes = 56;  // address 32, offset 8, stored 4, bytes 4, three bytes, five of zero
constexpr std::uint64_t kDictionaryBytesMax = 1 << 20;

void encode_entry(const PackEntry& entry, std::array<std::byte, kEntryBytes>& record) {
  record.fill(std::byte{0});
  std::memcpy(record.data(), entry.address.digest.data(), 32);
  core::store(record.data() + 32, entry.offset);
  core::store(record.data() + 40, entry.stored_bytes);
  core::store(record.data() + 44, entry.bytes);
  record[48] = static_cast<std::byte>(entry.compression);
  record[49] = static_cast<std::byte>(entry.asked);
  record[50] = static_cast<std::byte>(entry.with_dictionary ? 1 : 0);
}

}  // namespace

Result<std::shared_ptr<const Pack>> Pack::open(io::FileSystem& files, const transaction::CheckpointFile& file) {
  std::shared_ptr<Pack> pack(new Pack());
  pack->file_ = file;
  pack->mapping_ = STRATA_TRY(files.map(file.name));
  pack->mapping_->advise(io::Mapping::Advice::random);
  const ByteView bytes = pack->mapping_->bytes();
  const ByteView footer = STRATA_TRY(open_sealed(bytes, kMagic, file.name));
  core::Decoder in(footer);
  const TableDescriptor index = decode_table_descriptor(in);
  pack->content_bytes_ = in.u64();
  pack->stored_bytes_ = in.u64();
  pack->dictionary_offset_ = in.u64();
  pack->dictionary_bytes_ = in.u64();
  pack->dictionary_hash_.low = in.u64();
  pack->dictionary_hash_.high = in.u64();
  STRATA_TRY(in.finish(file.name));
  if (pack->dictionary_bytes_ > kDictionaryBytesMax || pack->dictionary_offset_ > bytes.size() ||
      pack->dictionary_bytes_ > bytes.size() - pack->dictionary_offset_) {
    return Error(ErrorCode::corruption, file.name + ": a dictionary that does not fit into its file");
  }
  pack->index_ = STRATA_TRY(SortedTable::open(bytes, index, kEntryBytes, 32, file.name));
  return std::shared_ptr<const Pack>(std::move(pack));
}

Error Pack::damaged(const PackEntry& entry, std::string_view what) const {
  return Error(ErrorCode::corruption, "object " + entry.address.to_string() + " in " + file_.name + ", offset " +
                                          std::to_string(entry.offset) + ": " + std::string(what));
}

Result<PackEntry> Pack::decode_entry(const std::byte* record) const {
  PackEntry entry;
  std::memcpy(entry.address.digest.data(), record, 32);
  entry.offset = core::load<std::uint64_t>(record + 32);
  entry.stored_bytes = core::load<std::uint32_t>(record + 40);
  entry.bytes = core::load<std::uint32_t>(record + 44);
  entry.compression = static_cast<Compression>(record[48]);
  entry.asked = static_cast<Compression>(record[49]);
  entry.with_dictionary = record[50] != std::byte{0};
  const std::uint64_t size = mapping_->bytes().size();
  if (entry.bytes > kInlineBytesMax || entry.offset > size || entry.stored_bytes > size - entry.offset) {
    return damaged(entry, "an index entry that does not fit into its file");
  }
  return entry;
}

Result<PackEntry> Pack::entry(std::uint64_t position) const {
  return decode_entry(STRATA_TRY(index_->record(position)));
}

Result<std::optional<PackEntry>> Pack::find(const Address& address) const {
  const std::uint64_t at = STRATA_TRY(index_->lower_bound(address.digest));
  if (at == index_->size()) return std::optional<PackEntry>();
  const std::byte* record = STRATA_TRY(index_->record(at));
  if (std::memcmp(record, address.digest.data(), 32) != 0) return std::optional<PackEntry>();
  return std::optional<PackEntry>(STRATA_TRY(decode_entry(record)));
}

Result<void> Pack::load_dictionary() const {
  const core::MutexLock lock(dictionary_mutex_);
  if (dictionary_owner_) return {};
  const ByteView raw = mapping_->bytes().subspan(dictionary_offset_, dictionary_bytes_);
  if (core::xxh3_128(raw) != dictionary_hash_) {
    return Error(ErrorCode::corruption, file_.name + ", offset " + std::to_string(dictionary_offset_) +
                                            ": the dictionary's checksum is wrong");
  }
  dictionary_owner_ = STRATA_TRY(Dictionary::load(Bytes(raw.begin(), raw.end())));
  dictionary_.store(dictionary_owner_.get(), std::memory_order_release);
  return {};
}

Result<const Dictionary*> Pack::dictionary() const {
  if (!has_dictionary()) return static_cast<const Dictionary*>(nullptr);
  const Dictionary* loaded = dictionary_.load(std::memory_order_acquire);
  if (loaded == nullptr) {
    STRATA_TRY(load_dictionary());
    loaded = dictionary_.load(std::memory_order_acquire);
  }
  return loaded;
}

Result<Bytes> Pack::read(const PackEntry& entry) const {
  const Dictionary* with = nullptr;
  if (entry.with_dictionary) {
    with = STRATA_TRY(dictionary());
    if (with == nullptr) return damaged(entry, "needs a dictionary that the pack does not have");
  }
  Bytes content(entry.bytes);
  if (auto done = decompress(entry.compression, stored(entry), with, content); !done) {
    return damaged(entry, done.error().message());
  }
  return content;
}

void Pack::verify(const std::function<void(std::uint64_t, std::string)>& found) const {
  if (auto loaded = dictionary(); !loaded) found(dictionary_offset_, loaded.error().message());
  for (std::uint64_t page = 0; page < index_->pages(); ++page) {
    if (auto good = index_->check_page(page); !good) {
      found(index_->page_offset(page), good.error().message());
      continue;
    }
    const std::uint64_t end = std::min(index_->size(), (page + 1) * kRecordsPerPage);
    for (std::uint64_t at = page * kRecordsPerPage; at < end; ++at) {
      auto entry = this->entry(at);
      if (!entry) {
        found(index_->page_offset(page), entry.error().message());
        continue;
      }
      auto content = read(*entry);
      if (!content) {
        found(entry->offset, content.error().message());
      } else if (core::sha256(*content) != entry->address.digest) {
        found(entry->offset, damaged(*entry, "the content does not hash to its address").message());
      }
    }
  }
}

// ------------------------------------------------------------------------------------------------------ writing

namespace {

constexpr std::size_t kDictionaryBytes = 110 << 10;  // what zstd's own trainer takes by default
constexpr std::size_t kTrainersMax = 2000;
constexpr std::size_t kTrainerBytesMax = 512 << 10;  // four times as many cost 0.3 s, and save 1 % more
constexpr std::size_t kJudgesMax = 128;
constexpr std::size_t kSampleBytesADictionaryByte = 8;
constexpr std::uint32_t kSampleBytesMin = 32;
constexpr std::uint32_t kSampleBytesMax = 16 << 10;  // longer contents have enough context of their own
constexpr std::size_t kSamplesMin = 64;
constexpr std::size_t kHeldOut = 8;  // at most each eighth content judges, the others may train

/// One content on its way into a new pack, from RAM or from an older pack.
struct Source {
  Address address;
  const Content* fresh = nullptr;
  const Pack* pack = nullptr;
  PackEntry entry;

  std::uint32_t bytes() const { return fresh ? fresh->bytes : entry.bytes; }
  Compression asked() const { return fresh ? fresh->asked : entry.asked; }
  Result<Bytes> content() const {
    if (pack) return pack->read(entry);
    Bytes content(fresh->bytes);
    STRATA_TRY(decompress(fresh->compression, fresh->stored, nullptr, content));
    return content;
  }
};

bool may_use_dictionary(const Source& source) {
  return (source.asked() == Compression::automatic || source.asked() == Compression::zstd) &&
         source.bytes() >= kSampleBytesMin && source.bytes() <= kSampleBytesMax;
}

Result<std::vector<Source>> choose_sources(const PackInputs& inputs,
                                           const std::function<Result<bool>(const Address&)>& retained) {
  std::vector<Source> all;
  for (const auto& [address, content] : inputs.fresh) all.push_back({address, content.get(), nullptr, {}});
  for (const auto& pack : inputs.packs) {
    for (std::uint64_t at = 0; at < pack->size(); ++at) {
      const PackEntry entry = STRATA_TRY(pack->entry(at));
      all.push_back({entry.address, nullptr, pack.get(), entry});
    }
  }
  // Of two copies of a content the one in RAM comes first: it needs no page of an old pack.
  std::sort(all.begin(), all.end(), [](const Source& a, const Source& b) {
    return a.address != b.address ? a.address < b.address : (a.pack == nullptr && b.pack != nullptr);
  });
  std::vector<Source> chosen;
  for (Source& source : all) {
    if (!chosen.empty() && chosen.back().address == source.address) continue;
    if (STRATA_TRY(retained(source.address))) chosen.push_back(std::move(source));
  }
  return chosen;
}

struct Gain {
  std::uint64_t plain = 0, with = 0;
};

/// What the dictionary saves on the samples that did not train it.
Gain measure(const std::vector<Bytes>& judges, const Dictionary& dictionary) {
  Gain gain;
  for (const Bytes& sample : judges) {
    gain.plain += compress(sample, Compression::automatic, Compression::zstd).bytes.size();
    gain.with += compress(sample, Compression::automatic, Compression::zstd, &dictionary).bytes.size();
  }
  return gain;
}

/// More than 5 %, and more over all `bytes` than the dictionary itself takes.
bool worth_it(const Gain& gain, const Dictionary& dictionary, std::uint64_t bytes, const std::vector<Bytes>& judges) {
  std::uint64_t judged = 0;
  for (const Bytes& sample : judges) judged += sample.size();
  if (judged == 0 || gain.with * 20 > gain.plain * 19) return false;
  const double saved = static_cast<double>(gain.plain - gain.with) / static_cast<double>(judged);
  return saved * static_cast<double>(bytes) > static_cast<double>(dictionary.bytes().size());
}

/// At most `count_max` contents of together about `bytes_max`, evenly from all that may use a dictionary: those that judge
/// one, or those that train it. No content is in both.
Result<std::vector<Bytes>> sample(const std::vector<Source>& sources, bool judges, std::size_t count_max,
                                  std::size_t bytes_max) {
  std::vector<const Source*> eligible;
  std::uint64_t bytes = 0;
  std::uint64_t seen = 0;
  for (const Source& source : sources) {  // sorted by address, which is to say shuffled
    if (!may_use_dictionary(source) || (seen++ % kHeldOut == 0) != judges) continue;
    eligible.push_back(&source);
    bytes += source.bytes();
  }
  const std::uint64_t step =
      std::max<std::uint64_t>({1, (eligible.size() + count_max - 1) / count_max, (bytes + bytes_max - 1) / bytes_max});
  std::vector<Bytes> samples;
  for (std::size_t i = 0; i < eligible.size(); i += step) samples.push_back(STRATA_TRY(eligible[i]->content()));
  return samples;
}

/// The dictionary for these contents: the given one while it pays and is not far smaller than one that they could train,
/// else one trained on a sample, else none. So a database that grows trains a handful in its life, not one a checkpoint.
Result<std::shared_ptr<const Dictionary>> choose_dictionary(const std::vector<Source>& sources, const Pack* existing) {
  std::uint64_t eligible = 0;
  std::uint64_t eligible_bytes = 0;
  for (const Source& source : sources) {
    if (!may_use_dictionary(source)) continue;
    ++eligible;
    eligible_bytes += source.bytes();
  }
  if (eligible < kSamplesMin) return std::shared_ptr<const Dictionary>();

  const std::size_t trainable = std::clamp<std::size_t>(
      std::min<std::uint64_t>(eligible_bytes, kTrainerBytesMax) / kSampleBytesADictionaryByte, 1024, kDictionaryBytes);
  const std::vector<Bytes> judges = STRATA_TRY(sample(sources, true, kJudgesMax, kTrainerBytesMax));
  if (existing != nullptr && existing->has_dictionary()) {
    const Dictionary* loaded = STRATA_TRY(existing->dictionary());
    if (loaded->bytes().size() * 2 >= trainable &&
        worth_it(measure(judges, *loaded), *loaded, eligible_bytes, judges)) {
      return Dictionary::load(Bytes(loaded->bytes().begin(), loaded->bytes().end()));
    }
  }
  const auto trained = Dictionary::train(STRATA_TRY(sample(sources, false, kTrainersMax, kTrainerBytesMax)), trainable);
  if (trained && worth_it(measure(judges, *trained), *trained, eligible_bytes, judges)) return trained;
  return std::shared_ptr<const Dictionary>();
}

/// Whether the frame can be taken over as it is.
bool frame_fits(const Source& source, const core::Hash128& dictionary_hash, bool has_dictionary) {
  if (source.pack == nullptr) return false;
  if (source.entry.with_dictionary) return has_dictionary && source.pack->dictionary_hash() == dictionary_hash;
  return !has_dictionary || !may_use_dictionary(source);
}

}  // namespace

Result<std::shared_ptr<const Pack>> write_pack(io::FileSystem& files, const std::string& name, const PackInputs& inputs,
                                               const std::function<Result<bool>(const Address&)>& retained) {
  const std::vector<Source> sources = STRATA_TRY(choose_sources(inputs, retained));
  if (sources.empty()) return std::shared_ptr<const Pack>();
  const auto dictionary = STRATA_TRY(choose_dictionary(sources, inputs.dictionary_from.get()));
  const ByteView dictionary_bytes = dictionary ? dictionary->bytes() : ByteView();
  const core::Hash128 dictionary_hash = core::xxh3_128(dictionary_bytes);

  // 1. Dictionary and frames.
  auto out = STRATA_TRY(SealedFileWriter::create(files, name + ".tmp", kMagic));
  const std::uint64_t dictionary_offset = out->position();
  STRATA_TRY(out->append(dictionary_bytes));
  std::vector<PackEntry> entries;
  entries.reserve(sources.size());
  std::uint64_t content_bytes = 0;
  std::uint64_t stored_bytes = 0;
  for (const Source& source : sources) {
    PackEntry entry = source.entry;
    entry.address = source.address;
    entry.offset = out->position();
    if (frame_fits(source, dictionary_hash, dictionary != nullptr)) {
      STRATA_TRY(out->append(source.pack->stored(source.entry)));
    } else {
      const Bytes content = STRATA_TRY(source.content());
      // Rot must not be sealed under a fresh checksum.
      if (core::sha256(content) != source.address.digest) {
        return source.pack ? source.pack->damaged(source.entry, "the content does not hash to its address")
                           : Error(ErrorCode::corruption, "object " + source.address.to_string() +
                                                              ", not yet in a pack: it does not hash to its address");
      }
      const Dictionary* with = may_use_dictionary(source) ? dictionary.get() : nullptr;
      const Compressed frame = compress(content, source.asked(), Compression::zstd, with);
      entry.bytes = source.bytes();
      entry.asked = source.asked();
      entry.compression = frame.compression;
      entry.with_dictionary = with != nullptr && frame.compression == Compression::zstd;
      entry.stored_bytes = static_cast<std::uint32_t>(frame.bytes.size());
      STRATA_TRY(out->append(frame.bytes));
    }
    content_bytes += entry.bytes;
    stored_bytes += entry.stored_bytes;
    entries.push_back(entry);
  }
  // 2. Index and footer.
  SortedTableWriter table = STRATA_TRY(SortedTableWriter::begin(*out, kEntryBytes));
  std::array<std::byte, kEntryBytes> record;
  for (const PackEntry& entry : entries) {
    encode_entry(entry, record);
    STRATA_TRY(table.append(record));
  }
  const TableDescriptor index = STRATA_TRY(table.finish());
  Bytes footer;
  core::Encoder encoder(footer);
  encode(index, encoder);
  encoder.u64(content_bytes);
  encoder.u64(stored_bytes);
  encoder.u64(dictionary_offset);
  encoder.u64(dictionary_bytes.size());
  encoder.u64(dictionary_hash.low);
  encoder.u64(dictionary_hash.high);
  const auto file = STRATA_TRY(out->finish(name, footer));
  return Pack::open(files, file);
}

}  // namespace strata::store::object
