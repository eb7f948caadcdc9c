#pragma once
/// What a file of JSON lines holds, a batch a commit.
#include <algorithm>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/files.h"
#include "cli/progress_bar.h"

namespace strata::cli {

/// Calls `commit(items)` for each `batch` (at least 1) of what `parse(line)` makes of the lines of `file` ("-": standard input); empty
/// ones are passed over. Returns how many items there were. Errors  those of parse, with the line's number, of commit and LineReader;
/// whole batches are in then
template <typename Parse, typename Commit>
Result<std::uint64_t> commit_lines(Context& context, const std::string& file, std::string title, std::size_t batch,
                                   const Parse& parse, const Commit& commit) {
  LineReader reader = STRATA_TRY(LineReader::open(file));
  const auto bar = context.progress(std::move(title), true);
  std::vector<std::decay_t<decltype(*parse(std::string_view()))>> items;
  std::string text;
  std::uint64_t count = 0;
  for (bool more = true; more;) {
    more = STRATA_TRY(reader.next(text));
    if (more && !text.empty()) {
      auto item = parse(text);
      if (!item) return std::move(item).error().with_context("line " + std::to_string(reader.line_number()));
      items.push_back(std::move(*item));
    }
    if (items.empty() || (more && items.size() < std::max<std::size_t>(batch, 1))) continue;
    STRATA_TRY(commit(items));
    count += items.size();
    items.clear();
    bar->update(reader.bytes_read(), reader.bytes_total());
  }
  return count;
}

}  // namespace strata::cli
