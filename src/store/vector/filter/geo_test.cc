#include "store/vector/filter/geo.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"

namespace strata::store::vector {
namespace {

TEST(Geo, DistancesAreThoseOfTheSphere) {
  const double quarter = 6'371'008.8 * std::acos(-1.0) / 2;
  EXPECT_NEAR(distance_m({0, 0}, {90, 0}), quarter, 1e-3);
  EXPECT_NEAR(distance_m({0, 0}, {0, 180}), 2 * quarter, 1e-3);
  EXPECT_NEAR(distance_m({-90, 17}, {90, -20}), 2 * quarter, 1e-3);
  EXPECT_EQ(distance_m({12, 34}, {12, 34}), 0);
  // Berlin, Alexanderplatz, to Munich, Marienplatz: 504 km.
  EXPECT_NEAR(distance_m({52.5219, 13.4132}, {48.1374, 11.5755}), 504'000, 1'000);
  // One degree of latitude, and of longitude at 60° north: half as long.
  EXPECT_NEAR(distance_m({60, 10}, {61, 10}), 111'195, 1);
  EXPECT_NEAR(distance_m({60, 10}, {60, 11}), 55'597, 10);
}

// By the angles under which a point sees the corners: inside they add up to a whole turn.
bool sees_a_whole_turn(const std::vector<GeoPoint>& corners, const GeoPoint& p) {
  double turn = 0;
  for (std::size_t i = 0; i < corners.size(); ++i) {
    const GeoPoint& a = corners[i];
    const GeoPoint& b = corners[(i + 1) % corners.size()];
    const double to_a = std::atan2(a.lat - p.lat, a.lon - p.lon), to_b = std::atan2(b.lat - p.lat, b.lon - p.lon);
    double angle = to_b - to_a;
    if (angle > std::acos(-1.0)) angle -= 2 * std::acos(-1.0);
    if (angle < -std::acos(-1.0)) angle += 2 * std::acos(-1.0);
    turn += angle;
  }
  return std::abs(turn) > 1;
}

TEST(Geo, APolygonHoldsWhatSeesItAllAroundItself) {
  core::Random random(12);
  int inside = 0;
  for (int round = 0; round < 200; ++round) {
    // A star: each corner at another angle, so that edges do not cross.
    std::vector<GeoPoint> corners;
    Value::List list;
    const std::uint64_t count = 3 + random.below(9);
    for (std::uint64_t i = 0; i < count; ++i) {
      const double angle =
          2 * std::acos(-1.0) * (static_cast<double>(i) + random.real() * 0.9) / static_cast<double>(count);
      const double radius = 5 + random.real() * 40;
      corners.push_back({radius * std::sin(angle), 90 + radius * std::cos(angle)});
      list.push_back(Map{{"lat", corners.back().lat}, {"lon", corners.back().lon}});
    }
    const GeoArea area = *GeoArea::polygon(list);
    for (int i = 0; i < 100; ++i) {
      const GeoPoint point{random.real() * 100 - 50, 90 + random.real() * 100 - 50};
      ASSERT_EQ(area.contains(point), sees_a_whole_turn(corners, point));
      inside += area.contains(point) ? 1 : 0;
    }
    for (std::size_t i = 0; i < corners.size(); ++i) ASSERT_TRUE(area.contains(corners[i]));
  }
  EXPECT_GT(inside, 1'000);
}

}  // namespace
}  // namespace strata::store::vector
