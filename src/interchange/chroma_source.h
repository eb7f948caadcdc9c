#pragma once
/// A persistent directory of Chroma (0.5 to 1.5): one collection of it.
///
///     chroma.sqlite3     collections, their segments, ids and metadata; and the queue: what was added since an index was last written
///     <segment>/         header.bin, data_level0.bin: an hnswlib index in two files, the header behind an i32 version
///                        index_metadata.pickle: which label is which id (pickle_labels.h)
///
/// Which ids there are, SQLite says; a vector is the queue's newest, else the index's, where vectors are scaled to length 1 under cosine.
#include "interchange/point_source.h"
#include "io/file_system.h"

namespace strata::interchange {

inline constexpr const char* kChromaFile = "chroma.sqlite3";

/// `collection` empty: the only one. A point's document becomes the field "document" of its payload. The directory should be nobody's
/// meanwhile: what Chroma writes into an index while it is read may be missed.
/// Errors  not_found (no such collection: those that there are are named), invalid_argument (several, and none said; tables that Chroma
///         has not), corruption
/// Cost    one pass; memory of about 150 bytes a point for ids and labels
Result<std::unique_ptr<PointSource>> open_chroma(io::FileSystem& files, const std::string& collection);

}  // namespace strata::interchange
