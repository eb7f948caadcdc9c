#pragma once
/// A collection as a transaction sees it, and its rows by one of its vectors.
///
///     Target ─ read ──────────► the points themselves: the unnamed vector, words
///            └ read_rows(v) ──► those that have the named vector v: the collection that keeps it, and what the own transaction wrote over it
#include <memory>
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
  const BufferedCollection* buffered = nullptr;
};

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
/// All named vectors, in the order of the options, each under its own name; none when they are not wanted. Errors  corruption
Result<std::vector<VectorRows>> read_vectors(transaction::Context& tx, const Target& target, bool wanted);
/// Errors  invalid_argument naming those that there are
Result<std::size_t> place_of(std::string_view collection, const CollectionOptions& options, std::string_view vector);

}  // namespace strata::store::vector
