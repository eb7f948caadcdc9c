#pragma once
/// Everything: the engine, the seven stores, and memory on top of them.
#include "strata/engine.h"
#include "strata/memory.h"
#include "strata/operations.h"
