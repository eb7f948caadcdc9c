#pragma once
#include <exception>
#include <utility>

#include "handle.h"

namespace strata::python {

/// A Python function (done, total) → anything but False, as the engine calls it. What it raises cancels the work and is
/// raised again by `run`.
class ProgressCalls {
 public:
  explicit ProgressCalls(nb::object function) : function_(std::move(function)) {}
  Progress progress() {
    if (function_.is_none()) return {};
    return [this](std::uint64_t done, std::uint64_t total) {
      const nb::gil_scoped_acquire locked;
      try {
        return !function_(done, total).is(nb::bool_(false));
      } catch (...) {
        raised_ = std::current_exception();
        return false;
      }
    };
  }
  template <typename Work>
  auto run(Work&& work) {
    auto result = [&] {
      const nb::gil_scoped_release unlocked;
      return work();
    }();
    if (raised_) std::rethrow_exception(raised_);
    if (!result) raise(std::move(result).error());
    return std::move(result).value();
  }

 private:
  nb::object function_;
  std::exception_ptr raised_;
};

}  // namespace strata::python
