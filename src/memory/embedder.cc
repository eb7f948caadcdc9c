// Which embedder a description means.
#include "memory/command_embedder.h"
#include "memory/http_embedder.h"
#include "memory/lexical_embedder.h"

namespace strata {
namespace {

/// Every memory brings its own embedding.
class NoEmbedder final : public Embedder {
 public:
  std::string model() const override { return "none"; }
  std::uint32_t dimension() const override { return 0; }
  Result<std::vector<std::vector<float>>> embed(std::span<const std::string>) override {
    return Error(ErrorCode::unsupported,
                 "this memory has no embedder; give an embedding with each call, or open it with one");
  }
};

}  // namespace

Result<std::unique_ptr<Embedder>> make_embedder(std::string_view description) {
  if (description == "none") return std::unique_ptr<Embedder>(new NoEmbedder);
  if (description == "lexical") return std::unique_ptr<Embedder>(new memory::LexicalEmbedder);
  if (description.starts_with("command:")) return memory::make_command_embedder(description.substr(8));
  if (description.starts_with("http://") || description.starts_with("https://")) {
    return memory::make_http_embedder(description);
  }
  return Error(ErrorCode::invalid_argument, "not an embedder: \"" + std::string(description.substr(0, 80)) +
                                                "\"; use none, lexical, command:<program>, or an http(s) URL");
}

}  // namespace strata
