#pragma once
/// What one row of a dataset is: its type, its shape, how many bytes, and the sentences that say so to a user.
///
///     DatasetOptions{float32, {64}}   →   "float32[n, 64]", 256 bytes a row, 256 rows in a chunk of 64 KiB
///
/// Everything a user may get wrong about a dataset is refused here, before it reaches a journal record; bytes from disk pass
/// the same checks and become `corruption`.
#include <span>
#include <string>
#include <string_view>

#include "core/codec.h"
#include "strata/array.h"

namespace strata::store::array {

inline constexpr std::size_t kAxesMax = 8;  // of one row
inline constexpr std::uint64_t kRowBytesMax = 64ULL << 20;
inline constexpr std::uint64_t kChunkBytesMax = 64ULL << 20;
inline constexpr std::uint64_t kChunkBytesDefault = 64ULL << 10;
inline constexpr std::size_t kKeyBytesMax = 1024;
inline constexpr std::size_t kAttributeNameBytesMax = 255;
inline constexpr std::size_t kAttributeValueBytesMax = 32 << 10;  // an HDF5 attribute in an object header: below 64 KiB
inline constexpr std::uint64_t kRowsMax = 1ULL << 48;

std::uint64_t row_bytes(const DatasetOptions& options);
/// The rows of one chunk with the default resolved; at least 1.
std::uint64_t chunk_rows(const DatasetOptions& options);

/// "float32[n, 64]": what rows of this dataset look like.
std::string describe(const DatasetOptions& options);
/// "float32[3, 64]": what somebody brought.
std::string describe(DataType type, std::span<const std::uint64_t> shape);

/// All  errors: invalid_argument, saying what is allowed
Result<void> check_dataset_name(std::string_view name);
Result<void> check_options(const DatasetOptions& options);
Result<void> check_key(std::string_view key);
Result<void> check_attribute(std::string_view name, const Value& value);
/// That `bytes` are rows of this dataset. Returns how many. Names both sides when they differ.
Result<std::uint64_t> check_rows(const DatasetOptions& options, DataType type, std::span<const std::uint64_t> shape,
                                 ByteView bytes);

void encode(core::Encoder& out, const DatasetOptions& options);
/// Fails the decoder when the options are none we ever wrote.
DatasetOptions decode_options(core::Decoder& in);

}  // namespace strata::store::array
