#pragma once
/// Where in a faiss index file its vectors and labels are. The format is faiss' index_write.cpp; an index begins with four letters:
///
///     IxF2 IxFI IxFl   flat                        IxMp IxM2   an id map over another index
///     IxSQ             scalar quantizer            IHNf IHNs   HNSW over flat, over a scalar quantizer
///     IwFl             IVF of floats               (the quantizer of an IVF is an index of its own, and is passed over)
///
/// then i32 dimension · i64 vectors · two unused i64 · u8 trained · i32 metric (0: inner product, 1: L2; others with a f32 behind).
#include <optional>

#include "interchange/faiss_codes.h"
#include "strata/vector.h"

namespace strata::interchange {

/// Rows that lie one after the other.
struct FaissRun {
  std::uint64_t rows = 0;
  std::uint64_t codes = 0;                   ///< where they begin
  std::optional<std::uint64_t> labels = {};  ///< where their i64 labels begin; none: the rows, from 0
};

struct FaissLayout {
  std::string name;  ///< "IndexIDMap2 over IndexFlat"
  std::uint32_t dimension = 0;
  std::int32_t metric = 0;
  std::uint64_t rows = 0;
  FaissCoding coding;
  std::vector<FaissRun> runs;
  std::optional<std::uint64_t> id_map = {};  ///< where the i64 ids begin that labels number, `rows` of them
};

bool is_faiss(ByteView front);
/// Errors  unsupported (an index of another kind: named), corruption, invalid_argument (sizes that do not fit together)
/// Cost    reads the file's headers; memory 48 bytes a list of an IVF
Result<FaissLayout> read_faiss_layout(const InputFile& file);

}  // namespace strata::interchange
