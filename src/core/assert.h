#pragma once
/// Assertions state what the next lines rely on. They are about our own mistakes: bytes from disk or from a user are
/// input and yield errors instead.
#include <string>

namespace strata::core {

/// Prints the expression and the place on standard error and aborts; the journal makes that safe at any moment.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;

/// A contract of a public header was broken in a way that has no answer: says how and aborts.
[[noreturn]] void misused(const std::string& how) noexcept;

/// Without memory the process ends (docs/decisions/0012): what a half-done change left in memory is nothing to go on with, and
/// the journal has all that was acknowledged. An allocation that throws ends it at the first `noexcept` on its way, which
/// every door to the engine is; where a library reports the lack as an error of its own, this is called.
[[noreturn]] void out_of_memory(const char* where) noexcept;

}  // namespace strata::core

/// Stays on in release builds: journal, transactions, formats.
#define STRATA_ASSERT(expression) \
  (static_cast<bool>(expression) ? void(0) : ::strata::core::assertion_failed(#expression, __FILE__, __LINE__))
/// Off in release builds: inner loops.
#ifdef NDEBUG
#define STRATA_DEBUG_ASSERT(expression) void(sizeof(!(expression)))
#else
#define STRATA_DEBUG_ASSERT(expression) STRATA_ASSERT(expression)
#endif
