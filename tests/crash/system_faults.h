#pragma once
/// A machine that refuses: this program's own definitions of the calls of libc that touch files, and of the allocations.
/// They stand in front of libc for everything in the process: for our io::FileSystem, and for SQLite and DuckDB, which do
/// their own I/O. Nothing armed, they pass on.
///
///     write/ours=ENOSPC@3      the third write to a file of ours fails; nothing is written
///     sync/sqlite=EIO@2+       the second sync of a file of SQLite and every later one
///     allocation/duckdb@10     the tenth allocation that DuckDB asks for
///
/// A call belongs to the library whose file it is about, an allocation to the library that asks. Only files below the watched
/// directory count: not what the loader opens, nor /proc.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "strata/error.h"

namespace strata::crash {

enum class SystemCall : std::uint8_t {
  open,
  read,
  write,
  reserve,  ///< fallocate
  sync,
  sync_directory,
  truncate,
  map,
  rename,
  remove,
  list,
  make_directory,
  allocation,  ///< operator new, malloc, calloc, realloc
};
inline constexpr int kSystemCalls = 13;

enum class Owner : std::uint8_t { ours, sqlite, duckdb };
inline constexpr int kOwners = 3;

std::string_view name(SystemCall call) noexcept;
std::string_view name(Owner owner) noexcept;

/// False under the sanitizers, which stand in front of libc themselves.
bool system_faults_available() noexcept;

using SystemCalls = std::array<std::array<std::uint64_t, kOwners>, kSystemCalls>;

/// From here on calls are counted that concern files whose path begins with `prefix`; the one that `fault` names fails.
/// Empty: none does. Errors  invalid_argument
Result<void> arm_system_fault(const std::string& prefix, std::string_view fault);
/// The machine is well again.
void heal_system() noexcept;
SystemCalls system_calls() noexcept;
/// How many calls were refused.
std::uint64_t system_failures() noexcept;

}  // namespace strata::crash
