#pragma once
/// An index file of hnswlib (HierarchicalNSW::saveIndex, version 0.4 and newer), as C++ and hnswlib.Index write it:
///
///     0    u64 offset of level 0 (0) · u64 capacity · u64 elements · u64 bytes of an element · u64 offset of its label
///     40   u64 offset of its vector · i32 top level · u32 entry
///     56   u64 links above the ground (M) · u64 links on it (2 M) · u64 M · f64 level factor · u64 ef of construction
///     96   elements: u16 links, u8 flags (1: deleted), u8 unused, u32 links … · f32 vector … · u64 label
///          then, for each element, u32 bytes and the links above the ground
///
/// Neither magic nor version nor dimension nor metric are in there; the offsets must fit together instead. Under hnswlib's "cosine"
/// vectors were scaled to length 1 before they were kept.
#include "interchange/point_names.h"

namespace strata::interchange {

inline constexpr std::size_t kHnswlibHeaderBytes = 96;

struct HnswlibHeader {
  std::uint64_t offset_level0, capacity, elements, element_bytes, label_offset, vector_offset, degree, ground_degree;
};

/// at  [kHnswlibHeaderBytes]
HnswlibHeader parse_hnswlib_header(const std::byte* at);
/// Why it is none; empty: it is one. Says nothing of the file's length.
std::string objection(const HnswlibHeader& header);

/// Whether these first bytes of a file of `size` bytes fit together as the header of such an index.
bool is_hnswlib(ByteView front, std::uint64_t size);
/// Borrows `names`, which may be nullptr. Errors  invalid_argument (offsets that do not fit together), corruption (ends early)
Result<std::unique_ptr<PointSource>> open_hnswlib(io::FileSystem& files, const std::string& name, PointNames* names);

}  // namespace strata::interchange
