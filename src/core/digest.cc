#include "core/digest.h"

#include <openssl/evp.h>

#include <memory>

#include "core/assert.h"

namespace strata::core {

namespace {

/// The algorithm is looked up once in the process, and a context made once in a thread: both cost more than the hash of a page.
const EVP_MD* algorithm() {
  static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  STRATA_ASSERT(fetched != nullptr);
  return fetched;
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

Digest finish_in(EVP_MD_CTX* context) {
  Digest digest;
  unsigned size = 0;
  STRATA_ASSERT(EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(digest.data()), &size) == 1);
  STRATA_ASSERT(size == digest.size());
  return digest;
}

}  // namespace

Digest sha256(ByteView bytes) noexcept {
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  STRATA_ASSERT(context != nullptr);
  STRATA_ASSERT(EVP_DigestInit_ex2(context.get(), algorithm(), nullptr) == 1);
  STRATA_ASSERT(EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1);
  return finish_in(context.get());
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  STRATA_ASSERT(context_ != nullptr);
  STRATA_ASSERT(EVP_DigestInit_ex2(static_cast<EVP_MD_CTX*>(context_), algorithm(), nullptr) == 1);
}
Sha256::~Sha256() { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context_)); }
void Sha256::update(ByteView bytes) noexcept {
  STRATA_ASSERT(EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), bytes.data(), bytes.size()) == 1);
}
Digest Sha256::finish() noexcept { return finish_in(static_cast<EVP_MD_CTX*>(context_)); }

}  // namespace strata::core
