#include "store/array/mutation.h"

#include "store/array/layout.h"

namespace strata::store::array {
namespace {

constexpr std::uint8_t kVersion = 1;
enum class Op : std::uint8_t { create = 1, drop, append, adopt, clear, attribute };

struct MutationEncoder {
  core::Encoder& out;

  void head(Op op, std::string_view dataset) const {
    out.u8(static_cast<std::uint8_t>(op));
    out.text(dataset);
  }
  void operator()(const CreateDataset& m) const {
    head(Op::create, m.dataset);
    encode(out, m.options);
  }
  void operator()(const DropDataset& m) const { head(Op::drop, m.dataset); }
  void operator()(const AppendRows& m) const {
    head(Op::append, m.dataset);
    out.varint(m.rows);
    out.text(m.key);
    out.bytes(m.data);
  }
  void operator()(const AdoptPart& m) const {
    head(Op::adopt, m.dataset);
    out.varint(m.rows);
    out.text(m.key);
    encode(out, m.file);
  }
  void operator()(const ClearRows& m) const {
    head(Op::clear, m.dataset);
    out.u8(m.own ? 1 : 0);
    out.varint(m.begin);
    out.varint(m.end);
  }
  void operator()(const SetAttribute& m) const {
    head(Op::attribute, m.dataset);
    out.text(m.name);
    out.value(m.value);
  }
};

Mutation decode(Op op, core::Decoder& in) {
  const std::string_view dataset = in.text();
  if (!check_dataset_name(dataset)) in.fail();
  switch (op) {
    case Op::create: return CreateDataset{dataset, decode_options(in)};
    case Op::drop: return DropDataset{dataset};
    case Op::append: {
      AppendRows m{dataset, in.varint(), in.text(), {}};
      m.data = in.bytes();
      if (m.rows == 0 || m.key.size() > kKeyBytesMax) in.fail();
      return m;
    }
    case Op::adopt: {
      AdoptPart m{dataset, in.varint(), in.text(), {}};
      m.file = decode_file_reference(in);
      if (m.rows == 0 || m.rows > kRowsMax || m.key.size() > kKeyBytesMax || m.file.number == 0) in.fail();
      return m;
    }
    case Op::clear: {
      const std::uint8_t own = in.u8();
      const std::uint64_t begin = in.varint();
      const std::uint64_t end = in.varint();
      if (own > 1 || begin > end) in.fail();
      return ClearRows{dataset, own == 1, begin, end};
    }
    case Op::attribute: {
      const std::string_view name = in.text();
      return SetAttribute{dataset, name, in.value()};
    }
  }
  in.fail();
  return DropDataset{};
}

}  // namespace

void encode(core::Encoder& out, const FileReference& file) {
  out.varint(file.number);
  out.varint(file.bytes);
  out.u64(file.hash.low);
  out.u64(file.hash.high);
}

FileReference decode_file_reference(core::Decoder& in) {
  FileReference file;
  file.number = in.varint();
  file.bytes = in.varint();
  file.hash.low = in.u64();
  file.hash.high = in.u64();
  return file;
}

void encode(Bytes& section, const Mutation& mutation) {
  core::Encoder out(section);
  if (section.empty()) out.u8(kVersion);
  std::visit(MutationEncoder{out}, mutation);
}

SectionReader::SectionReader(ByteView section) : in_(section), version_(in_.u8()) {}

Result<std::optional<Mutation>> SectionReader::next() {
  constexpr std::string_view kWhat = "array section";
  STRATA_TRY(in_.ok() ? Result<void>() : in_.finish(kWhat));
  if (version_ > kVersion) {
    return Error(ErrorCode::unsupported, "an array section of a newer version: " + std::to_string(version_));
  }
  if (version_ == 0) in_.fail();
  if (in_.ok() && in_.remaining() == 0) return std::optional<Mutation>();
  Mutation mutation = decode(static_cast<Op>(in_.u8()), in_);
  STRATA_TRY(in_.ok() ? Result<void>() : in_.finish(kWhat));
  return std::optional<Mutation>(std::move(mutation));
}

}  // namespace strata::store::array
