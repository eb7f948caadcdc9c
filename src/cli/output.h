#pragma once
/// What a verb has to say, in the form that was asked for. Results go to standard output, everything else (progress,
/// notes, errors) to standard error.
///
///     table   for people: aligned columns under a line of headings; the default on a terminal
///     tsv     for other programs: fields parted by tabs, no headings; the default elsewhere. A tab, line break or
///             backslash inside a field is \t, \n, \r or \\; NULL is an empty field
///     csv     RFC 4180, with headings; NULL is empty, empty text is ""
///     json    an array of objects, one a line; a single record is one object
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "strata/error.h"
#include "strata/rows.h"
#include "strata/value.h"

namespace strata::cli {

enum class Format : std::uint8_t { table, tsv, csv, json };

/// Named values in an order of their own.
using Record = std::vector<std::pair<std::string, Value>>;

/// width  columns of the terminal; the widest columns of a table are cut (…) to fit. 0: nothing is cut
std::string print_rows(const Rows& rows, Format format, std::size_t width);
std::string print_record(const Record& record, Format format, std::size_t width);
/// Columns a UTF-8 text takes on a terminal: 2 for wide characters, 0 for combining ones.
std::size_t columns_of(std::string_view text);

/// One thread at a time.
class Output {
 public:
  Output(std::FILE* file, Format format, std::size_t width) : file_(file), format_(format), width_(width) {}

  Format format() const { return format_; }
  bool json() const { return format_ == Format::json; }
  void set_format(Format format) { format_ = format; }

  void rows(const Rows& rows) { write(print_rows(rows, format_, width_)); }
  void record(const Record& record) { write(print_record(record, format_, width_)); }
  void write(std::string_view text);
  void write(ByteView bytes) { write(as_text(bytes)); }
  /// Full precision for programs, four decimals for people.
  Value score(double value) const;

  /// Errors  io (disk full …). That the reader has gone (`| head`) is no error: see reader_gone
  Result<void> flush();
  bool reader_gone() const { return reader_gone_; }

 private:
  std::FILE* file_;
  Format format_;
  std::size_t width_;
  int failure_ = 0;  // errno of the first write that failed
  bool reader_gone_ = false;
};

/// A float as the shortest decimal that is that float: 0.1, not 0.10000000149011612.
Value shortest(float value);
Value shortest(const std::vector<float>& values);

}  // namespace strata::cli
