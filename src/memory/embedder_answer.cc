#include "memory/embedder_answer.h"

#include <algorithm>
#include <cmath>

#include "strata/value.h"
#include "strata/vector.h"

namespace strata::memory {
namespace {

constexpr std::size_t kQuotedBytes = 300;  // of a whole answer, in a message
constexpr std::size_t kQuotedLineBytes = 100;

Error unusable(std::string what) { return Error(ErrorCode::unavailable, std::move(what)); }
std::string quoted(std::string_view text, std::size_t bytes_max) { return std::string(text.substr(0, bytes_max)); }

Result<std::vector<float>> to_embedding(const Value::List& list) {
  std::vector<float> embedding;
  embedding.reserve(list.size());
  for (const Value& item : list) {
    double number = 0;
    if (!item.number(number) || !std::isfinite(static_cast<float>(number))) {
      return unusable("an embedding with something that is no finite number");
    }
    embedding.push_back(static_cast<float>(number));
  }
  return embedding;
}

Result<std::vector<float>> read_embedding_line(std::string_view line, std::size_t number, std::uint32_t dimension) {
  const std::string place = "in line " + std::to_string(number) + " ";
  auto parsed = parse_json(line);
  if (!parsed) return unusable(place + "what is no JSON: " + quoted(line, kQuotedLineBytes));
  const Value* value = parsed->map() ? parsed->map()->find("embedding") : nullptr;
  const Value::List* list = value ? value->list() : nullptr;
  if (list == nullptr) return unusable(place + "no \"embedding\": " + quoted(line, kQuotedLineBytes));
  if (list->size() != dimension) {
    return unusable(place + "an embedding of " + std::to_string(list->size()) + " dimensions, not " +
                    std::to_string(dimension) + " as it described");
  }
  auto embedding = to_embedding(*list);
  if (!embedding) return unusable(place + embedding.error().message());
  return embedding;
}

}  // namespace

Result<std::vector<std::vector<float>>> read_embedding_list(std::string_view body, std::size_t count) {
  auto parsed = parse_json(body);
  if (!parsed) return unusable("what is no JSON: " + quoted(body, kQuotedBytes));
  const Value* data = parsed->map() ? parsed->map()->find("data") : nullptr;
  const Value::List* list = data ? data->list() : nullptr;
  if (list == nullptr) return unusable("without \"data\": " + quoted(body, kQuotedBytes));
  if (list->size() != count) {
    return unusable(std::to_string(list->size()) + " embeddings for " + std::to_string(count) + " texts");
  }
  std::vector<std::vector<float>> embeddings(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Map* item = (*list)[i].map();
    const Value* index = item ? item->find("index") : nullptr;
    const std::int64_t place = index && index->integer() ? *index->integer() : static_cast<std::int64_t>(i);
    if (place < 0 || place >= static_cast<std::int64_t>(count) ||
        !embeddings[static_cast<std::size_t>(place)].empty()) {
      return unusable("with the index " + std::to_string(place) + ", which is taken or over " +
                      std::to_string(count - 1));
    }
    const Value* value = item ? item->find("embedding") : nullptr;
    const Value::List* numbers = value ? value->list() : nullptr;
    if (numbers == nullptr || numbers->empty() || numbers->size() > kDimensionMax) {
      return unusable("an item without an embedding of 1 … 65,536 numbers");
    }
    embeddings[static_cast<std::size_t>(place)] = STRATA_TRY(to_embedding(*numbers));
  }
  return embeddings;
}

Result<std::vector<std::vector<float>>> read_embedding_lines(std::string_view output, std::size_t count,
                                                             std::uint32_t dimension) {
  std::vector<std::vector<float>> embeddings;
  std::size_t lines = 0;
  while (!output.empty()) {
    const std::size_t end = std::min(output.find('\n'), output.size());
    const std::string_view line = output.substr(0, end);
    output.remove_prefix(std::min(end + 1, output.size()));
    if (line.find_first_not_of(" \r\t") == std::string_view::npos) continue;
    if (++lines > count) break;
    embeddings.push_back(STRATA_TRY(read_embedding_line(line, lines, dimension)));
  }
  if (lines == count) return embeddings;
  return unusable(std::string(lines > count ? "more than " : "") + std::to_string(std::min(lines, count)) +
                  " embeddings for " + std::to_string(count) + " texts");
}

Result<EmbedderDescription> read_description(std::string_view answer) {
  auto parsed = parse_json(answer);
  const Map* map = parsed ? parsed->map() : nullptr;
  const Value* model = map ? map->find("model") : nullptr;
  const Value* dimension = map ? map->find("dimension") : nullptr;
  if (model == nullptr || model->text() == nullptr || model->text()->empty() || dimension == nullptr ||
      dimension->integer() == nullptr || *dimension->integer() < 1 || *dimension->integer() > kDimensionMax) {
    return unusable(R"(should print {"model": "…", "dimension": 1 … 65536} for --describe, not: )" +
                    quoted(answer, 200));
  }
  return EmbedderDescription{*model->text(), static_cast<std::uint32_t>(*dimension->integer())};
}

}  // namespace strata::memory
