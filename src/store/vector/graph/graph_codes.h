#pragma once
/// The codes that walks in a graph read: trained, made for every row, and tried out before they are used.
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "store/vector/graph/graph.h"
#include "store/vector/segment.h"

namespace strata::store::vector {

struct GraphCodes {
  QuantizationOptions quantization = {};  ///< never automatic
  std::shared_ptr<const Quantizer> quantizer = nullptr;
  std::vector<std::uint8_t> codes = {};  ///< [rows × quantizer->code_bytes()]
  float recall = -1;  ///< of the ten nearest of rows of a sample, the share that searches of the usual effort find
};

/// Of a quantizer that reads no vectors.
std::vector<std::uint8_t> codes_of(const Quantizer& quantizer, const distance::CodeColumns& columns, Row rows,
                                   std::uint32_t dimension);

/// The codes of a segment whose own codes are sound. `wanted` automatic: of rabitq and scalar codes of 4, 8 and 16 bits the first that finds
/// wanted.recall_min, or the one that finds most.
/// links    the segment's graph; its codes are not looked at
/// stop     asked now and then; when it says so, nothing is returned
/// Errors   corruption
/// Cost     a pass over the vectors where the kind reads them; searches for 100 points, exact ones and through the codes
Result<std::optional<GraphCodes>> make_codes(const Segment& segment, const GraphView& links,
                                             const QuantizationOptions& wanted, const std::function<bool()>& stop);

}  // namespace strata::store::vector
