#include "interchange/qdrant_source.h"

#include "core/uuid.h"
#include "interchange/json_items.h"

namespace strata::interchange {
namespace {

/// JSON writes floats in decimal digits, so that every number seems rounded: nothing to tell.
std::optional<std::vector<float>> floats_of(const Value& value) {
  bool rounded = false;
  return interchange::floats_of(value, rounded);
}

class QdrantSource final : public PeekingSource {
 public:
  QdrantSource(InputFile file, QdrantFields fields)
      : file_(std::move(file)), items_(file_), fields_(std::move(fields)) {}

  /// Reads up to the first point with a vector: it says how many dimensions there are.
  Result<void> begin() {
    info_.format = "qdrant";
    info_.metric_text = "Qdrant's points do not say by which distance they are compared";
    return read_first();
  }

 private:
  Result<bool> read(IncomingPoint& point, Remarks& remarks) override {
    for (;;) {
      const auto text = STRATA_TRY(items_.next());
      if (!text) return false;
      point.place = "point " + std::to_string(++count_);
      auto parsed = parse_json(*text);
      if (!parsed) {
        remarks.add("its JSON cannot be kept: left out", point.place + ": " + parsed.error().message());
        continue;
      }
      Map* map = parsed->map();
      if (map == nullptr) return file_.wrong(items_.item_offset(), "a point is expected: an object");
      point.payload = {};
      if (Value* payload = map->find("payload"); payload != nullptr && payload->map() != nullptr)
        point.payload = std::move(*payload->map());
      if (STRATA_TRY(take_vector(*map, point, remarks)) && take_id(*map, point, remarks)) return true;
    }
  }

  Result<bool> take_vector(const Map& map, IncomingPoint& point, Remarks& remarks) {
    const Value* vector = map.find("vector") != nullptr ? map.find("vector") : map.find("vectors");
    if (vector != nullptr && vector->map() != nullptr) {
      const Map& named = *vector->map();
      if (fields_.vector.empty() && !named.empty()) {
        std::string names;
        for (const auto& [name, value] : named) {
          if (floats_of(value)) names += (names.empty() ? "" : ", ") + name, fields_.vector = name;
        }
        if (names.find(", ") != std::string::npos) {
          return file_.wrong(items_.item_offset(),
                             "points have several vectors: say which is to be taken, of " + names);
        }
      }
      if (named.size() > 1) remarks.add("further vectors of the point: left out", point.place);
      vector = named.find(fields_.vector);
    }
    auto floats = vector == nullptr ? std::nullopt : floats_of(*vector);
    if (!floats) {
      const bool none = vector == nullptr || vector->is_null();
      remarks.add(none ? "no vector in the file: left out"
                       : "a vector that is no list of numbers (sparse, or several): left out",
                  point.place);
      return false;
    }
    point.vector = *std::move(floats);
    return true;
  }

  bool take_id(const Map& map, IncomingPoint& point, Remarks& remarks) const {
    const Value* id = map.find("id");
    if (!fields_.id.empty()) id = point.payload.find(fields_.id);
    auto given = id == nullptr ? std::nullopt : id_of(*id);
    if (!given) {
      remarks.add("no id, or one that is neither text nor an integer: left out", point.place);
      return false;
    }
    point.id = *std::move(given);
    point.place += ", id " + point.id;
    if (!fields_.id.empty()) {
      point.payload.erase(fields_.id);
      return true;
    }
    const Value* kept = point.payload.find(kKeptId);
    if (kept != nullptr && kept->text() != nullptr && core::uuid_of_text(*kept->text()) == point.id) {
      point.id = *kept->text();
      point.payload.erase(kKeptId);
    }
    return true;
  }

  InputFile file_;
  JsonItems items_;
  QdrantFields fields_;
  std::uint64_t count_ = 0;
};

}  // namespace

Result<std::unique_ptr<PointSource>> open_qdrant(io::FileSystem& files, const std::string& name, QdrantFields fields) {
  InputFile file = STRATA_TRY(InputFile::open(files, name));
  auto source = std::make_unique<QdrantSource>(std::move(file), std::move(fields));
  STRATA_TRY(source->begin());
  return std::unique_ptr<PointSource>(std::move(source));
}

}  // namespace strata::interchange
