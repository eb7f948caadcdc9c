#pragma once
/// How much of a busy processor a thread gets.

namespace strata::core {

/// The calling thread gets a processor mostly when no other thread of this machine wants it (nice 10); it cannot take that back.
/// Where priorities belong to whole processes alone (not Linux), nothing happens. For work that nobody waits for.
void give_way();

}  // namespace strata::core
