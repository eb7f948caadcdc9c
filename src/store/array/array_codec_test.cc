/// Sections, append logs and checkpoint states: what is written is read back, what is cut or flipped is refused; and the
/// decision which parts merge.
#include <gtest/gtest.h>

#include "core/digest.h"
#include "core/random.h"
#include "store/array/checkpoint_state.h"
#include "store/array/compaction.h"
#include "store/array/layout.h"
#include "store/array/mutation.h"

namespace strata::store::array {
namespace {

Bytes every_kind_of_mutation() {
  DatasetOptions options;
  options.row_shape = {3, 4};
  options.gzip_level = 9;
  Bytes section;
  const Bytes data(48, std::byte{7});
  encode(section, CreateDataset{"a", options});
  encode(section, AppendRows{"a", 1, "key", data});
  encode(section, AdoptPart{"a", 100, "", {17, 4096, {1, 2}}});
  encode(section, ClearRows{"a", true, 0, 5});
  encode(section, SetAttribute{"a", "unit", Value(Map{{"x", 1}})});
  encode(section, DropDataset{"a"});
  return section;
}

std::size_t count_mutations(ByteView section, bool& sound) {
  SectionReader reader(section);
  for (std::size_t count = 0;; ++count) {
    auto next = reader.next();
    sound = next.has_value();
    if (!sound || !next->has_value()) return count;
  }
}

TEST(ArraySection, EveryMutationComesBack) {
  const Bytes section = every_kind_of_mutation();
  SectionReader reader(section);
  const Mutation create = **reader.next();
  EXPECT_EQ(std::get<CreateDataset>(create).options.row_shape, (std::vector<std::uint64_t>{3, 4}));
  const Mutation append = **reader.next();
  EXPECT_EQ(std::get<AppendRows>(append).key, "key");
  EXPECT_EQ(std::get<AppendRows>(append).data.size(), 48U);
  EXPECT_EQ(std::get<AdoptPart>(**reader.next()).file, (FileReference{17, 4096, {1, 2}}));
  const Mutation clear = **reader.next();
  EXPECT_TRUE(std::get<ClearRows>(clear).own);
  EXPECT_EQ(std::get<SetAttribute>(**reader.next()).value, Value(Map{{"x", 1}}));
  EXPECT_EQ(std::get<DropDataset>(**reader.next()).dataset, "a");
  EXPECT_FALSE(reader.next()->has_value());
}

TEST(ArraySection, IsByteForByteWhatTheFormatDocumentShows) {
  const float row[] = {1.0F, 2.0F};
  Bytes section;
  encode(section, AppendRows{"a", 1, "k", std::as_bytes(std::span(row))});
  EXPECT_EQ(core::to_hex(section),
            "01030161"
            "01"
            "016b"
            "080000803f00000040");
}

TEST(ArraySection, ACutSectionIsCorruptionExceptBetweenMutations) {
  const Bytes section = every_kind_of_mutation();
  int whole = 0;
  for (std::size_t size = 0; size < section.size(); ++size) {
    bool sound = false;
    count_mutations(ByteView(section).first(size), sound);
    whole += sound ? 1 : 0;
  }
  EXPECT_EQ(whole, 6);  // after the version, and after each mutation but the last
}

TEST(ArraySection, RandomBytesNeverCrashTheReader) {
  core::Random random(11);
  const Bytes section = every_kind_of_mutation();
  for (int i = 0; i < 20'000; ++i) {
    Bytes damaged = section;
    for (std::uint64_t k = 1 + random.below(4); k > 0; --k)
      damaged[random.below(damaged.size())] = static_cast<std::byte>(random.next());
    bool sound = false;
    count_mutations(damaged, sound);
  }
}

AppendLog some_log(std::uint64_t first_lsn) {
  AppendLog log;
  for (std::uint64_t i = 0; i < 300; ++i) {
    log.add(first_lsn + i / 3, 1 + i % 4, i % 5 == 0 ? "" : "key" + std::to_string(i % 40));
  }
  return log;
}

TEST(AppendIndex, SaysTheSameAsTheLogItWasMadeFrom) {
  for (const bool wide : {false, true}) {
    AppendLog log = some_log(1000);
    if (wide) log.add(1ULL << 40, 1ULL << 33, "last");
    const Bytes bytes = encode_append_index(log);
    const AppendIndex index = *AppendIndex::open(bytes);
    ASSERT_EQ(index.size(), log.size());
    for (Lsn view = 990; view < 1110; ++view) EXPECT_EQ(index.rows_at(view), log.rows_at(view));
    for (int k = 0; k < 41; ++k) {
      const std::string key = "key" + std::to_string(k);
      for (const Lsn view : {Lsn{1000}, Lsn{1050}, ~Lsn{0}}) {
        const auto a = log.find(key, view);
        const auto b = index.find(digest_of(key), view);
        ASSERT_EQ(a.size(), b.size());
        for (std::size_t i = 0; i < a.size(); ++i)
          EXPECT_TRUE(a[i].begin == b[i].begin && a[i].end == b[i].end && a[i].lsn == b[i].lsn);
      }
    }
  }
}

TEST(AppendIndex, EveryFlipAndEveryCutIsRefused) {
  const Bytes bytes = encode_append_index(some_log(5));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes flipped = bytes;
    flipped[i] ^= std::byte{1};
    EXPECT_FALSE(AppendIndex::open(flipped)) << i;
    EXPECT_FALSE(AppendIndex::open(ByteView(bytes).first(i))) << i;
  }
}

TEST(ArrayCheckpointState, ComesBackAndIsRefusedWhenCut) {
  StoreState state;
  state.next_id = 9;
  state.next_number = 33;
  DatasetState dataset;
  dataset.id = 4;
  dataset.name = "activations";
  dataset.options.row_shape = {7};
  dataset.created = 12;
  dataset.attributes = {{13, "unit", Value("mV")}};
  dataset.clears = {{14, 3, 9}};
  dataset.parts = {{{20, 100, {5, 6}}, 10, 12, 20, FileReference{20, 50, {7, 8}}, ""},
                   {{21, 200, {1, 1}}, 30, 21, 21, {}, "key"}};
  state.datasets.push_back(dataset);
  const Bytes bytes = encode(state);
  const StoreState back = *decode_store_state(bytes);
  EXPECT_EQ(encode(back), bytes);
  EXPECT_EQ(back.datasets[0].parts[1].key, "key");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_store_state(ByteView(bytes).first(size))) << size;
  Bytes newer = bytes;
  newer[0] = std::byte{2};
  EXPECT_EQ(decode_store_state(newer).error().code(), ErrorCode::unsupported);
}

TEST(Compaction, ManySmallWritesCostLogarithmicallyManyRewrites) {
  const CompactionLimits limits{8, 1 << 30, 0};
  std::vector<std::uint64_t> parts;
  std::uint64_t written = 0;
  constexpr std::uint64_t kStep = 4 << 10, kSteps = 2000;
  for (std::uint64_t i = 0; i < kSteps; ++i) {
    std::vector<Piece> pieces;
    for (const std::uint64_t bytes : parts) pieces.push_back({bytes, false, false});
    pieces.push_back({kStep, true, true});
    parts.clear();
    for (const Group& group : plan_compaction(pieces, limits)) {
      parts.push_back(group.bytes);
      written += group.write ? group.bytes : 0;
    }
    ASSERT_LE(parts.size(), 8U);
  }
  EXPECT_LT(written, 7 * kStep * kSteps);  // merging the cheapest pair instead: 99 times
}

TEST(Compaction, APartToBeZeroedIsWrittenAnewAndOneAtTheLimitIsLeftAlone) {
  const CompactionLimits limits{2, 100, 1};
  const std::vector<Piece> pieces{{100, false, false}, {90, true, false}, {100, false, false}, {5, true, true}};
  const auto groups = plan_compaction(pieces, limits);
  ASSERT_EQ(groups.size(), 4U);
  EXPECT_FALSE(groups[0].write);
  EXPECT_TRUE(groups[1].write);
  EXPECT_FALSE(groups[2].write);
  EXPECT_TRUE(groups[3].write);
}

}  // namespace
}  // namespace strata::store::array
