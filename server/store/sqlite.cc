#include "server/store/sqlite.h"

#include <fmt/format.h>

namespace tinyrig::server {
namespace {

struct Meaning {
  int rc;
  Code code;
  std::string_view advice;
};
constexpr Meaning kMeanings[] = {
    {SQLITE_FULL, Code::kResourceExhausted,
     "the disk is full; free space, the work is taken up again by itself"},
    {SQLITE_BUSY, Code::kUnavailable, "another program holds the database; close it or try again"},
    {SQLITE_LOCKED, Code::kUnavailable, "the database is locked; try again"},
    {SQLITE_READONLY, Code::kFailedPrecondition,
     "the database is read-only; check its permissions and the mount"},
    {SQLITE_IOERR, Code::kUnavailable, "the disk reports an error; check it, then restart"},
    {SQLITE_CANTOPEN, Code::kFailedPrecondition,
     "check that the state folder exists and is writable"},
    {SQLITE_CORRUPT, Code::kDataLoss, "the file is damaged; restore a backup"},
    {SQLITE_NOTADB, Code::kDataLoss,
     "the file is no SQLite database; restore a backup or use another state folder"},
};

}  // namespace

Status SqliteStatus(sqlite3* db, int rc, std::string_view what) {
  if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE) return {};
  const std::string detail = db == nullptr ? sqlite3_errstr(rc) : sqlite3_errmsg(db);
  for (const Meaning& meaning : kMeanings) {
    if (meaning.rc == (rc & 0xff)) {
      return {meaning.code, fmt::format("{}: {} ({})", what, meaning.advice, detail)};
    }
  }
  return {Code::kInternal, fmt::format("{}: {}", what, detail)};
}

Result<bool> Statement::Step() {
  const int rc = sqlite3_step(statement_);
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  return SqliteStatus(db_, rc, "database");
}

std::string_view Statement::View(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data),
          static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

Result<Database> Database::Open(const std::string& path, Mode mode) {
  const int flags =
      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
      (mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  sqlite3* raw = nullptr;
  const int rc = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Database db;
  db.db_.reset(raw);
  TRY(SqliteStatus(raw, rc, path));
  sqlite3_busy_timeout(raw, 5000);
  if (mode == Mode::kReadWrite) {
    // FULL: what was acknowledged survives a power cut.
    TRY(db.Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;")
            .WithContext(path));
  }
  return db;
}

Status Database::Execute(const std::string& sql) {
  return SqliteStatus(db_.get(), sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr),
                      "database");
}

Result<sqlite3_stmt*> Database::Prepared(std::string_view sql) {
  const std::string key(sql);
  if (const auto found = statements_.find(key); found != statements_.end()) {
    // Still in use further up the stack: a second cursor on the same text is a bug of ours.
    if (sqlite3_stmt_busy(found->second.get()) != 0)
      return Status(Code::kInternal, "statement in use: " + key);
    return found->second.get();
  }
  sqlite3_stmt* raw = nullptr;
  const int rc = sqlite3_prepare_v3(db_.get(), key.data(), static_cast<int>(key.size()),
                                    SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  TRY(SqliteStatus(db_.get(), rc, key));
  statements_.emplace(key, raw);
  return raw;
}

Result<Transaction> Transaction::Begin(Database& db) {
  TRY(db.Run("BEGIN IMMEDIATE"));
  return Transaction(db);
}

Transaction::~Transaction() {
  if (db_ != nullptr) (void)db_->Run("ROLLBACK");
}

Status Transaction::Commit() {
  const Status status = db_->Run("COMMIT");
  // A commit that failed (disk full, busy) leaves the transaction open.
  if (!status.ok()) (void)db_->Run("ROLLBACK");
  db_ = nullptr;
  return status;
}

}  // namespace tinyrig::server
