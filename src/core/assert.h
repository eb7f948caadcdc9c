#pragma once
/// Assertions state what the next lines rely on. They are about our own mistakes: bytes from disk or from a user are
/// input and yield errors instead.
namespace strata::core {

/// Prints the expression and the place on standard error and aborts; the journal makes that safe at any moment.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;

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
