#pragma once
/// Ctrl-C. The first one asks: long work stops at its next step, the database is closed, the exit code is 130. A second
/// one ends the process at once, which loses nothing either: what was committed is in the journal, the rest never was.
#include "strata/error.h"

namespace strata::cli {

/// From now on SIGINT and SIGTERM set the flag; a reader that has gone (SIGPIPE) is an error of the write.
void watch_interrupts();
bool interrupted();
/// At the prompt an interrupt ends a line's work, not the session.
void forget_interrupt();
/// Errors  cancelled
Result<void> check_interrupt();

}  // namespace strata::cli
