#pragma once
/// Errors are values. A function that can fail returns `Result<T>`: either a T or an `Error`.
///
///     Result<Lsn> save(Engine& db) {
///       auto tx = STRATA_TRY(db.begin());            // on error: returns it from here
///       STRATA_TRY(tx->metadata().execute("…"));
///       return tx->commit();
///     }
///
/// `Result` follows the part of std::expected (C++23) that we use, so that it can become an alias of it one day.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace [[gnu::visibility("default")]] strata {

/// What went wrong, in terms of what the caller should do next. The table is error_codes.def.
enum class ErrorCode : std::uint8_t {
#define STRATA_ERROR(name, ...) name,
#include "strata/error_codes.def"
};

/// What may help: nothing, the same call again, the whole transaction again, or asking what happened first.
enum class Retry : std::uint8_t { never, call, transaction, ask };

std::string_view name(ErrorCode code) noexcept;  ///< "invalid_argument"
Retry retry(ErrorCode code) noexcept;
int http_status(ErrorCode code) noexcept;
int exit_code(ErrorCode code) noexcept;  ///< of the command `strata`; documented in docs/reference/errors.md
std::string_view python_exception(ErrorCode code) noexcept;

/// An error: a code, a message (constant text first, values last) and the context it passed through. One pointer wide.
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message, const char* file = __builtin_FILE(), int line = __builtin_LINE());
  Error(Error&&) noexcept;
  Error& operator=(Error&&) noexcept;
  ~Error();

  ErrorCode code() const noexcept;
  const std::string& message() const noexcept;  ///< with every context in front: "restoring to/x: not a database: …"
  const char* file() const noexcept;
  int line() const noexcept;

  /// Puts `context` and ": " in front of the message, as the error passes upwards.
  Error with_context(std::string_view context) &&;
  Error clone() const;
  /// "conflict: \"note:n1\" was changed by lsn 4711 …": what a user reads.
  std::string to_string() const;

 private:
  struct Payload;
  explicit Error(std::unique_ptr<Payload> payload);
  std::unique_ptr<Payload> payload_;
};

/// Either a value or an error. Threads: as the T inside.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  template <typename U = T>
    requires(std::is_constructible_v<T, U &&> && !std::is_same_v<std::remove_cvref_t<U>, Result> &&
             !std::is_same_v<std::remove_cvref_t<U>, Error>)
  Result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}      // NOLINT: implicit on purpose

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  T& value() & { return *std::get_if<0>(&state_); }
  const T& value() const& { return *std::get_if<0>(&state_); }
  T&& value() && { return std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  Error& error() & { return *std::get_if<1>(&state_); }
  const Error& error() const& { return *std::get_if<1>(&state_); }
  Error&& error() && { return std::move(*std::get_if<1>(&state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() noexcept = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit on purpose

  bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const noexcept {}
  Error& error() & { return *error_; }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

}  // namespace strata

#define STRATA_CONCATENATE_INNER(a, b) a##b
#define STRATA_CONCATENATE(a, b) STRATA_CONCATENATE_INNER(a, b)
#define STRATA_TRY_NAMED(name, expression)             \
  __extension__({                                      \
    auto&& name = (expression);                        \
    if (!name.has_value()) [[unlikely]]                \
      return ::strata::Error(std::move(name).error()); \
    std::move(name).value();                           \
  })
/// The value of `expression`, a Result; on error returns that error from the enclosing function.
/// gcc 12 cannot compile a co_await inside it: put the awaited result into a variable first.
#define STRATA_TRY(expression) STRATA_TRY_NAMED(STRATA_CONCATENATE(strata_result_, __COUNTER__), expression)
