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
    {SQLITE_IOERR, Code::kUnavailable,
     "the disk reports an error or may not be written; check it and the mount"},
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
    // FULL: what was acknowledged survives a power cut. The larger cache (KiB) keeps a store of
    // millions of results from being read and written back over and over.
    TRY(db.Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                   "PRAGMA cache_size=-65536;")
            .WithContext(path));
  }
  return db;
}

Result<Database> Database::OpenCopy(const std::string& path) {
  sqlite3* raw = nullptr;
  const int flags =
      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int rc = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Database db;
  db.db_.reset(raw);
  TRY(SqliteStatus(raw, rc, path));
  return db;
}

Status Database::Execute(const std::string& sql) {
  return SqliteStatus(db_.get(), sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr),
                      "database");
}

Result<sqlite3_stmt*> Database::Prepared(std::string_view sql) {
  if (const auto found = statements_.find(sql); found != statements_.end()) {
    // Still in use further up the stack: a second cursor on the same text is a bug of ours.
    if (sqlite3_stmt_busy(found->second.get()) != 0) {
      return Status(Code::kInternal, fmt::format("statement in use: {}", sql));
    }
    return found->second.get();
  }
  sqlite3_stmt* raw = nullptr;
  const int rc = sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()),
                                    SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  TRY(SqliteStatus(db_.get(), rc, sql));
  statements_.emplace(sql, raw);
  return raw;
}

Histogram& TransactionTimes() {
  static Histogram times;
  return times;
}

Result<Transaction> Transaction::Begin(Database& db) {
  if (db.open_transactions_ == 0) {
    TRY(db.Run("BEGIN IMMEDIATE"));
    db.begun_ = std::chrono::steady_clock::now();
    return Transaction(db, false);
  }
  // A full or failing disk may end the outer transaction early.
  if (sqlite3_get_autocommit(db.handle()) != 0) {
    return Status(Code::kUnavailable, "the transaction around this one was rolled back; try again");
  }
  TRY(db.Run("SAVEPOINT inner_transaction"));
  return Transaction(db, true);
}

void Transaction::RollBack() {
  if (inner_) {
    (void)db_->Run("ROLLBACK TO inner_transaction");
    (void)db_->Run("RELEASE inner_transaction");
  } else {
    (void)db_->Run("ROLLBACK");
  }
}

Transaction::~Transaction() {
  if (db_ == nullptr) return;
  RollBack();
  --db_->open_transactions_;
}

Status Transaction::Commit() {
  const Status status = db_->Run(inner_ ? "RELEASE inner_transaction" : "COMMIT");
  // A commit that failed (disk full, busy) leaves the transaction open.
  if (!status.ok()) RollBack();
  if (!inner_) {
    const auto took = std::chrono::steady_clock::now() - db_->begun_;
    TransactionTimes().Observe(std::chrono::duration<double>(took).count());
  }
  --db_->open_transactions_;
  db_ = nullptr;
  return status;
}

}  // namespace tinyrig::server
