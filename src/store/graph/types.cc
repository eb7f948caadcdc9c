#include "store/graph/types.h"

#include <cmath>

#include "core/codec.h"

namespace strata::store::graph {

std::uint64_t index_hash(std::string_view label, std::string_view key, const Value& value) {
  Bytes bytes;
  core::Encoder out(bytes);
  out.text(label);
  out.text(key);
  if (const double* real = value.real()) {
    // Two zeros and many NaNs are one value each.
    out.u8(static_cast<std::uint8_t>(Value::Kind::real));
    out.f64(*real == 0 ? 0.0 : std::isnan(*real) ? std::numeric_limits<double>::quiet_NaN() : *real);
  } else if (value.list() || value.map()) {
    out.u8(static_cast<std::uint8_t>(value.kind()));  // compared in full by whoever finds them; a real may be inside
  } else {
    out.value(value);
  }
  return core::xxh3_64(bytes);
}

}  // namespace strata::store::graph
