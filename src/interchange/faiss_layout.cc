#include "interchange/faiss_layout.h"

#include <algorithm>
#include <array>

namespace strata::interchange {
namespace {

constexpr int kNestingMax = 4;  // an id map over an IVF over an HNSW over a flat index

using Letters = std::array<char, 4>;

std::string_view text_of(const Letters& letters) { return {letters.data(), letters.size()}; }

/// What an index is called whose vectors cannot be read, or not yet.
std::string_view name_of_unread(std::string_view letters) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {{"IxPq", "IndexPQ"},
                                                                      {"IxPT", "IndexPreTransform"},
                                                                      {"IHNp", "IndexHNSWPQ"},
                                                                      {"IHN2", "IndexHNSW2Level"},
                                                                      {"IHc2", "IndexHNSWCagra"},
                                                                      {"IwPQ", "IndexIVFPQ"},
                                                                      {"IwSq", "IndexIVFScalarQuantizer"},
                                                                      {"IxRF", "IndexRefineFlat"},
                                                                      {"IwQR", "IndexIVFPQR"},
                                                                      {"IxHe", "IndexLSH"},
                                                                      {"INSf", "IndexNSGFlat"},
                                                                      {"IwPf", "IndexIVFPQFastScan"},
                                                                      {"IPfs", "IndexPQFastScan"},
                                                                      {"IBxF", "IndexBinaryFlat"},
                                                                      {"IBwF", "IndexBinaryIVF"},
                                                                      {"IwFd", "IndexIVFFlatDedup"},
                                                                      {"null", "an index without its vectors"}};
  for (const auto& [known, name] : kNames) {
    if (known == letters) return name;
  }
  return {};
}

class LayoutReader {
 public:
  explicit LayoutReader(const InputFile& file) : reader_(file) {}

  Result<FaissLayout> index(int levels) {
    if (levels == 0) return reader_.wrong("indexes are nested more than " + std::to_string(kNestingMax) + " deep");
    const std::uint64_t begin = reader_.offset();
    Letters letters = {};
    STRATA_TRY(reader_.bytes(std::as_writable_bytes(std::span(letters))));
    const std::string_view kind = text_of(letters);
    FaissLayout layout;
    if (kind == "IxF2" || kind == "IxFI" || kind == "IxFl") {
      STRATA_TRY(header(layout, "IndexFlat"));
      layout.coding = {FaissCode::floats, layout.dimension, 4 * std::uint64_t{layout.dimension}, {}};
      STRATA_TRY(codes(layout, sizeof(float)));
    } else if (kind == "IxSQ") {
      STRATA_TRY(header(layout, "IndexScalarQuantizer"));
      layout.coding = STRATA_TRY(read_faiss_quantizer(reader_, layout.dimension));
      STRATA_TRY(codes(layout, 1));
    } else if (kind == "IxMp" || kind == "IxM2") {
      STRATA_TRY(id_map(layout, kind == "IxMp" ? "IndexIDMap" : "IndexIDMap2", levels));
    } else if (kind == "IHNf" || kind == "IHNs") {
      STRATA_TRY(hnsw(layout, kind == "IHNf" ? "IndexHNSWFlat" : "IndexHNSWSQ", levels));
    } else if (kind == "IwFl") {
      STRATA_TRY(ivf_flat(layout, levels));
    } else {
      const std::string_view name = name_of_unread(kind);
      if (name.empty())
        return reader_.file().wrong(begin, "these four letters begin no faiss index that is known here");
      return reader_.file().wrong(
          begin,
          std::string(name) +
              " does not hold its vectors, or not in a way that is read here; import an index that does",
          ErrorCode::unsupported);
    }
    return layout;
  }

 private:
  Result<void> header(FaissLayout& layout, std::string name) {
    layout.name = std::move(name);
    const auto dimension = STRATA_TRY(reader_.field<std::int32_t>());
    const auto rows = STRATA_TRY(reader_.field<std::int64_t>());
    STRATA_TRY(reader_.skip(16 + 1));
    layout.metric = STRATA_TRY(reader_.field<std::int32_t>());
    if (layout.metric > 1) STRATA_TRY(reader_.skip(4));
    if (dimension < 1 || dimension > static_cast<std::int32_t>(kDimensionMax) || rows < 0) {
      return reader_.wrong("an index of " + std::to_string(rows) + " vectors with " + std::to_string(dimension) +
                           " dimensions; they have 1 to " + std::to_string(kDimensionMax));
    }
    layout.dimension = static_cast<std::uint32_t>(dimension);
    layout.rows = static_cast<std::uint64_t>(rows);
    return {};
  }

  /// The rows of an index that is a list of codes. `item_bytes`: of what the list counts.
  Result<void> codes(FaissLayout& layout, std::uint64_t item_bytes) {
    const auto items = STRATA_TRY(reader_.count(item_bytes));
    const std::uint64_t bytes = items * item_bytes;
    if (bytes % layout.coding.row_bytes != 0 || bytes / layout.coding.row_bytes != layout.rows) {
      return reader_.wrong("an index of " + std::to_string(layout.rows) + " vectors with " + std::to_string(bytes) +
                           " bytes of codes, " + std::to_string(layout.coding.row_bytes) + " a vector");
    }
    layout.runs.push_back({layout.rows, reader_.offset(), {}});
    return reader_.skip(bytes);
  }

  /// The index below becomes this one; both say how many vectors of how many dimensions.
  Result<void> adopt(FaissLayout& layout, int levels) {
    FaissLayout inner = STRATA_TRY(index(levels - 1));
    if (inner.dimension != layout.dimension || inner.rows != layout.rows) {
      return reader_.wrong("an index of " + std::to_string(layout.rows) + " × " + std::to_string(layout.dimension) +
                           " over one of " + std::to_string(inner.rows) + " × " + std::to_string(inner.dimension));
    }
    layout.coding = std::move(inner.coding);
    layout.runs = std::move(inner.runs);
    layout.id_map = inner.id_map;
    layout.name += layout.name.starts_with("IndexIDMap") ? " over " + inner.name : "";
    return {};
  }

  Result<void> id_map(FaissLayout& layout, std::string name, int levels) {
    STRATA_TRY(header(layout, std::move(name)));
    STRATA_TRY(adopt(layout, levels));
    if (layout.id_map) return reader_.wrong("an id map over an id map is not read", ErrorCode::unsupported);
    const auto ids = STRATA_TRY(reader_.count(sizeof(std::int64_t)));
    if (ids != layout.rows)
      return reader_.wrong("an id map of " + std::to_string(ids) + " ids over " + std::to_string(layout.rows) +
                           " vectors");
    layout.id_map = reader_.offset();
    return reader_.skip(ids, sizeof(std::int64_t));
  }

  Result<void> hnsw(FaissLayout& layout, std::string name, int levels) {
    STRATA_TRY(header(layout, std::move(name)));
    // Level probabilities, links up to each level, the level of each row, where its links begin, the links.
    for (const std::uint64_t item_bytes : {8, 4, 4, 8, 4})
      STRATA_TRY(reader_.skip(STRATA_TRY(reader_.count(item_bytes)), item_bytes));
    STRATA_TRY(reader_.skip(5 * 4));  // entry, top level, two efs, one unused
    return adopt(layout, levels);
  }

  Result<void> ivf_flat(FaissLayout& layout, int levels) {
    STRATA_TRY(header(layout, "IndexIVFFlat"));
    const auto lists = STRATA_TRY(reader_.field<std::uint64_t>());
    STRATA_TRY(reader_.skip(8));  // probes
    const FaissLayout quantizer = STRATA_TRY(index(levels - 1));
    if (quantizer.dimension != layout.dimension) return reader_.wrong("the quantizer of an IVF has other dimensions");
    const auto direct_map = STRATA_TRY(reader_.field<std::uint8_t>());
    STRATA_TRY(reader_.skip(STRATA_TRY(reader_.count(8)), 8));
    if (direct_map == 2) STRATA_TRY(reader_.skip(STRATA_TRY(reader_.count(16)), 16));
    layout.coding = {FaissCode::floats, layout.dimension, 4 * std::uint64_t{layout.dimension}, {}};
    return inverted_lists(layout, lists);
  }

  Result<void> inverted_lists(FaissLayout& layout, std::uint64_t lists) {
    Letters letters = {};
    STRATA_TRY(reader_.bytes(std::as_writable_bytes(std::span(letters))));
    if (text_of(letters) != "ilar")
      return reader_.wrong("inverted lists that are not in the file itself are not read", ErrorCode::unsupported);
    const auto lists_here = STRATA_TRY(reader_.field<std::uint64_t>());
    const auto row_bytes = STRATA_TRY(reader_.field<std::uint64_t>());
    if (lists_here != lists || row_bytes != layout.coding.row_bytes) {
      return reader_.wrong(std::to_string(lists_here) + " inverted lists with " + std::to_string(row_bytes) +
                           " bytes a vector, in an index of " + std::to_string(lists) + " lists and " +
                           std::to_string(layout.dimension) + " dimensions");
    }
    STRATA_TRY(reader_.bytes(std::as_writable_bytes(std::span(letters))));
    const bool sparse = text_of(letters) == "sprs";
    if (!sparse && text_of(letters) != "full")
      return reader_.wrong("the sizes of the inverted lists are of no known kind");
    const auto numbers = STRATA_TRY(reader_.count(8));
    if (sparse ? numbers % 2 != 0 : numbers != lists)
      return reader_.wrong(std::to_string(numbers) + " sizes for " + std::to_string(lists) + " inverted lists");
    for (std::uint64_t i = 0; i < numbers; i += sparse ? 2 : 1) {
      if (sparse) STRATA_TRY(reader_.skip(8));  // which list it is
      const auto rows = STRATA_TRY(reader_.field<std::uint64_t>());
      if (rows != 0) layout.runs.push_back({rows, 0, 0});
    }
    std::uint64_t rows = 0;
    for (FaissRun& run : layout.runs) {
      run.codes = reader_.offset();
      STRATA_TRY(reader_.skip(run.rows, row_bytes));
      run.labels = reader_.offset();
      STRATA_TRY(reader_.skip(run.rows, sizeof(std::int64_t)));
      rows += run.rows;
    }
    if (rows != layout.rows)
      return reader_.wrong(std::to_string(rows) + " vectors in the inverted lists of an index of " +
                           std::to_string(layout.rows));
    return {};
  }

  FieldReader reader_;
};

}  // namespace

bool is_faiss(ByteView front) {
  const std::string_view text = as_text(front).substr(0, 4);
  constexpr std::string_view kRead[] = {"IxF2", "IxFI", "IxFl", "IxSQ", "IxMp", "IxM2", "IHNf", "IHNs", "IwFl"};
  return std::find(std::begin(kRead), std::end(kRead), text) != std::end(kRead) ||
         (text != "null" && !name_of_unread(text).empty());
}

Result<FaissLayout> read_faiss_layout(const InputFile& file) { return LayoutReader(file).index(kNestingMax); }

}  // namespace strata::interchange
