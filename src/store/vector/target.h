#pragma once
/// A collection as a transaction sees it, and its rows by one of its vectors.
///
///     Target ─ read ──────────► the points themselves: the unnamed vector, words
///            └ read_rows(v) ──► those that have the named vector v: the collection that keeps it, and what the own transaction wrote over it;
///                               of a vector that was unnamed once, also the points' own rows of that time
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/vector/reading.h"
#include "store/vector/write_buffer.h"
#include "transaction/session.h"

namespace strata::store::vector {

/// What the store has, what the buffer put over it. It outlives what reads it.
struct Target {
  std::shared_ptr<Collection> base;  ///< nullptr: made by this transaction
  CollectionOptions options;
  std::vector<std::shared_ptr<Collection>> kept =
      {};                    ///< of each of the options' vectors; nullptr: made by this transaction
  std::string in_rows = {};  ///< as of Layout
  const BufferedCollection* buffered = nullptr;
};

/// As the view has it, with what the transaction changed. Nothing: it is not there.
std::optional<Target> find_target(std::shared_ptr<Collection> base, const BufferedCollection* buffered, Lsn view);
/// In quotation marks; long ones are cut.
std::string quoted(std::string_view text);

/// Errors  corruption
Result<Reading> read(transaction::Context& tx, const Target& target, const CompiledFilter* filter);
/// The same of a named vector, by its place among the options'.
Result<Reading> read_vector(transaction::Context& tx, const Target& target, std::size_t place,
                            const CompiledFilter* filter);
/// By the name of the vector; empty: the unnamed one. Errors  invalid_argument (no such vector), corruption
Result<VectorRows> read_rows(transaction::Context& tx, std::string_view collection, const Target& target,
                             std::string_view vector, const CompiledFilter* filter);
/// The same for a search of dense vectors. Errors  also invalid_argument: it is sparse; there is no unnamed one
Result<VectorRows> read_dense(transaction::Context& tx, std::string_view collection, const Target& target,
                              std::string_view vector, const CompiledFilter* filter);
/// All named vectors, in the order of the options, each under its own name, the default one under none; none of them when they are not
/// wanted. Errors  corruption
Result<std::vector<VectorRows>> read_vectors(transaction::Context& tx, const Target& target, bool wanted);
/// Errors  invalid_argument naming those that there are
Result<std::size_t> place_of(std::string_view collection, const CollectionOptions& options, std::string_view vector);

}  // namespace strata::store::vector
