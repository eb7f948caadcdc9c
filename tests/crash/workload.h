#pragma once
/// What the writers of memories.cc do: a pure function of (seed, writer, number), so that the parent, who survives,
/// knows what every operation should have left behind without being told its content.
///
///     mostly   remember a new memory, linked to the one before
///     n % 7    remember a new version of an earlier one
///     n % 11   forget an earlier one
#include <string>
#include <vector>

#include "core/random.h"
#include "strata/memory.h"

namespace strata::crash {

enum class Action : std::uint8_t { remember, revise, forget };

struct Operation {
  Action action = Action::remember;
  std::uint64_t target = 0;  ///< number of the memory it is about
};

inline std::string id_of(std::uint64_t writer, std::uint64_t target) {
  return "w" + std::to_string(writer) + "-" + std::to_string(target);
}

/// Memories made by numbers whose operation is `remember` exist until a later `forget` of the same writer names them.
inline Operation operation_of(std::uint64_t number) {
  if (number % 11 == 10) return {Action::forget, number - 5};
  if (number % 7 == 6) return {Action::revise, number - 3};
  return {Action::remember, number};
}

/// A revise or forget may name a number that never was a `remember`, or one that is forgotten: then nothing happens.
inline bool was_remembered(std::uint64_t number) { return operation_of(number).action == Action::remember; }

inline std::string text_of(std::uint64_t seed, std::uint64_t writer, std::uint64_t number) {
  static const char* const kWords[] = {"journal", "memory", "vector", "graph",  "object", "commit", "snapshot", "cache",
                                       "segment", "sync",   "lsn",    "replay", "torn",   "power",  "edge",     "row"};
  core::Random random(seed * 0x9e3779b97f4a7c15 + writer * 1'000'003 + number);
  std::string text = "operation " + std::to_string(number) + " of writer " + std::to_string(writer) + ":";
  // Now and then a text that is too large to travel in the journal.
  const std::uint64_t words = number % 97 == 96 ? 12'000 : 20 + random.below(300);
  for (std::uint64_t i = 0; i < words; ++i) text.append(" ").append(kWords[random.below(16)]);
  return text;
}

inline Atom atom_of(std::uint64_t seed, std::uint64_t writer, std::uint64_t number) {
  const Operation operation = operation_of(number);
  Atom atom;
  atom.id = id_of(writer, operation.target);
  atom.text = text_of(seed, writer, number);
  atom.tags = {{"writer", std::to_string(writer), 1.0}, {"parity", number % 2 ? "odd" : "even", 0.5}};
  atom.source = "crash/" + std::to_string(number);
  atom.metadata = {{"number", number}};
  atom.activation.assign(16, static_cast<float>(number));
  return atom;
}

}  // namespace strata::crash
