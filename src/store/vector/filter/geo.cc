#include "store/vector/filter/geo.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace strata::store::vector {
namespace {

constexpr double kEarthRadiusM = 6'371'008.8;  // the mean of the WGS 84 ellipsoid's axes, (2a + b) / 3
constexpr double kLatMax = 90;
constexpr double kLonMax = 180;

Error refuse(std::string message) { return Error(ErrorCode::invalid_argument, std::move(message)); }

bool within(double value, double most) { return value >= -most && value <= most; }

std::optional<double> number_in(const EncodedMap& map, std::string_view name) {
  const auto value = map.find(name);
  if (!value) return std::nullopt;
  if (value->kind() == Value::Kind::integer) return static_cast<double>(value->integer());
  if (value->kind() == Value::Kind::real) return value->real();
  return std::nullopt;
}

// The numbers that `value` must have, and nothing else.
template <std::size_t kCount>
Result<std::array<double, kCount>> numbers_of(const Value& value, const std::array<std::string_view, kCount>& names,
                                              std::string_view form) {
  std::array<double, kCount> numbers{};
  const Map* map = value.map();
  bool good = map != nullptr && map->size() == kCount;
  for (std::size_t i = 0; i < kCount && good; ++i) {
    const Value* each = map->find(names[i]);
    good = each != nullptr && each->number(numbers[i]) && std::isfinite(numbers[i]);
  }
  if (!good) return refuse("takes " + std::string(form) + ", numbers");
  return numbers;
}

Result<void> check_lat(double lat) {
  if (within(lat, kLatMax)) return {};
  return refuse("a latitude is -90 to 90, not " + std::to_string(lat));
}

Result<void> check_lon(double lon) {
  if (within(lon, kLonMax)) return {};
  return refuse("a longitude is -180 to 180, not " + std::to_string(lon));
}

double radians(double degrees) { return degrees * std::numbers::pi / 180; }

// Twice the area of the triangle: 0 on the line through a and b.
double turn(const GeoPoint& a, const GeoPoint& b, const GeoPoint& p) {
  return (b.lon - a.lon) * (p.lat - a.lat) - (b.lat - a.lat) * (p.lon - a.lon);
}

bool on_edge(const GeoPoint& a, const GeoPoint& b, const GeoPoint& p) {
  return turn(a, b, p) == 0 && p.lat >= std::min(a.lat, b.lat) && p.lat <= std::max(a.lat, b.lat) &&
         p.lon >= std::min(a.lon, b.lon) && p.lon <= std::max(a.lon, b.lon);
}

}  // namespace

std::optional<GeoPoint> geo_point(const EncodedValue& value) {
  if (value.kind() != Value::Kind::map) return std::nullopt;
  const EncodedMap map = EncodedMap::of_entries(value.content());
  const auto lat = number_in(map, "lat"), lon = number_in(map, "lon");
  if (!lat || !lon || !within(*lat, kLatMax) || !within(*lon, kLonMax)) return std::nullopt;
  return GeoPoint{*lat, *lon};
}

// Source  Sinnott, Virtues of the haversine (Sky and Telescope 68, 1984)
double distance_m(const GeoPoint& a, const GeoPoint& b) {
  const double half_lat = std::sin(radians(b.lat - a.lat) / 2), half_lon = std::sin(radians(b.lon - a.lon) / 2);
  const double haversine =
      half_lat * half_lat + std::cos(radians(a.lat)) * std::cos(radians(b.lat)) * half_lon * half_lon;
  return 2 * kEarthRadiusM * std::asin(std::min(1.0, std::sqrt(haversine)));
}

Result<GeoArea> GeoArea::circle(const Value& value) {
  const auto [lat, lon, meters] = STRATA_TRY(
      numbers_of<3>(value, {"lat", "lon", "meters"}, R"({"lat": degrees, "lon": degrees, "meters": radius})"));
  STRATA_TRY(check_lat(lat));
  STRATA_TRY(check_lon(lon));
  if (meters < 0) return refuse("a radius is 0 meters or more, not " + std::to_string(meters));
  return GeoArea(Circle{{lat, lon}, meters});
}

Result<GeoArea> GeoArea::box(const Value& value) {
  const auto [north, south, west, east] = STRATA_TRY(numbers_of<4>(
      value, {"north", "south", "west", "east"}, R"({"north", "south", "west", "east"}, each in degrees)"));
  for (const double lat : {north, south}) STRATA_TRY(check_lat(lat));
  for (const double lon : {west, east}) STRATA_TRY(check_lon(lon));
  if (north < south) {
    return refuse("the north of a box, " + std::to_string(north) + ", is below its south, " + std::to_string(south));
  }
  return GeoArea(Box{north, south, west, east});
}

Result<GeoArea> GeoArea::polygon(const Value& value) {
  const Value::List* list = value.list();
  if (list == nullptr || list->size() < 3 || list->size() > kPolygonCornersMax) {
    return refuse("takes a list of 3 to " + std::to_string(kPolygonCornersMax) +
                  R"( corners, each {"lat": degrees, "lon": degrees})");
  }
  Polygon corners;
  for (const Value& each : *list) {
    const auto [lat, lon] =
        STRATA_TRY(numbers_of<2>(each, {"lat", "lon"}, R"(a list of corners, each {"lat": degrees, "lon": degrees})"));
    STRATA_TRY(check_lat(lat));
    STRATA_TRY(check_lon(lon));
    corners.push_back({lat, lon});
  }
  for (std::size_t i = 0; i < corners.size(); ++i) {
    if (std::abs(corners[i].lon - corners[(i + 1) % corners.size()].lon) > kLonMax) {
      return refuse(
          "an edge of a polygon spans more than 180 degrees; one over the antimeridian is to be cut in two there");
    }
  }
  return GeoArea(std::move(corners));
}

bool GeoArea::contains(const GeoPoint& point) const {
  return std::visit([&](const auto& shape) { return in(shape, point); }, shape_);
}

bool GeoArea::in(const Circle& circle, const GeoPoint& point) {
  return distance_m(circle.center, point) <= circle.radius_m;
}

bool GeoArea::in(const Box& box, const GeoPoint& point) {
  if (point.lat > box.north || point.lat < box.south) return false;
  const bool east_of_west = point.lon >= box.west, west_of_east = point.lon <= box.east;
  return box.west <= box.east ? east_of_west && west_of_east : east_of_west || west_of_east;
}

// A line to the east crosses an odd number of edges.
bool GeoArea::in(const Polygon& corners, const GeoPoint& point) {
  bool inside = false;
  for (std::size_t i = 0; i < corners.size(); ++i) {
    const GeoPoint& a = corners[i];
    const GeoPoint& b = corners[(i + 1) % corners.size()];
    if (on_edge(a, b, point)) return true;
    if ((a.lat > point.lat) == (b.lat > point.lat)) continue;
    const double crossing = a.lon + (point.lat - a.lat) / (b.lat - a.lat) * (b.lon - a.lon);
    if (point.lon < crossing) inside = !inside;
  }
  return inside;
}

}  // namespace strata::store::vector
