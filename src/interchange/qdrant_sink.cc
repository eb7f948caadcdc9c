// Bodies of PUT /collections/{name}/points, one a line, each small enough for Qdrant's limit of a request (32 MiB).
#include <charconv>

#include "core/uuid.h"
#include "interchange/point_sink.h"
#include "interchange/qdrant_source.h"

namespace strata::interchange {
namespace {

constexpr std::size_t kBodyBytes = 4 << 20;
constexpr std::size_t kBodyPoints = 500;

class QdrantSink final : public PointSink {
 public:
  QdrantSink(OutputFile file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}

  Result<void> add(const StoredPoint& point, Remarks& remarks) override {
    body_ += body_points_ == 0 ? R"({"points":[)" : ",";
    body_ += R"({"id":)";
    Map payload = point.payload;
    if (integer_of(point.id)) {
      body_ += point.id;
    } else if (core::is_uuid(point.id)) {
      body_ += to_json(point.id);
    } else {
      body_ += to_json(core::uuid_of_text(point.id));
      if (payload.find(kKeptId) != nullptr) remarks.add("the payload's strata_id gives way to the id", point.id);
      payload.set(std::string(kKeptId), point.id);
    }
    body_ += R"(,"vector":[)";
    for (const float x : point.vector) {
      char digits[32];
      const auto end = std::to_chars(digits, digits + sizeof digits, x).ptr;
      body_.append(digits, end);
      body_ += ',';
    }
    body_.back() = ']';
    body_ += R"(,"payload":)" + to_json(payload) + "}";
    ++body_points_;
    return body_.size() < kBodyBytes && body_points_ < kBodyPoints ? Result<void>() : end_body();
  }

  Result<std::vector<std::string>> finish() override {
    STRATA_TRY(end_body());
    STRATA_TRY(file_.finish());
    return std::vector<std::string>{name_};
  }

 private:
  Result<void> end_body() {
    if (body_points_ == 0) return {};
    STRATA_TRY(file_.append(body_ + "]}\n"));
    body_.clear();
    body_points_ = 0;
    return {};
  }

  OutputFile file_;
  const std::string name_;
  std::string body_;
  std::size_t body_points_ = 0;
};

}  // namespace

Result<std::unique_ptr<PointSink>> open_qdrant_sink(io::FileSystem& files, const SinkOptions& options) {
  OutputFile file = STRATA_TRY(OutputFile::open(files, options.name));
  return std::unique_ptr<PointSink>(std::make_unique<QdrantSink>(std::move(file), options.name));
}

}  // namespace strata::interchange
