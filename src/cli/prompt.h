#pragma once
#include "strata/error.h"

namespace strata::cli {

struct Context;

/// Reads lines until .quit or the end of input, and does what they say. On a terminal with line editing, history (in
/// $STRATA_HISTORY_FILE, else $XDG_STATE_HOME/strata/history, readable by the user alone) and completion; otherwise lines
/// are read as they come, and the first error ends it.
Result<void> run_prompt(Context& context);

}  // namespace strata::cli
