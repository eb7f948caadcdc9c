#pragma once
/// Containers that one thread appends to while any number read, without a lock: what the delta is made of.
///
///     Arena        memory that is given out piece by piece and returned as a whole
///     AppendList   items in chunks, newest chunk first; a reader sees the items whose count it saw
///     ReadTable    an open-addressing hash table of pointers; growing publishes a second table, the first stays readable
///     StableArray  item i never moves
///
/// The writer fills memory first and publishes it with one release store; a reader's acquire load of that word makes the
/// filled memory visible. Nothing is ever freed or changed in place, so a reader never holds something that goes away:
/// the whole delta lives as long as the last reader that saw it.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/assert.h"
#include "strata/value.h"

namespace strata::store::graph {

/// Threads: one writer; `bytes` from any.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void* allocate(std::size_t size, std::size_t alignment) {
    std::size_t at = (used_ + alignment - 1) & ~(alignment - 1);
    if (at + size > capacity_) {
      grow(size + alignment);
      at = 0;
    }
    used_ = at + size;
    return block_ + at;
  }
  template <typename T, typename... Arguments>
  T* make(Arguments&&... arguments) {
    static_assert(std::is_trivially_destructible_v<T>, "nobody calls destructors here");
    return new (allocate(sizeof(T), alignof(T))) T{std::forward<Arguments>(arguments)...};
  }
  /// A copy that lives as long as the arena.
  ByteView copy(ByteView bytes) {
    if (bytes.empty()) return {};
    auto* to = static_cast<std::byte*>(allocate(bytes.size(), 1));
    std::memcpy(to, bytes.data(), bytes.size());
    return {to, bytes.size()};
  }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  void grow(std::size_t at_least) {
    static constexpr std::size_t kFirst = 16 << 10, kLargest = 1 << 20;
    const std::size_t usual = capacity_ == 0 ? kFirst : std::min(capacity_ * 2, kLargest);
    capacity_ = std::max(usual, at_least);
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(capacity_));
    block_ = blocks_.back().get();
    bytes_.fetch_add(capacity_, std::memory_order_relaxed);
  }

  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::byte* block_ = nullptr;
  std::size_t capacity_ = 0, used_ = 0;
  std::atomic<std::uint64_t> bytes_{0};
};

/// Threads: one writer, many readers.
template <typename T>
class AppendList {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
  struct Chunk {
    Chunk* older;
    std::uint32_t capacity;
    std::atomic<std::uint32_t> count;
    T* items;
  };

 public:
  void append(Arena& arena, const T& item) {
    static constexpr std::uint32_t kFirst = 2, kLargest = 4096;
    Chunk* chunk = newest_.load(std::memory_order_relaxed);
    const std::uint32_t count = chunk ? chunk->count.load(std::memory_order_relaxed) : 0;
    if (chunk && count < chunk->capacity) {
      new (chunk->items + count) T(item);
      chunk->count.store(count + 1, std::memory_order_release);
    } else {
      const std::uint32_t capacity = chunk ? std::min(chunk->capacity * 2, kLargest) : kFirst;
      auto* items = static_cast<T*>(arena.allocate(capacity * sizeof(T), alignof(T)));
      new (items) T(item);
      newest_.store(arena.make<Chunk>(chunk, capacity, 1U, items), std::memory_order_release);
    }
    size_.store(size_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  /// Calls `body(item)`, the newest item first, until it answers false. True when it never did.
  template <typename Body>
  bool newest_first(Body&& body) const {
    for (const Chunk* chunk = newest_.load(std::memory_order_acquire); chunk; chunk = chunk->older) {
      for (std::uint32_t i = chunk->count.load(std::memory_order_acquire); i-- > 0;) {
        if (!body(static_cast<const T&>(chunk->items[i]))) return false;
      }
    }
    return true;
  }
  /// An estimate while the writer is at work.
  std::uint64_t size() const { return size_.load(std::memory_order_relaxed); }
  bool empty() const { return newest_.load(std::memory_order_acquire) == nullptr; }

 private:
  std::atomic<Chunk*> newest_{nullptr};
  std::atomic<std::uint64_t> size_{0};
};

/// `Entry` has a member `hash`. Threads: one writer, many readers.
template <typename Entry>
class ReadTable {
  struct Slots {
    std::uint64_t mask;
    std::atomic<Entry*>* items;
  };

 public:
  /// The entry with this hash for which `same(entry)` holds, or nullptr.
  template <typename Same>
  Entry* find(std::uint64_t hash, Same&& same) const {
    const Slots* slots = slots_.load(std::memory_order_acquire);
    if (slots == nullptr) return nullptr;
    for (std::uint64_t i = hash & slots->mask;; i = (i + 1) & slots->mask) {
      Entry* entry = slots->items[i].load(std::memory_order_acquire);
      if (entry == nullptr) return nullptr;
      if (entry->hash == hash && same(static_cast<const Entry&>(*entry))) return entry;
    }
  }
  /// Not there before.
  void insert(Arena& arena, Entry* entry) {
    const Slots* slots = slots_.load(std::memory_order_relaxed);
    if (slots == nullptr || (size_ + 1) * 8 > (slots->mask + 1) * 5) slots = grow(arena, slots);
    place(*slots, entry);
    ++size_;
  }

 private:
  static void place(const Slots& slots, Entry* entry) {
    std::uint64_t i = entry->hash & slots.mask;
    while (slots.items[i].load(std::memory_order_relaxed) != nullptr) i = (i + 1) & slots.mask;
    slots.items[i].store(entry, std::memory_order_release);
  }
  const Slots* grow(Arena& arena, const Slots* old) {
    const std::uint64_t capacity = old ? (old->mask + 1) * 2 : 16;
    auto* items = static_cast<std::atomic<Entry*>*>(
        arena.allocate(capacity * sizeof(std::atomic<Entry*>), alignof(std::atomic<Entry*>)));
    for (std::uint64_t i = 0; i < capacity; ++i) new (items + i) std::atomic<Entry*>(nullptr);
    const Slots* fresh = arena.make<Slots>(capacity - 1, items);
    for (std::uint64_t i = 0; old && i <= old->mask; ++i) {
      if (Entry* entry = old->items[i].load(std::memory_order_relaxed)) place(*fresh, entry);
    }
    slots_.store(fresh, std::memory_order_release);
    return fresh;
  }

  std::atomic<const Slots*> slots_{nullptr};
  std::uint64_t size_ = 0;
};

/// Chunk c holds 16 · 2^c items, so that few are needed and none moves. Threads: one writer, many readers.
template <typename T>
class StableArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  void append(Arena& arena, const T& item) {
    const std::uint64_t index = size_.load(std::memory_order_relaxed);
    const auto [chunk, offset] = place(index);
    T* items = chunks_[chunk].load(std::memory_order_relaxed);
    if (items == nullptr) {
      items = static_cast<T*>(arena.allocate((kFirst << chunk) * sizeof(T), alignof(T)));
      chunks_[chunk].store(items, std::memory_order_release);
    }
    new (items + offset) T(item);
    size_.store(index + 1, std::memory_order_release);
  }
  std::uint64_t size() const { return size_.load(std::memory_order_acquire); }
  /// index < size() as this thread saw it
  const T& operator[](std::uint64_t index) const {
    const auto [chunk, offset] = place(index);
    return chunks_[chunk].load(std::memory_order_acquire)[offset];
  }

 private:
  static constexpr std::uint64_t kFirst = 16;
  static std::pair<std::size_t, std::uint64_t> place(std::uint64_t index) {
    const std::uint64_t shifted = index + kFirst;  // chunk c begins at 16 · 2^c − 16
    const auto chunk = static_cast<std::size_t>(63 - __builtin_clzll(shifted)) - 4;
    return {chunk, shifted - (kFirst << chunk)};
  }
  std::array<std::atomic<T*>, 48> chunks_{};
  std::atomic<std::uint64_t> size_{0};
};

}  // namespace strata::store::graph
