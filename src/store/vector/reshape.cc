#include "store/vector/reshape.h"

#include <algorithm>

namespace strata::store::vector {
namespace {

bool drops(const Reshape& reshape, std::string_view vector) {
  return std::binary_search(reshape.dropped.begin(), reshape.dropped.end(), vector, std::less<>());
}

Error corrupt(std::string_view what) { return Error(ErrorCode::corruption, std::string(what)); }

}  // namespace

void encode_reshape(const Reshape& reshape, core::Encoder& out) {
  encode_options(reshape.options, out);
  out.varint(reshape.dropped.size());
  for (const std::string& name : reshape.dropped) out.text(name);
  out.text(reshape.named);
}

Reshape decode_reshape(core::Decoder& in) {
  Reshape reshape;
  reshape.options = decode_options(in, OptionsForm::whole);
  const std::size_t count = in.count(1);
  for (std::size_t i = 0; i < count && in.ok() && i <= kNamedVectorsMax; ++i) {
    reshape.dropped.emplace_back(in.text());
    if (i > 0 && reshape.dropped[i - 1] >= reshape.dropped[i]) in.fail();
  }
  if (count > kNamedVectorsMax) in.fail();
  reshape.named = in.text();
  return reshape;
}

bool is_added(const CollectionOptions& before, const Reshape& reshape, std::string_view vector) {
  return drops(reshape, vector) || (vector != reshape.named && !place_of_vector(before, vector));
}

Result<void> check_reshape(const CollectionOptions& before, const Reshape& reshape) {
  const CollectionOptions& after = reshape.options;
  for (const std::string& name : reshape.dropped) {
    if (!place_of_vector(before, name)) return corrupt("drops a vector that is not there");
  }
  const CollectionOptions was = content_of(before), is = content_of(after);
  for (const NamedVector& vector : was.vectors) {
    if (drops(reshape, vector.name)) continue;
    const auto place = place_of_vector(is, vector.name);
    if (!place || is.vectors[*place] != vector) return corrupt("a vector that changes while it stays");
  }
  if (is.words != was.words) return corrupt("words that come or go");
  if (reshape.named.empty()) {
    const bool same = is.dimension == was.dimension && is.metric == was.metric && is.element == was.element;
    return same ? Result<void>() : corrupt("an unnamed vector that comes, changes or goes");
  }
  const auto place = place_of_vector(is, reshape.named);
  const bool moves = was.dimension > 0 && is.dimension == 0 && place && !place_of_vector(was, reshape.named) &&
                     is.vectors[*place] == with_name(was, reshape.named);
  return moves ? Result<void>() : corrupt("a name for a vector that is not there");
}

bool reshapes(const CollectionOptions& before, const Reshape& reshape) {
  return !reshape.dropped.empty() || !reshape.named.empty() || content_of(before) != content_of(reshape.options);
}

}  // namespace strata::store::vector
