#pragma once
/// Everything: the engine, the seven stores, memory on top of them, vectors in and out.
#include "strata/engine.h"
#include "strata/interchange.h"
#include "strata/memory.h"
#include "strata/operations.h"
