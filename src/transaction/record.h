#pragma once
/// The payload of a journal record: one section per store that the transaction wrote to, in order of store.
///
///     section := store u8 · length u32 · bytes[length]       (docs/formats/record.md)
#include <functional>

#include "core/assert.h"
#include "core/codec.h"
#include "transaction/participant.h"

namespace strata::transaction {

/// Sections of the engine itself (tags) use this in place of a store.
inline constexpr std::uint8_t kEngineSection = 0x40;

/// Begins a section; `end_section` fills its length in.
std::size_t begin_section(Bytes& payload, std::uint8_t store);
void end_section(Bytes& payload, std::size_t begun);

/// Hands every section to `visit`. Errors  corruption, or what visit returned
Result<void> for_each_section(ByteView payload, const std::function<Result<void>(std::uint8_t, ByteView)>& visit);

}  // namespace strata::transaction
