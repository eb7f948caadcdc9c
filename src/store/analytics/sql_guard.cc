#include "store/analytics/sql_guard.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace strata::store::analytics {
namespace {

using std::literals::string_view_literals::operator""sv;

constexpr std::array kReadingWords = {"describe"sv,     "desc"sv,        "explain"sv, "from"sv, "pivot"sv,
                                      "pivot_longer"sv, "pivot_wider"sv, "select"sv,  "show"sv, "summarize"sv,
                                      "table"sv,        "unpivot"sv,     "values"sv,  "with"sv};
constexpr std::array kWritingWords = {
    "abort"sv,     "alter"sv,  "analyze"sv, "attach"sv,     "begin"sv,   "call"sv,   "checkpoint"sv, "comment"sv,
    "commit"sv,    "copy"sv,   "create"sv,  "deallocate"sv, "delete"sv,  "detach"sv, "drop"sv,       "end"sv,
    "execute"sv,   "export"sv, "force"sv,   "grant"sv,      "import"sv,  "insert"sv, "install"sv,    "load"sv,
    "merge"sv,     "pragma"sv, "prepare"sv, "release"sv,    "replace"sv, "reset"sv,  "revoke"sv,     "rollback"sv,
    "savepoint"sv, "set"sv,    "start"sv,   "truncate"sv,   "update"sv,  "use"sv,    "vacuum"sv};

constexpr std::array kAllowedFunctions = {
    "duckdb_columns"sv,  "duckdb_constraints"sv, "duckdb_functions"sv,  "duckdb_keywords"sv,
    "duckdb_schemas"sv,  "duckdb_tables"sv,      "duckdb_types"sv,      "duckdb_views"sv,
    "generate_series"sv, "histogram"sv,          "histogram_values"sv,  "icu_calendar_names"sv,
    "json_each"sv,       "json_tree"sv,          "pg_timezone_names"sv, "pragma_collations"sv,
    "pragma_show"sv,     "pragma_table_info"sv,  "pragma_version"sv,    "range"sv,
    "repeat"sv,          "repeat_row"sv,         "summary"sv,           "unnest"sv,
    "version"sv};

// Table and pragma functions of DuckDB 1.5.5 that are not allowed, and scalar ones that show or touch the outside.
constexpr std::array kRefusedFunctions = {"add_parquet_key"sv,
                                          "all_profiling_output"sv,
                                          "arrow_scan"sv,
                                          "arrow_scan_dumb"sv,
                                          "check_peg_parser"sv,
                                          "checkpoint"sv,
                                          "collations"sv,
                                          "copy_database"sv,
                                          "current_setting"sv,
                                          "database_list"sv,
                                          "database_size"sv,
                                          "disable_checkpoint_on_shutdown"sv,
                                          "disable_logging"sv,
                                          "disable_object_cache"sv,
                                          "disable_optimizer"sv,
                                          "disable_peg_parser"sv,
                                          "disable_print_progress_bar"sv,
                                          "disable_profile"sv,
                                          "disable_profiling"sv,
                                          "disable_progress_bar"sv,
                                          "disable_verification"sv,
                                          "disable_verify_external"sv,
                                          "disable_verify_fetch_row"sv,
                                          "disable_verify_parallelism"sv,
                                          "disable_verify_serializer"sv,
                                          "duckdb_approx_database_count"sv,
                                          "duckdb_connection_count"sv,
                                          "duckdb_coordinate_systems"sv,
                                          "duckdb_databases"sv,
                                          "duckdb_dependencies"sv,
                                          "duckdb_extensions"sv,
                                          "duckdb_external_file_cache"sv,
                                          "duckdb_indexes"sv,
                                          "duckdb_log_contexts"sv,
                                          "duckdb_logs"sv,
                                          "duckdb_logs_parsed"sv,
                                          "duckdb_memory"sv,
                                          "duckdb_optimizers"sv,
                                          "duckdb_prepared_statements"sv,
                                          "duckdb_profiling_settings"sv,
                                          "duckdb_secret_types"sv,
                                          "duckdb_secrets"sv,
                                          "duckdb_sequences"sv,
                                          "duckdb_settings"sv,
                                          "duckdb_table_sample"sv,
                                          "duckdb_temporary_files"sv,
                                          "duckdb_variables"sv,
                                          "enable_checkpoint_on_shutdown"sv,
                                          "enable_logging"sv,
                                          "enable_object_cache"sv,
                                          "enable_optimizer"sv,
                                          "enable_peg_parser"sv,
                                          "enable_print_progress_bar"sv,
                                          "enable_profile"sv,
                                          "enable_profiling"sv,
                                          "enable_progress_bar"sv,
                                          "enable_verification"sv,
                                          "extension_versions"sv,
                                          "force_checkpoint"sv,
                                          "functions"sv,
                                          "getenv"sv,
                                          "glob"sv,
                                          "import_database"sv,
                                          "json_execute_serialized_sql"sv,
                                          "metadata_info"sv,
                                          "parquet_bloom_probe"sv,
                                          "parquet_file_metadata"sv,
                                          "parquet_full_metadata"sv,
                                          "parquet_kv_metadata"sv,
                                          "parquet_metadata"sv,
                                          "parquet_scan"sv,
                                          "parquet_schema"sv,
                                          "platform"sv,
                                          "pragma_database_size"sv,
                                          "pragma_metadata_info"sv,
                                          "pragma_platform"sv,
                                          "pragma_storage_info"sv,
                                          "pragma_user_agent"sv,
                                          "query"sv,
                                          "query_table"sv,
                                          "read_blob"sv,
                                          "read_csv"sv,
                                          "read_csv_auto"sv,
                                          "read_duckdb"sv,
                                          "read_json"sv,
                                          "read_json_auto"sv,
                                          "read_json_objects"sv,
                                          "read_json_objects_auto"sv,
                                          "read_ndjson"sv,
                                          "read_ndjson_auto"sv,
                                          "read_ndjson_objects"sv,
                                          "read_parquet"sv,
                                          "read_text"sv,
                                          "seq_scan"sv,
                                          "show"sv,
                                          "show_databases"sv,
                                          "show_tables"sv,
                                          "show_tables_expanded"sv,
                                          "sniff_csv"sv,
                                          "sql_auto_complete"sv,
                                          "storage_info"sv,
                                          "table_info"sv,
                                          "test_all_types"sv,
                                          "test_vector_types"sv,
                                          "truncate_duckdb_logs"sv,
                                          "user_agent"sv,
                                          "verify_external"sv,
                                          "verify_fetch_row"sv,
                                          "verify_parallelism"sv,
                                          "verify_serializer"sv,
                                          "which_secret"sv,
                                          "write_log"sv};

// Views of DuckDB's own that name paths of the machine.
constexpr std::array kRefusedRelations = {
    "duckdb_databases"sv, "duckdb_external_file_cache"sv, "duckdb_logs"sv,         "duckdb_secrets"sv,
    "duckdb_settings"sv,  "duckdb_temporary_files"sv,     "pragma_database_list"sv};

template <typename List>
bool holds(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

struct Token {
  enum class Kind : std::uint8_t { word, quoted, symbol } kind;
  std::string text;  ///< a word in lower case, a quoted name without its quotes, a symbol's character
};

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// The words, names and symbols of a statement; strings and comments are passed over.
class Lexer {
 public:
  explicit Lexer(std::string_view sql) : sql_(sql) {}

  std::optional<Token> next() {
    while (at_ < sql_.size()) {
      const char c = sql_[at_];
      if (starts("--")) {
        skip_to("\n");
      } else if (starts("/*")) {
        skip_block_comment();
      } else if (c == '\'') {
        skip_string(false);
      } else if ((c == 'e' || c == 'E') && at_ + 1 < sql_.size() && sql_[at_ + 1] == '\'') {
        ++at_;
        skip_string(true);
      } else if (c == '$' && skip_dollar_string()) {
        continue;
      } else if (c == '"') {
        return quoted_name();
      } else if (is_word_byte(c)) {
        return word();
      } else if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x80) {
        ++at_;  // DuckDB takes Unicode spaces for spaces; a name beyond ASCII is none that we look for
      } else {
        ++at_;
        return Token{Token::Kind::symbol, std::string(1, c)};
      }
    }
    return std::nullopt;
  }

 private:
  bool starts(std::string_view text) const { return sql_.substr(at_).starts_with(text); }
  void skip_to(std::string_view end) {
    const auto found = sql_.find(end, at_);
    at_ = found == std::string_view::npos ? sql_.size() : found + end.size();
  }
  void skip_block_comment() {  // they nest
    int depth = 0;
    do {
      if (starts("/*")) {
        ++depth;
        at_ += 2;
      } else if (starts("*/")) {
        --depth;
        at_ += 2;
      } else {
        ++at_;
      }
    } while (depth > 0 && at_ < sql_.size());
  }
  void skip_string(bool backslashes) {
    for (++at_; at_ < sql_.size(); ++at_) {
      if (backslashes && sql_[at_] == '\\') {
        ++at_;
      } else if (sql_[at_] == '\'') {
        if (at_ + 1 >= sql_.size() || sql_[at_ + 1] != '\'') break;
        ++at_;
      }
    }
    ++at_;
  }
  bool skip_dollar_string() {  // $$…$$ and $tag$…$tag$, but not the parameters $1 and $name
    std::size_t end = at_ + 1;
    while (end < sql_.size() && is_word_byte(sql_[end])) ++end;
    if (end >= sql_.size() || sql_[end] != '$' || (end > at_ + 1 && sql_[at_ + 1] >= '0' && sql_[at_ + 1] <= '9')) {
      return false;
    }
    const std::string_view tag = sql_.substr(at_, end + 1 - at_);
    at_ = end + 1;
    skip_to(tag);
    return true;
  }
  Token quoted_name() {
    Token token{Token::Kind::quoted, {}};
    for (++at_; at_ < sql_.size(); ++at_) {
      if (sql_[at_] == '"') {
        if (at_ + 1 >= sql_.size() || sql_[at_ + 1] != '"') break;
        ++at_;
      }
      token.text += lower(sql_[at_]);
    }
    ++at_;
    return token;
  }
  Token word() {
    Token token{Token::Kind::word, {}};
    for (; at_ < sql_.size() && is_word_byte(sql_[at_]); ++at_) token.text += lower(sql_[at_]);
    return token;
  }
  static char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

  std::string_view sql_;
  std::size_t at_ = 0;
};

Error writes(std::string_view word) {
  return Error(ErrorCode::permission_denied,
               "a query reads; tables are changed by create_table, append and erase. Refused: " + std::string(word));
}

}  // namespace

std::span<const std::string_view> allowed_table_functions() { return kAllowedFunctions; }
bool is_refused_function(std::string_view name) { return holds(kRefusedFunctions, name); }

Result<void> check_reading_statement(std::string_view sql) {
  if (sql.size() > kSqlBytesMax) {
    return Error(ErrorCode::invalid_argument,
                 "a statement has at most 1000000 bytes, this one has " + std::to_string(sql.size()));
  }
  Lexer lexer(sql);
  std::optional<Token> token = lexer.next();
  while (token && token->kind == Token::Kind::symbol && token->text == "(") token = lexer.next();
  if (!token) return Error(ErrorCode::invalid_argument, "there is no statement");
  if (token->kind == Token::Kind::word && holds(kWritingWords, token->text)) return writes(token->text);
  if (token->text == "explain") {
    token = lexer.next();
    if (token && token->text == "analyze") token = lexer.next();
    if (token && token->text == "(") {  // options
      while (token && token->text != ")") token = lexer.next();
      token = lexer.next();
    }
    if (!token || token->kind != Token::Kind::word || !holds(kReadingWords, token->text) || token->text == "explain") {
      return writes("explain " + (token ? token->text : ""));
    }
  }
  for (std::optional<Token> following; token; token = std::move(following)) {
    following = lexer.next();
    if (token->kind == Token::Kind::symbol) continue;
    const bool call = following && following->kind == Token::Kind::symbol && following->text == "(";
    if ((call && is_refused_function(token->text)) || holds(kRefusedRelations, token->text)) {
      return Error(ErrorCode::permission_denied, "a query may not use " + token->text);
    }
  }
  return {};
}

}  // namespace strata::store::analytics
