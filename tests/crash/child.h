#pragma once
/// What the children's parts share: telling the parent (child.cc has the lines), and a writer's operations.
#include <string>

#include "crash/crash.h"

namespace strata::crash {

void say(const std::string& line);
std::string one_line(std::string text);

/// One writer's next operations; returns the number it got to. Short of its end: the operation of that number failed thrice,
/// or may have been done, and this process cannot tell.
std::uint64_t write_operations(Engine& engine, const ChildSettings& settings, std::uint64_t writer, std::uint64_t first,
                               std::uint64_t count);

}  // namespace strata::crash
