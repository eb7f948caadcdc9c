#pragma once
/// Places on the earth: a point is a map {"lat": degrees, "lon": degrees}, an area a circle, a box or a polygon.
///
/// Distances are along the great circle of a sphere of the earth's mean radius: up to 0.6 % from the ellipsoid's. Edges of boxes and
/// polygons are straight in degrees, and points on them are inside.
#include <optional>
#include <variant>
#include <vector>

#include "store/vector/filter/encoded_value.h"
#include "strata/error.h"

namespace strata::store::vector {

inline constexpr std::size_t kPolygonCornersMax = 1'000;

struct GeoPoint {
  double lat = 0;  ///< degrees, −90 … 90
  double lon = 0;  ///< degrees, −180 … 180
};
/// Nothing when the value is no such map, or beyond the ranges.
std::optional<GeoPoint> geo_point(const EncodedValue& value);
double distance_m(const GeoPoint& a, const GeoPoint& b);

/// Immutable. Threads: any.
class GeoArea {
 public:
  // Errors  invalid_argument: what is wrong with the value, without its place
  static Result<GeoArea> circle(const Value& value);  ///< {"lat", "lon", "meters"}
  static Result<GeoArea> box(
      const Value& value);  ///< {"north", "south", "west", "east"}; west > east: over the antimeridian
  static Result<GeoArea> polygon(
      const Value& value);  ///< [{"lat", "lon"}, …], three and more; none of its edges over 180° long

  bool contains(const GeoPoint& point) const;

 private:
  struct Circle {
    GeoPoint center;
    double radius_m = 0;
  };
  struct Box {
    double north = 0, south = 0, west = 0, east = 0;
  };
  using Polygon = std::vector<GeoPoint>;
  explicit GeoArea(std::variant<Circle, Box, Polygon> shape) : shape_(std::move(shape)) {}
  static bool in(const Circle& circle, const GeoPoint& point);
  static bool in(const Box& box, const GeoPoint& point);
  static bool in(const Polygon& corners, const GeoPoint& point);

  std::variant<Circle, Box, Polygon> shape_;
};

}  // namespace strata::store::vector
