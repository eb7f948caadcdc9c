#pragma once
/// The Arrow C data and stream interfaces (https://arrow.apache.org/docs/format/CStreamInterface.html), declared here as
/// that page asks, and an owner for a stream.
#include <cstdint>
#include <memory>
#include <utility>

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4
extern "C" {
struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};
struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};
}
#endif
#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
extern "C" {
struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};
}
#endif

namespace [[gnu::visibility("default")]] strata {

/// Owns an Arrow stream; released with it, or moved out for another library to consume.
class ArrowStream {
 public:
  ArrowStream() : stream_{} {}
  explicit ArrowStream(ArrowArrayStream stream) : stream_(stream) {}
  ArrowStream(ArrowStream&& other) noexcept : stream_(std::exchange(other.stream_, {})) {}
  ArrowStream& operator=(ArrowStream&& other) noexcept {
    std::swap(stream_, other.stream_);
    return *this;
  }
  ~ArrowStream() {
    if (stream_.release) stream_.release(&stream_);
  }
  ArrowArrayStream* get() { return &stream_; }
  /// Gives the stream away: the caller releases it.
  ArrowArrayStream take() { return std::exchange(stream_, {}); }

 private:
  ArrowArrayStream stream_;
};

}  // namespace strata
