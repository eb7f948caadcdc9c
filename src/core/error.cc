#include "strata/error.h"

#include <array>

#include "core/assert.h"

namespace strata {
namespace {

struct ErrorRow {
  std::string_view name;
  Retry retry;
  int http_status;
  std::string_view python_exception;
  int exit_code;
};

constexpr std::array kErrorTable{
#define STRATA_ERROR(code_name, code_retry, skip, http, resp, bolt, s3, python, code_exit) \
  ErrorRow{#code_name, Retry::code_retry, http, python, code_exit},
#include "strata/error_codes.def"
};

const ErrorRow& row(ErrorCode code) { return kErrorTable[static_cast<std::size_t>(code)]; }

}  // namespace

std::string_view name(ErrorCode code) noexcept { return row(code).name; }
Retry retry(ErrorCode code) noexcept { return row(code).retry; }
int http_status(ErrorCode code) noexcept { return row(code).http_status; }
int exit_code(ErrorCode code) noexcept { return row(code).exit_code; }
std::string_view python_exception(ErrorCode code) noexcept { return row(code).python_exception; }

struct Error::Payload {
  ErrorCode code;
  std::string message;
  const char* file;
  int line;
};

Error::Error(ErrorCode code, std::string message, const char* file, int line)
    : payload_(new Payload{code, std::move(message), file, line}) {}
Error::Error(std::unique_ptr<Payload> payload) : payload_(std::move(payload)) {}
Error::Error(Error&&) noexcept = default;
Error& Error::operator=(Error&&) noexcept = default;
Error::~Error() = default;

ErrorCode Error::code() const noexcept { return payload_->code; }
const std::string& Error::message() const noexcept { return payload_->message; }
const char* Error::file() const noexcept { return payload_->file; }
int Error::line() const noexcept { return payload_->line; }

Error Error::with_context(std::string_view context) && {
  payload_->message.insert(0, ": ").insert(0, context);
  return std::move(*this);
}

Error Error::clone() const { return Error(std::make_unique<Payload>(*payload_)); }

std::string Error::to_string() const { return std::string(name(code())) + ": " + message(); }

}  // namespace strata
