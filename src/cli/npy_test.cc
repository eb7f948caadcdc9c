#include "cli/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace strata::cli {
namespace {

using testing::HasSubstr;

/// What numpy.save writes for a header.
Bytes file_of(const std::string& header, std::size_t content_bytes, char major = 1) {
  std::string text("\x93NUMPY", 6);
  text += major;
  text += '\0';
  text += static_cast<char>(header.size() & 0xFF);
  text += static_cast<char>(header.size() >> 8);
  if (major > 1) text += std::string(2, '\0');
  text += header + std::string(content_bytes, '\0');
  const ByteView bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

std::string error_of(const Bytes& file) {
  auto array = parse_npy(file);
  return array ? "no error" : array.error().message();
}

TEST(Npy, ReadsBackWhatItWrites) {
  for (const char* json : {"[1,2,3]", "[[1,2],[3,4],[5,6]]", "[]", "[[[0]],[[7]]]"}) {
    for (const char* type : {"int8", "uint16", "int64", "float16", "float32", "float64"}) {
      auto array = array_from_json(*parse_json(json), *parse_data_type(type));
      ASSERT_TRUE(array) << array.error().to_string();
      const Bytes file = to_npy(*array);
      EXPECT_EQ((file.size() - array->bytes.size()) % 64, 0U);
      auto again = parse_npy(file);
      ASSERT_TRUE(again) << again.error().to_string();
      EXPECT_EQ(again->type, array->type);
      EXPECT_EQ(again->shape, array->shape);
      EXPECT_EQ(again->bytes, array->bytes);
    }
  }
}

TEST(Npy, ReadsWhatNumpyWrites) {
  auto array = parse_npy(file_of("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 24));
  ASSERT_TRUE(array) << array.error().to_string();
  EXPECT_EQ(array->type, DataType::float32);
  EXPECT_EQ(array->shape, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_TRUE(parse_npy(file_of("{'descr': '|u1', 'fortran_order': False, 'shape': (5,), }\n", 5, 2)));
  EXPECT_TRUE(parse_npy(file_of("{'descr': '<i8', 'fortran_order': False, 'shape': (), }\n", 8)));
  EXPECT_TRUE(parse_npy(file_of("{'descr': '<i8', 'fortran_order': True, 'shape': (1,), }\n", 8)));
}

TEST(Npy, RefusesWhatArraysCannotHold) {
  EXPECT_THAT(error_of({}), HasSubstr("does not begin"));
  EXPECT_THAT(error_of(file_of("{}", 0, 9)), HasSubstr("version is 9"));
  EXPECT_THAT(error_of(file_of("{'shape': (1,)}", 0)), HasSubstr("no descr"));
  EXPECT_THAT(error_of(file_of("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", 8)), HasSubstr("<c8"));
  EXPECT_THAT(error_of(file_of("{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", 4)), HasSubstr("big-endian"));
  EXPECT_THAT(error_of(file_of("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", 4)),
              HasSubstr("type"));
  EXPECT_THAT(error_of(file_of("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2)}", 16)), HasSubstr("Fortran"));
  EXPECT_THAT(error_of(file_of("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)}", 15)),
              HasSubstr("shape says"));
  EXPECT_THAT(error_of(file_of("{'descr': '<f4', 'fortran_order': False, 'shape': (2, -2)}", 16)), HasSubstr("shape"));
  EXPECT_THAT(
      error_of(file_of("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296)}", 0)),
      HasSubstr("shape says"));
  // Found by fuzzing: printing it would have reserved room for as many lists as the first axis says.
  EXPECT_THAT(error_of(file_of("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 0)}", 0)),
              HasSubstr("no numbers"));
  Bytes cut = file_of("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4);
  cut.resize(30);
  EXPECT_THAT(error_of(cut), HasSubstr("cut off"));
}

TEST(Npy, TurnsJsonIntoEveryTypeAndBack) {
  for (const char* type : {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}) {
    auto array = array_from_json(*parse_json("[[0,1],[127,3]]"), *parse_data_type(type));
    ASSERT_TRUE(array) << array.error().to_string();
    EXPECT_EQ(to_json(array_to_json(*array)), "[[0,1],[127,3]]") << type;
  }
  for (const char* type : {"float16", "float32", "float64"}) {
    auto array = array_from_json(*parse_json("[0,1.5,-0.25,65504,0.0009765625]"), *parse_data_type(type));
    EXPECT_EQ(to_json(array_to_json(*array)), "[0.0,1.5,-0.25,65504.0,0.0009765625]") << type;
  }
  // Half precision at its ends: the smallest, halfway to the next even one, overflow.
  auto halves =
      array_from_json(*parse_json("[5.960464477539063e-08,1.00048828125,65519,65520,2e-8]"), DataType::float16);
  std::uint16_t bits[5];
  std::memcpy(bits, halves->bytes.data(), sizeof bits);
  EXPECT_THAT(bits, testing::ElementsAre(0x0001, 0x3C00, 0x7BFF, 0x7C00, 0x0000));
}

TEST(Npy, RefusesJsonThatIsNoArray) {
  for (const char* json : {"[[1,2],[3]]", "[[1],2]", "[1,[2]]", "[\"a\"]", "\"a\"", "[null]"}) {
    EXPECT_EQ(array_from_json(*parse_json(json), DataType::float32).error().code(), ErrorCode::invalid_argument)
        << json;
  }
  EXPECT_THAT(array_from_json(*parse_json("[256]"), DataType::uint8).error().message(),
              HasSubstr("256 is not in the range of uint8"));
  EXPECT_FALSE(array_from_json(*parse_json("[-1]"), DataType::uint64));
  EXPECT_FALSE(array_from_json(*parse_json("[1.5]"), DataType::int32));
}

TEST(Npy, TakesOneRowAsAVector) {
  EXPECT_THAT(*to_floats(*array_from_json(*parse_json("[[1,2]]"), DataType::float64)), testing::ElementsAre(1, 2));
  EXPECT_FALSE(to_floats(*array_from_json(*parse_json("[[1],[2]]"), DataType::float64)));
  EXPECT_FALSE(to_floats(*array_from_json(*parse_json("3"), DataType::float64)));
}

}  // namespace
}  // namespace strata::cli
