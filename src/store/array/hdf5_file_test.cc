/// What others see: array/index.h5 opened on a real disk with plain HDF5, as h5py does it.
#include "store/array/hdf5_file.h"

#include <gtest/gtest.h>
#include <hdf5.h>

#include <filesystem>

#include "io/posix_file_system.h"
#include "store/array/array_store_fixture.h"

namespace strata::store::array {
namespace {

constexpr std::uint64_t kWidth = 4;

struct RealDisk : ::testing::Test {
  RealDisk() {
    root = (std::filesystem::temp_directory_path() / "strata-array-XXXXXX").string();
    STRATA_ASSERT(mkdtemp(root.data()) != nullptr);
    files = *io::open_posix_file_system(root);
  }
  ~RealDisk() override { std::filesystem::remove_all(root); }

  std::string root;
  std::unique_ptr<io::FileSystem> files;
};

std::vector<float> read_with_plain_hdf5(const std::string& path, const char* dataset) {
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t rows = H5Dopen2(file, dataset, H5P_DEFAULT);
  const hid_t space = H5Dget_space(rows);
  std::vector<float> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)), -1.0F);
  EXPECT_GE(H5Dread(rows, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  H5Sclose(space);
  H5Dclose(rows);
  H5Fclose(file);
  return values;
}

TEST_F(RealDisk, TheIndexShowsEveryDatasetAsOneArrayOverItsParts) {
  ArrayOptions options;
  options.compaction.tiny_bytes = 0;
  TestDatabase db(*files, options);
  DatasetOptions zipped = float_rows(kWidth);
  zipped.gzip_level = 4;
  zipped.shuffle = true;
  ASSERT_TRUE(db.once([&](ArrayStore& s) { return s.create_dataset("activations", zipped); }));
  ASSERT_TRUE(db.once([&](ArrayStore& s) { return s.create_dataset("empty", float_rows(2)); }));
  std::uint64_t rows = 0;
  for (const std::uint64_t count : {500, 100, 20, 3}) {
    ASSERT_TRUE(
        db.once([&](ArrayStore& s) { return append_floats(s, "activations", ramp(rows, count, kWidth), kWidth); }));
    rows += count;
    ASSERT_TRUE(db.checkpoint());
  }
  ASSERT_TRUE(db.once([](ArrayStore& s) { return s.set_attribute("activations", "unit", Value("mV")); }));
  ASSERT_TRUE(db.checkpoint());
  EXPECT_EQ(db.view()->array().dataset("activations")->parts, 4U);
  EXPECT_EQ(read_with_plain_hdf5(root + "/array/index.h5", "activations"), ramp(0, rows, kWidth));
  EXPECT_TRUE(read_with_plain_hdf5(root + "/array/index.h5", "empty").empty());
}

TEST_F(RealDisk, AnIndexLeftUnfinishedByACrashIsWrittenAnew) {
  TestDatabase db(*files);
  ASSERT_TRUE(db.once([&](ArrayStore& s) { return s.create_dataset("a", float_rows(kWidth)); }));
  ASSERT_TRUE(db.once([&](ArrayStore& s) { return append_floats(s, "a", ramp(0, 10, kWidth), kWidth); }));
  ASSERT_TRUE(db.checkpoint());
  ASSERT_TRUE(db.once([&](ArrayStore& s) { return append_floats(s, "a", ramp(10, 10, kWidth), kWidth); }));
  ASSERT_TRUE(db.store().freeze(db.lsn()));
  db.set_checkpoint(*db.store().write_checkpoint(db.lsn()));  // the manifest is durable; then the process dies
  db.reopen();
  EXPECT_EQ(read_with_plain_hdf5(root + "/array/index.h5", "a"), ramp(0, 20, kWidth));
  EXPECT_EQ(files->list("array")->size(), 3U);
}

TEST_F(RealDisk, SixtyThousandSmallRowsTakeHardlyMoreThanTheirBytes) {
  constexpr std::uint64_t kRows = 60'000, kFloats = 64;
  TestDatabase db(*files);
  ASSERT_TRUE(db.once([&](ArrayStore& s) { return s.create_dataset("a", float_rows(kFloats)); }));
  auto tx = db.begin();
  for (std::uint64_t i = 0; i < kRows; ++i) {
    ASSERT_TRUE(append_floats(tx->array(), "a", ramp(i, 1, kFloats), kFloats));
  }
  ASSERT_TRUE(tx->commit());
  ASSERT_TRUE(db.checkpoint());
  std::uint64_t bytes = 0;
  for (const auto& file : db.last_checkpoint()->files) bytes += file.bytes;
  EXPECT_LT(static_cast<double>(bytes), 1.05 * kRows * kFloats * sizeof(float));
}

}  // namespace
}  // namespace strata::store::array
