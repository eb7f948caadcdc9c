#include "store/array/checkpoint_state.h"

#include "store/array/layout.h"

namespace strata::store::array {
namespace {

constexpr std::uint8_t kVersion = 1;

void encode_part(core::Encoder& out, const PartDescription& part) {
  encode(out, part.file);
  out.varint(part.rows);
  out.varint(part.first_lsn);
  out.varint(part.last_lsn - part.first_lsn);
  out.u8(part.index ? 1 : 0);
  if (part.index) {
    encode(out, *part.index);
  } else {
    out.text(part.key);
  }
}

PartDescription decode_part(core::Decoder& in) {
  PartDescription part;
  part.file = decode_file_reference(in);
  part.rows = in.varint();
  part.first_lsn = in.varint();
  part.last_lsn = part.first_lsn + in.varint();
  const std::uint8_t kind = in.u8();
  if (kind == 1) {
    part.index = decode_file_reference(in);
  } else {
    part.key = in.text();
  }
  const bool one_append = part.first_lsn == part.last_lsn;
  if (part.rows == 0 || part.rows > kRowsMax || part.file.number == 0 || kind > 1 || (kind == 0 && !one_append))
    in.fail();
  return part;
}

void encode_dataset(core::Encoder& out, const DatasetState& dataset) {
  out.varint(dataset.id);
  out.text(dataset.name);
  encode(out, dataset.options);
  out.varint(dataset.created);
  out.varint(dataset.dropped);
  out.varint(dataset.attributes.size());
  for (const AttributeVersion& version : dataset.attributes) {
    out.varint(version.lsn);
    out.text(version.name);
    out.value(version.value);
  }
  out.varint(dataset.clears.size());
  for (const Clear& clear : dataset.clears) {
    out.varint(clear.lsn);
    out.varint(clear.begin);
    out.varint(clear.end - clear.begin);
  }
  out.varint(dataset.parts.size());
  for (const PartDescription& part : dataset.parts) encode_part(out, part);
}

DatasetState decode_dataset(core::Decoder& in) {
  DatasetState dataset;
  dataset.id = in.varint();
  dataset.name = in.text();
  if (!check_dataset_name(dataset.name)) in.fail();
  dataset.options = decode_options(in);
  dataset.created = in.varint();
  dataset.dropped = in.varint();
  for (std::size_t left = in.count(3); left > 0; --left) {
    AttributeVersion version;
    version.lsn = in.varint();
    version.name = in.text();
    version.value = in.value();
    dataset.attributes.push_back(std::move(version));
  }
  std::uint64_t rows = 0;
  for (std::size_t left = in.count(3); left > 0; --left) {
    Clear clear;
    clear.lsn = in.varint();
    clear.begin = in.varint();
    const std::uint64_t length = in.varint();
    if (clear.begin > kRowsMax || length == 0 || length > kRowsMax) in.fail();
    clear.end = clear.begin + length;
    rows = std::max(rows, clear.end);
    dataset.clears.push_back(clear);
  }
  for (std::size_t left = in.count(20); left > 0; --left) {
    PartDescription part = decode_part(in);
    const bool ordered = dataset.parts.empty() || dataset.parts.back().last_lsn <= part.first_lsn;
    if (!ordered) in.fail();
    rows -= std::min(rows, part.rows);
    dataset.parts.push_back(std::move(part));
  }
  if (rows > 0) in.fail();  // a clear beyond the last row
  return dataset;
}

}  // namespace

Bytes encode(const StoreState& state) {
  Bytes bytes;
  core::Encoder out(bytes);
  out.u8(kVersion);
  out.varint(state.next_id);
  out.varint(state.next_number);
  out.varint(state.datasets.size());
  for (const DatasetState& dataset : state.datasets) encode_dataset(out, dataset);
  return bytes;
}

Result<StoreState> decode_store_state(ByteView bytes) {
  core::Decoder in(bytes);
  const std::uint8_t version = in.u8();
  if (version > kVersion) {
    return Error(ErrorCode::unsupported, "an array checkpoint of a newer version: " + std::to_string(version));
  }
  StoreState state;
  state.next_id = in.varint();
  state.next_number = in.varint();
  for (std::size_t left = in.count(10); left > 0 && in.ok(); --left) state.datasets.push_back(decode_dataset(in));
  if (version == 0) in.fail();
  STRATA_TRY(in.finish("array checkpoint"));
  return state;
}

}  // namespace strata::store::array
