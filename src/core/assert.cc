#include "core/assert.h"

#include <cstdio>
#include <cstdlib>

namespace strata::core {

void assertion_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expression);
  std::fflush(stderr);
  std::abort();
}

void misused(const std::string& how) noexcept {
  std::fprintf(stderr, "strata: %s\n", how.c_str());
  std::fflush(stderr);
  std::abort();
}

void out_of_memory(const char* where) noexcept {
  std::fprintf(stderr, "strata: no memory for %s; the process ends, what was acknowledged is in the journal\n", where);
  std::fflush(stderr);
  std::abort();
}

}  // namespace strata::core
