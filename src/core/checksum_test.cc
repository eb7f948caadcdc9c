#include "core/checksum.h"

#include <gtest/gtest.h>

#include <string>

namespace strata::core {
namespace {

// The values of RFC 3720, B.4, and the check value of the polynomial: whatever instruction computes them.
TEST(Checksum, Crc32cHasTheValuesOfTheStandard) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283U);
  EXPECT_EQ(crc32c(as_bytes(std::string(32, '\0'))), 0x8a9136aaU);
  EXPECT_EQ(crc32c(as_bytes(std::string(32, '\xff'))), 0x62a8ab43U);
  std::string ascending;
  for (char byte = 0; byte < 32; ++byte) ascending += byte;
  EXPECT_EQ(crc32c(as_bytes(ascending)), 0x46dd794eU);
}

TEST(Checksum, Crc32cOfPiecesIsThatOfTheWhole) {
  const std::string whole = "an odd number of bytes, so that every piece has a tail";
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    const auto first = crc32c(as_bytes(std::string_view(whole).substr(0, cut)));
    EXPECT_EQ(crc32c(as_bytes(std::string_view(whole).substr(cut)), first), crc32c(as_bytes(whole))) << cut;
  }
}

}  // namespace
}  // namespace strata::core
