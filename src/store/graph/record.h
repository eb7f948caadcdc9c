#pragma once
/// A node's content as kept in the delta and in segments: varint count, that many label numbers ascending (varint), then
/// the encoded property Map, or nothing when there are no properties.
#include <algorithm>
#include <span>
#include <vector>

#include "core/codec.h"
#include "store/graph/names.h"

namespace strata::store::graph {

/// labels   ascending, each once
inline void encode_record(core::Encoder& out, std::span<const NameId> labels, ByteView properties) {
  out.varint(labels.size());
  for (const NameId label : labels) out.varint(label);
  out.raw(properties.data(), properties.size());
}

/// Calls `body(label)` for each label until it answers false; returns the encoded properties, or nothing if it stopped.
template <typename Body>
ByteView read_record(ByteView record, Body&& body) {
  core::Decoder in(record);
  const std::size_t labels = in.count(1);
  for (std::size_t i = 0; i < labels; ++i) {
    if (!body(static_cast<NameId>(in.varint()))) return {};
  }
  return in.raw(in.remaining());
}

inline bool record_has_label(ByteView record, NameId label) {
  bool found = false;
  read_record(record, [&](NameId it) { return !(found = found || it == label); });
  return found;
}

inline ByteView record_properties(ByteView record) {
  return read_record(record, [](NameId) { return true; });
}

inline Map decode_properties(ByteView properties) {
  if (properties.empty()) return {};
  core::Decoder in(properties);
  return in.map();
}

inline Bytes encode_properties(const Map& properties) {
  Bytes bytes;
  if (!properties.empty()) core::Encoder(bytes).map(properties);
  return bytes;
}

}  // namespace strata::store::graph
