#include "store/vector/graph/delta_graph.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "store/vector/delta.h"
#include "store/vector/graph/graph_builder.h"
#include "store/vector/graph/graph_codes.h"

namespace strata::store::vector {
namespace {

// About a second of linking. To copy the links of 65,536 rows costs a hundredth of that.
constexpr Row kRowsAtOnce = 8'192;

/// The code columns of a delta's rows, side by side.
class CopiedCodes {
 public:
  CopiedCodes(const Delta& delta, Row rows)
      : stride_(distance::code_stride(delta.options().dimension)),
        codes_(rows * stride_ + kLine),
        scale_(rows),
        residual_(rows),
        square_(rows) {
    first_ = codes_.data() + (kLine - reinterpret_cast<std::uintptr_t>(codes_.data()) % kLine) % kLine;
    for (Row row = 0; row < rows;) {
      const Part::Run run = *delta.codes(row);
      const Row count = std::min(run.end, rows) - row;
      const auto copy = [&](const float* from, std::vector<float>& to) { std::copy_n(from, count, to.data() + row); };
      std::memcpy(first_ + row * stride_, run.columns.codes, count * stride_);
      copy(run.columns.scale, scale_);
      copy(run.columns.residual, residual_);
      copy(run.columns.square, square_);
      row += count;
    }
  }
  distance::CodeColumns columns() const { return {first_, scale_.data(), residual_.data(), nullptr, square_.data()}; }
  std::vector<float> take_scale() { return std::move(scale_); }
  std::vector<float> take_square() { return std::move(square_); }

 private:
  static constexpr std::size_t kLine = 64;
  const std::size_t stride_;
  std::vector<std::uint8_t> codes_;
  std::vector<float> scale_, residual_, square_;
  std::uint8_t* first_;
};

template <typename T>
std::uint64_t size_of(const std::vector<T>& values) {
  return values.size() * sizeof(T);
}

}  // namespace

std::uint64_t DeltaGraph::bytes() const {
  return size_of(data.ground) + size_of(data.upper) + size_of(data.upper_begins) + size_of(data.upper_links) +
         size_of(codes) + size_of(scale) + size_of(square);
}

std::shared_ptr<const DeltaGraph> grow_graph(const Delta& delta, const std::function<bool()>& stop) {
  const PartGraph before = delta.graph();
  const Row covered = before.view == nullptr ? 0 : before.view->rows;
  const Row rows = std::min(delta.rows(), covered + std::max(kRowsAtOnce, covered / 8));
  const CollectionOptions& options = delta.options();
  CopiedCodes codes(delta, rows);
  if (!can_be_linked(codes.columns(), rows)) return nullptr;
  std::vector<Row> same(covered);
  std::iota(same.begin(), same.end(), 0U);
  const Origin origin{before.view, same};
  auto data = build_graph(codes.columns(), rows, options.dimension, options.metric, graph_options(options.index), stop,
                          before.view == nullptr ? nullptr : &origin);
  if (!data) return nullptr;
  auto graph = std::make_shared<DeltaGraph>();
  graph->data = *std::move(data);
  graph->quantizer = half_codes(options.dimension);
  graph->codes = codes_of(*graph->quantizer, codes.columns(), rows, options.dimension);
  graph->view = graph->data.view(graph->quantizer.get(), graph->codes.data());
  graph->scale = codes.take_scale();
  graph->square = codes.take_square();
  return graph;
}

}  // namespace strata::store::vector
