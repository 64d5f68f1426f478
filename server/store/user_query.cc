#include "server/store/user_query.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <random>
#include <string_view>

#include "proto/text/utf8.h"
#include "server/store/sqlite.h"

namespace tinyrig::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array<std::string_view, 12> kViews = {
    "results", "runs",   "jobs",   "boards",     "campaigns", "layers",
    "events",  "series", "fronts", "board_days", "failures",  "reference_jobs"};
constexpr std::array<std::string_view, 4> kForbiddenFunctions = {"load_extension", "readfile",
                                                                 "writefile", "fts3_tokenizer"};

bool IsView(std::string_view name) {
  return std::find(kViews.begin(), kViews.end(), name) != kViews.end();
}

/// One value, and one row of them: what a statement can hold in memory at a time.
constexpr int kMaxValueBytes = 64 << 10;
constexpr int kMaxColumns = 100;
constexpr int kMaxPatternBytes = 1000;  ///< Of LIKE and GLOB.
/// Virtual machine steps between looks at the clock. One step is at most one function call, whose
/// arguments are at most kMaxValueBytes long: instr() and replace() take 0.1 s for the worst.
constexpr int kStepsBetweenLooks = 10;

struct Guard {
  bool refused = false;
  bool open = false;   // While the query's own views are made.
  std::string table;   // That was asked for and is no view.
  std::string secret;  // Prefix of the views that may read tables.
  Clock::time_point deadline;
};

// What a statement may do. Column reads name the innermost view (or WITH table: a user may call one
// like a view) as `inner`; only views whose names the user cannot know may read tables. A table
// that is joined without using a column is named with an empty one, after the view is forgotten:
// that tells no more than a number of rows.
bool Allowed(const Guard& guard, int action, std::string_view first, std::string_view second,
             std::string_view inner) {
  if (guard.open) return true;
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
      return true;
    case SQLITE_FUNCTION:
      return std::find(kForbiddenFunctions.begin(), kForbiddenFunctions.end(), second) ==
             kForbiddenFunctions.end();
    case SQLITE_READ:
      return second.empty() || IsView(first) || first.starts_with(guard.secret) ||
             inner.starts_with(guard.secret);
    default:
      return false;
  }
}

int Authorize(void* context, int action, const char* a, const char* b, const char*,
              const char* inner) {
  const std::string_view first = a == nullptr ? "" : a;
  auto* guard = static_cast<Guard*>(context);
  if (Allowed(*guard, action, first, b == nullptr ? "" : b, inner == nullptr ? "" : inner)) {
    return SQLITE_OK;
  }
  guard->refused = true;
  if (action == SQLITE_READ) guard->table = std::string(first);
  return SQLITE_DENY;
}

int Overdue(void* context) { return Clock::now() > static_cast<Guard*>(context)->deadline ? 1 : 0; }

Status Refused(const Guard& guard) {
  const std::string what = guard.table.empty()
                               ? "queries may only SELECT"
                               : fmt::format("'{}' is not open to queries", guard.table);
  return {Code::kPermissionDenied,
          fmt::format("{}; use the views: {}", what, fmt::join(kViews, ", "))};
}

Status QueryStatus(sqlite3* db, int rc, const Guard& guard) {
  if (rc == SQLITE_OK) return {};
  if (guard.refused) return Refused(guard);
  switch (rc & 0xff) {
    case SQLITE_INTERRUPT:
      return {Code::kDeadlineExceeded,
              "the query took too long and was stopped; narrow it with WHERE or LIMIT"};
    case SQLITE_ERROR:
    case SQLITE_SCHEMA:  // An unknown name, met before the schema was read for the first time.
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
      return {Code::kInvalidArgument, fmt::format("SQL: {}; the views are: {}", sqlite3_errmsg(db),
                                                  fmt::join(kViews, ", "))};
    default:
      return SqliteStatus(db, rc, "query");
  }
}

/// Puts two temporary views before each view of the schema: one with its name, which the query
/// sees, on one with a name that nobody can guess, which has the definition.
Status MakePrivateViews(Database& db, Guard* guard) {
  std::random_device random;
  guard->secret = fmt::format("v{:08x}{:08x}{:08x}{:08x}_", random(), random(), random(), random());
  std::vector<std::pair<std::string, std::string>> definitions;
  {
    TRY_ASSIGN(Statement rows, db.Query("SELECT name, sql FROM sqlite_master WHERE type = 'view'"));
    for (;;) {
      TRY_ASSIGN(const bool row, rows.Step());
      if (!row) break;
      definitions.emplace_back(rows.Text(0), rows.Text(1));
    }
  }
  for (const auto& [name, sql] : definitions) {
    if (!IsView(name)) continue;
    const size_t body = sql.find("SELECT");
    if (body == sql.npos) {
      return {Code::kInternal, fmt::format("view {} has no SELECT; please report this", name)};
    }
    TRY(db.Run(fmt::format("CREATE TEMP VIEW {}{} AS {}", guard->secret, name, sql.substr(body))));
    TRY(db.Run(fmt::format("CREATE TEMP VIEW {1} AS SELECT * FROM {0}{1}", guard->secret, name)));
  }
  return {};
}

v1::QueryValue ReadValue(sqlite3_stmt* statement, int column) {
  v1::QueryValue value;
  const auto bytes = [&] {
    return std::string(static_cast<const char*>(sqlite3_column_blob(statement, column)),
                       static_cast<size_t>(sqlite3_column_bytes(statement, column)));
  };
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      value.set_integer(sqlite3_column_int64(statement, column));
      break;
    case SQLITE_FLOAT:
      value.set_real(sqlite3_column_double(statement, column));
      break;
    case SQLITE_TEXT: {
      std::string text = bytes();
      // A CAST can make text of any bytes; the API's text is UTF-8.
      if (IsUtf8(text)) {
        value.set_text(std::move(text));
      } else {
        value.set_blob(std::move(text));
      }
      break;
    }
    case SQLITE_BLOB:
      value.set_blob(bytes());
      break;
    default:
      break;
  }
  return value;
}

bool OnlySpace(std::string_view text) {
  return text.find_first_not_of(" \t\r\n;") == std::string_view::npos;
}

}  // namespace

Result<UserQueryResult> RunUserQuery(const std::filesystem::path& file, const std::string& sql,
                                     const UserQueryLimits& limits) {
  TRY_ASSIGN(Database db, Database::Open(file.string(), Database::Mode::kReadOnly));
  sqlite3* handle = db.handle();
  Guard guard;
  guard.deadline = Clock::now() + limits.max_time;
  guard.open = true;
  sqlite3_set_authorizer(handle, Authorize, &guard);
  TRY(MakePrivateViews(db, &guard));
  guard.open = false;
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, kMaxValueBytes);
  sqlite3_limit(handle, SQLITE_LIMIT_COLUMN, kMaxColumns);
  sqlite3_limit(handle, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, kMaxPatternBytes);
  sqlite3_limit(handle, SQLITE_LIMIT_SQL_LENGTH, 64 << 10);
  sqlite3_limit(handle, SQLITE_LIMIT_EXPR_DEPTH, 200);
  sqlite3_limit(handle, SQLITE_LIMIT_COMPOUND_SELECT, 50);
  sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_progress_handler(handle, kStepsBetweenLooks, Overdue, &guard);

  sqlite3_stmt* raw = nullptr;
  const char* rest = nullptr;
  const int prepared =
      sqlite3_prepare_v2(handle, sql.data(), static_cast<int>(sql.size()), &raw, &rest);
  const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(raw, sqlite3_finalize);
  TRY(QueryStatus(handle, prepared, guard));
  if (raw != nullptr && sqlite3_stmt_readonly(raw) == 0) return Refused(guard);
  if (raw == nullptr) {
    return Status(Code::kInvalidArgument, "SQL: nothing to run; send one SELECT");
  }
  if (!OnlySpace({rest, static_cast<size_t>(sql.data() + sql.size() - rest)})) {
    return Status(Code::kInvalidArgument, "SQL: more than one statement; send one SELECT");
  }
  UserQueryResult result;
  const int columns = sqlite3_column_count(raw);
  for (int i = 0; i < columns; ++i) result.columns.emplace_back(sqlite3_column_name(raw, i));
  uint64_t bytes = 0;
  for (;;) {
    const int rc = sqlite3_step(raw);
    if (rc == SQLITE_DONE) return result;
    if (rc != SQLITE_ROW) return QueryStatus(handle, rc, guard);
    v1::QueryRow row;
    for (int i = 0; i < columns; ++i) *row.add_values() = ReadValue(raw, i);
    bytes += row.ByteSizeLong();
    if (result.rows.size() >= limits.max_rows || bytes > limits.max_bytes) {
      result.truncated = true;
      return result;
    }
    result.rows.push_back(std::move(row));
  }
}

}  // namespace tinyrig::server
