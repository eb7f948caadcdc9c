#pragma once
/// Vectors from other vector stores and back: what their files hold becomes points of a collection, and the other way round.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "strata/engine.h"
#include "strata/operations.h"
#include "strata/vector.h"

namespace [[gnu::visibility("default")]] strata {

/// Whose files. Each is read natively, without the library that wrote it (docs/guides/vector-transfer.md says which versions).
enum class VectorFormat : std::uint8_t {
  npy,      ///< NumPy: one array of two axes; or a folder with vectors.npy and points.jsonl
  faiss,    ///< an index file: flat, scalar quantizer, HNSW or IVF over them, each with or without an id map
  hnswlib,  ///< an index file of hnswlib.Index (HNSW)
  qdrant,   ///< JSON as Qdrant's HTTP API speaks it: answers of scroll, bodies of upsert
  parquet,  ///< rows with an id, a list of numbers and other columns, as Arrow, pandas, LanceDB and others write them
  chroma,   ///< a persistent directory of Chroma, one collection of it
};
std::string_view name(VectorFormat format) noexcept;
Result<VectorFormat> parse_vector_format(std::string_view text);  ///< "npy", "faiss" …

/// Points of one kind that a transfer left out or changed: never silently.
struct TransferRemark {
  std::string what = {};     ///< "the vector holds NaN or infinity: left out"
  std::uint64_t points = 0;  ///< how many
  std::string example = {};  ///< the first: "label 17"
};

struct VectorImportOptions {
  std::string path = {};                    ///< a file or a folder
  std::optional<VectorFormat> format = {};  ///< none: by the content
  /// Ids and payloads for labels (npy: rows; faiss, hnswlib: the integer ids in there): a .npy of integers or text, or JSON lines. A
  /// line is an id, or {"id", "payload", "label"}; without "label" the first line is label 0. Empty: PATH.points.jsonl where that is, else the label in decimal digits.
  std::string points = {};
  std::string id_field =
      {};  ///< qdrant: the payload's field that is the id, and leaves it; empty: Qdrant's own. parquet: a column; empty: "id"
  std::string vector_field = {};       ///< qdrant, parquet: which of several vectors, by name; empty: the only one
  std::string source_collection = {};  ///< chroma: which of its collections; empty: the only one
  std::string text_field =
      {};  ///< the payload's field whose words search_words finds the point by; it stays. Empty: none
  std::optional<Metric> metric = {};  ///< none: the file's; else the collection's
  std::size_t batch = 1'000;          ///< points in one commit, 1 … 100,000; fewer when they are large
  bool resume = false;                ///< pass over points that are there already
  bool dry_run = false;               ///< read and check everything, write nothing
};

struct VectorImportReport {
  std::string format = {};  ///< what the file is: "faiss IndexHNSWFlat"
  CollectionOptions collection;
  bool created = false;        ///< the collection (with dry_run: would be)
  std::uint64_t read = 0;      ///< points in the file, those left out included
  std::uint64_t upserted = 0;  ///< of them written (with dry_run: would be)
  std::uint64_t skipped = 0;   ///< there already (resume)
  std::vector<TransferRemark> remarks = {};
  Lsn lsn = 0;
};

/// Reads the file and upserts its points, a batch a commit. A collection that is not there is created with the file's dimension and
/// metric; in one that is there the vectors become the unnamed or the default ones. What cannot be kept is left out and told in `remarks`, each kind with its number and first example. After an error, and
/// when `progress` (points done, points in the file) cancels, whole batches are in; `resume` goes on.
/// Errors  not_found (no such file), invalid_argument (not such a file: file and offset are named; options), failed_precondition
///         (another dimension or metric than the collection's; the metric is nowhere said), corruption (the file ends early),
///         unsupported (an index of a kind that does not hold its vectors), cancelled, io
/// Cost    one pass over the file; memory for one batch and, where ids come apart from vectors, 8 to 16 bytes a point
Result<VectorImportReport> import_vectors(Engine& engine, std::string_view collection,
                                          const VectorImportOptions& options, const Progress& progress = {}) noexcept;

struct VectorExportOptions {
  std::string path = {};  ///< a file that is replaced when it is whole; npy: a folder that is made
  VectorFormat format = VectorFormat::npy;
  Filter filter = {};  ///< only these points
  std::string vector =
      {};  ///< the named one that is written, of the points that have it; empty: the one that is meant where none is named
};

struct VectorExportReport {
  std::vector<std::string> files = {};
  std::uint64_t points = 0;
  std::vector<TransferRemark> remarks = {};
};

/// Writes the points of a collection, in the order of their ids, as the view sees them.
/// npy      PATH/vectors.npy (float32) and PATH/points.jsonl
/// faiss    an IndexIDMap2 over an IndexFlat; labels are the ids where all are integers, else the rows; PATH.points.jsonl beside it
/// qdrant   bodies of PUT /collections/{name}/points, one a line; an id that is neither an integer nor a UUID becomes a UUID of its
///          text, which stays in the payload as "strata_id"
/// parquet  columns id, vector (lists of float32), payload (JSON as text)
/// Errors  not_found (collection), invalid_argument (hnswlib, chroma: not written; no such vector, a sparse one), failed_precondition (no
///         vector is meant), already_exists (a folder that holds something), cancelled, io
/// Cost    one pass; memory for one page of points and 8 bytes a point
Result<VectorExportReport> export_vectors(View& view, std::string_view collection, const VectorExportOptions& options,
                                          const Progress& progress = {}) noexcept;

}  // namespace strata
