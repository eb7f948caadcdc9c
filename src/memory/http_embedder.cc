// libcurl appears here and nowhere else.
#include "memory/http_embedder.h"

#include <curl/curl.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "core/mutex.h"
#include "core/random.h"
#include "memory/embedder_answer.h"

namespace strata::memory {
namespace {

constexpr std::size_t kBatchTexts = 64;
constexpr std::int64_t kBackoffMaxMs = 8'000;
constexpr std::int64_t kRetryAfterMaxMs = 30'000;
constexpr std::size_t kQuotedBytes = 300;  // of a complaint, in a message

struct CurlDelete {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct ListDelete {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Handle = std::unique_ptr<CURL, CurlDelete>;
using Headers = std::unique_ptr<curl_slist, ListDelete>;

struct Answer {
  std::string body;
  std::size_t bytes_max = 0;
  long status = 0;
  std::int64_t retry_after_ms = 0;
};

std::size_t take_body(char* data, std::size_t, std::size_t bytes, void* answer) {
  auto& into = *static_cast<Answer*>(answer);
  if (into.body.size() + bytes > into.bytes_max) return 0;  // libcurl gives up with CURLE_WRITE_ERROR
  into.body.append(data, bytes);
  return bytes;
}

/// libcurl asks to be initialised once, before it is used by several threads.
bool curl_is_ready() {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return ready;
}

/// What a failing endpoint says: {"error": {"message"}}, {"error": "…"}, {"detail": …}, or the beginning of its text.
std::string complaint(const std::string& body) {
  if (auto parsed = parse_json(body); parsed && parsed->map()) {
    for (const char* name : {"error", "detail", "message"}) {
      const Value* value = parsed->map()->find(name);
      if (value == nullptr) continue;
      if (const Map* inner = value->map()) {
        if (const Value* message = inner->find("message"); message && message->text()) value = message;
      }
      return value->text() ? value->text()->substr(0, kQuotedBytes) : to_json(*value).substr(0, kQuotedBytes);
    }
  }
  return body.substr(0, kQuotedBytes);
}

class HttpEmbedder final : public Embedder {
 public:
  HttpEmbedder(std::string base, std::string model, const HttpEmbedderOptions& options)
      : base_(std::move(base)), model_(std::move(model)), options_(options) {
    const char* key = std::getenv("STRATA_EMBEDDER_KEY");
    if (key != nullptr) key_ = key;
  }

  std::string model() const override { return "http:" + model_; }

  std::uint32_t dimension() const override {
    if (dimension_ == 0) {
      const std::string probe[] = {"dimension"};
      auto answer = embed_texts(probe);
      // Nobody can be told here: 0 says "not known", and the next embed brings the error.
      if (!answer) return 0;
    }
    return dimension_;
  }

  Result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts) override {
    return embed_texts(texts);
  }

 private:
  Result<std::vector<std::vector<float>>> embed_texts(std::span<const std::string> texts) const {
    std::vector<std::vector<float>> embeddings;
    embeddings.reserve(texts.size());
    while (!texts.empty()) {
      const auto batch = texts.first(std::min(texts.size(), kBatchTexts));
      const std::string body = STRATA_TRY(post(batch));
      for (auto& embedding : STRATA_TRY(read_embeddings(body, batch.size())))
        embeddings.push_back(std::move(embedding));
      texts = texts.subspan(batch.size());
    }
    return embeddings;
  }

  Error error(ErrorCode code, const std::string& what) const {
    return Error(code, "the embedding endpoint " + base_ + " " + what);
  }

  Result<std::string> post(std::span<const std::string> texts) const {
    Value::List input(texts.begin(), texts.end());
    const std::string request = to_json(Map{{"model", model_}, {"input", std::move(input)}});
    core::Random random(core::random_seed());
    for (int attempt = 1;; ++attempt) {
      Answer answer;
      answer.bytes_max = options_.answer_bytes_max;
      const CURLcode code = STRATA_TRY(perform(request, answer));
      if (code == CURLE_OK && answer.status == 200) return std::move(answer.body);
      auto [failure, may_help] = judge(code, answer);
      if (!may_help || attempt >= options_.attempts) return std::move(failure);
      std::int64_t wait_ms = std::min(options_.backoff_ms << (attempt - 1), kBackoffMaxMs);
      wait_ms = wait_ms / 2 + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(wait_ms / 2 + 1)));
      ::poll(nullptr, 0, static_cast<int>(std::max(wait_ms, answer.retry_after_ms)));
    }
  }

  /// What went wrong, and whether the same request may succeed a little later.
  std::pair<Error, bool> judge(CURLcode code, const Answer& answer) const {
    if (code == CURLE_WRITE_ERROR) {
      return {error(ErrorCode::unavailable,
                    "answered with more than " + std::to_string(options_.answer_bytes_max) + " bytes"),
              false};
    }
    if (code != CURLE_OK) {
      const bool hopeless = code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ||
                            code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
      return {error(ErrorCode::unavailable, std::string("cannot be reached: ") + curl_easy_strerror(code)), !hopeless};
    }
    const std::string what = "answered " + std::to_string(answer.status) + ": " + complaint(answer.body);
    switch (answer.status) {
      case 400:
      case 404:
      case 413:
      case 422: return {error(ErrorCode::invalid_argument, what), false};
      case 401: return {error(ErrorCode::unauthenticated, what + " (the key is read from STRATA_EMBEDDER_KEY)"), false};
      case 403: return {error(ErrorCode::permission_denied, what), false};
      default: return {error(ErrorCode::unavailable, what), answer.status == 429 || answer.status >= 500};
    }
  }

  Result<CURLcode> perform(const std::string& request, Answer& answer) const {
    Handle handle = take_handle();
    if (!handle) return Error(ErrorCode::resource_exhausted, "libcurl gives no handle");
    CURL* curl = handle.get();
    Headers headers(curl_slist_append(nullptr, "Content-Type: application/json"));
    auto add = [&](const std::string& header) {
      if (auto* longer = curl_slist_append(headers.get(), header.c_str())) {
        static_cast<void>(headers.release());
        headers.reset(longer);
      }
    };
    if (!key_.empty()) add("Authorization: Bearer " + key_);
    add("Expect:");  // no "100-continue": it costs a round trip, and some servers ignore it for a second
    const std::string url = base_ + "/embeddings";
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);  // a redirect must not carry the key elsewhere
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "strata");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.data());
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout_ms));
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout_ms));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    const CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_off_t seconds = 0;
    if (curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK) {
      answer.retry_after_ms = std::clamp<std::int64_t>(seconds * 1000, 0, kRetryAfterMaxMs);
    }
    give_back(std::move(handle));
    return code;
  }

  Result<std::vector<std::vector<float>>> read_embeddings(const std::string& body, std::size_t count) const {
    auto answered = read_embedding_list(body, count);
    if (!answered) return error(ErrorCode::unavailable, "answered " + answered.error().message());
    for (const std::vector<float>& embedding : *answered) {
      std::uint32_t known = 0;
      const auto dimension = static_cast<std::uint32_t>(embedding.size());
      if (!dimension_.compare_exchange_strong(known, dimension) && known != dimension) {
        return error(ErrorCode::unavailable, "answered an embedding of " + std::to_string(dimension) +
                                                 " dimensions; earlier ones had " + std::to_string(known));
      }
    }
    return answered;
  }

  /// A handle keeps its connection open for the next request.
  Handle take_handle() const {
    const core::MutexLock lock(idle_mutex_);
    if (idle_.empty()) return Handle(curl_easy_init());
    Handle handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
  }
  void give_back(Handle handle) const {
    curl_easy_reset(handle.get());  // options and borrowed pointers go, the connection stays
    const core::MutexLock lock(idle_mutex_);
    idle_.push_back(std::move(handle));
  }

  const std::string base_, model_;
  const HttpEmbedderOptions options_;
  std::string key_;
  mutable std::atomic<std::uint32_t> dimension_{0};
  mutable core::Mutex idle_mutex_;
  mutable std::vector<Handle> idle_ STRATA_GUARDED_BY(idle_mutex_);
};

}  // namespace

Result<std::unique_ptr<Embedder>> make_http_embedder(std::string_view url, const HttpEmbedderOptions& options) {
  const std::size_t hash = url.rfind('#');
  if (hash == std::string_view::npos || hash + 1 == url.size()) {
    return Error(ErrorCode::invalid_argument, "the embedding endpoint \"" + std::string(url) +
                                                  "\" names no model; write it as http://host:port/v1#model");
  }
  std::string_view base = url.substr(0, hash);
  if (!base.starts_with("http://") && !base.starts_with("https://")) {
    return Error(ErrorCode::invalid_argument, "not an http or https URL: \"" + std::string(url) + "\"");
  }
  while (base.ends_with('/')) base.remove_suffix(1);
  if (!curl_is_ready()) return Error(ErrorCode::resource_exhausted, "libcurl could not be initialised");
  return std::unique_ptr<Embedder>(
      std::make_unique<HttpEmbedder>(std::string(base), std::string(url.substr(hash + 1)), options));
}

}  // namespace strata::memory
