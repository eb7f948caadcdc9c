#include "interchange/faiss_source.h"

#include <algorithm>

#include "interchange/faiss_layout.h"

namespace strata::interchange {
namespace {

constexpr std::uint64_t kPieceRows = 64;

class FaissSource final : public PointSource {
 public:
  FaissSource(InputFile file, FaissLayout layout, SourceInfo info, PointNames* names)
      : file_(std::move(file)), layout_(std::move(layout)), info_(std::move(info)), names_(names) {}

  const SourceInfo& info() const override { return info_; }

  Result<bool> next(IncomingPoint& point, Remarks& remarks) override {
    for (;;) {
      if (at_ == rows_here_ && !STRATA_TRY(read_piece())) return false;
      const std::size_t row = at_++;
      std::uint64_t label = labels_[row];
      if (layout_.id_map) {
        if (label >= layout_.rows)
          return file_.wrong(*layout_.id_map, "the label " + std::to_string(label) + " is beyond the id map",
                             ErrorCode::corruption);
        std::byte id[8];
        STRATA_TRY(file_.read(*layout_.id_map + 8 * label, id));
        label = core::load<std::uint64_t>(id);
      }
      const auto number = static_cast<std::int64_t>(label);
      point.place = "id " + std::to_string(number);
      if (number < 0) {
        if (names_ != nullptr) {
          remarks.add("the file with the ids has none for this label: left out", point.place);
          continue;
        }
        point.id = std::to_string(number);
        point.payload = {};
      } else if (!STRATA_TRY(name_point(names_, label, point, remarks))) {
        continue;
      }
      point.vector.resize(layout_.dimension);
      layout_.coding.decode(codes_.data() + row * layout_.coding.row_bytes, point.vector);
      if (!layout_.coding.exact())
        remarks.add("taken as faiss gives it back from its codes (" + layout_.coding.name() + ")", point.place);
      return true;
    }
  }

 private:
  /// The next rows of the run, or the first ones of the next run; false at the end.
  Result<bool> read_piece() {
    while (run_ < layout_.runs.size() && done_in_run_ == layout_.runs[run_].rows) {
      ++run_;
      done_in_run_ = 0;
    }
    if (run_ == layout_.runs.size()) return false;
    const FaissRun& run = layout_.runs[run_];
    const std::uint64_t rows = std::min(kPieceRows, run.rows - done_in_run_);
    codes_.resize(rows * layout_.coding.row_bytes);
    STRATA_TRY(file_.read(run.codes + done_in_run_ * layout_.coding.row_bytes, codes_));
    labels_.resize(rows);
    if (run.labels) {
      STRATA_TRY(file_.read(*run.labels + 8 * done_in_run_, std::as_writable_bytes(std::span(labels_))));
    } else {
      for (std::uint64_t i = 0; i < rows; ++i) labels_[i] = done_in_run_ + i;
    }
    done_in_run_ += rows;
    rows_here_ = rows;
    at_ = 0;
    return true;
  }

  InputFile file_;
  const FaissLayout layout_;
  const SourceInfo info_;
  PointNames* names_;
  std::size_t run_ = 0;
  std::uint64_t done_in_run_ = 0;
  Bytes codes_;  // of the piece that is being handed out
  std::vector<std::uint64_t> labels_;
  std::size_t rows_here_ = 0, at_ = 0;
};

}  // namespace

Result<std::unique_ptr<PointSource>> open_faiss(io::FileSystem& files, const std::string& name, PointNames* names) {
  InputFile file = STRATA_TRY(InputFile::open(files, name));
  FaissLayout layout = STRATA_TRY(read_faiss_layout(file));
  SourceInfo info{"faiss " + layout.name, layout.dimension, {}, {}, layout.rows};
  if (layout.metric == 0) info.metric = Metric::inner_product;
  if (layout.metric == 1) info.metric = Metric::l2;
  if (!info.metric)
    info.metric_text =
        "the index was made for faiss' metric " + std::to_string(layout.metric) + ", which is none of ours";
  return std::unique_ptr<PointSource>(
      std::make_unique<FaissSource>(std::move(file), std::move(layout), std::move(info), names));
}

}  // namespace strata::interchange
