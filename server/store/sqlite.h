#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proto/status/status.h"
#include "server/model/histogram.h"

/// A thin, typed wrapper of SQLite: prepared once, bound by position, errors as Status. Only
/// server/store uses it.
namespace tinyrig::server {

/// A Status from a SQLite result code. Full disk and busy database are kResourceExhausted and
/// kUnavailable, with what to do about them; a damaged file is kDataLoss.
Status SqliteStatus(sqlite3* db, int rc, std::string_view what);

/// How long transactions took, of all databases of this process, from BEGIN to the end of COMMIT.
Histogram& TransactionTimes();

/// NULL, for Bind().
struct Null {};

/// A prepared statement in use; resets itself when it goes out of scope. Must not outlive its
/// Database.
class Statement {
 public:
  Statement(sqlite3* db, sqlite3_stmt* statement) : db_(db), statement_(statement) {}
  ~Statement() {
    if (statement_ != nullptr) sqlite3_reset(statement_);
  }
  Statement(Statement&& other) noexcept
      : db_(other.db_), statement_(std::exchange(other.statement_, nullptr)) {}
  Statement& operator=(Statement&&) = delete;

  template <typename... Args>
  void BindAll(const Args&... args) {
    sqlite3_clear_bindings(statement_);
    int index = 0;
    (Bind(++index, args), ...);
  }

  /// One more parameter of a statement whose number of them varies; positions count from 1.
  void BindInt(int position, int64_t value) { Bind(position, value); }

  /// True: a row is there. False: no more rows.
  Result<bool> Step();

  int64_t Int(int column) const { return sqlite3_column_int64(statement_, column); }
  uint64_t Uint(int column) const { return static_cast<uint64_t>(Int(column)); }
  uint32_t Uint32(int column) const { return static_cast<uint32_t>(Int(column)); }
  double Real(int column) const { return sqlite3_column_double(statement_, column); }
  bool IsNull(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  /// Text or blob; valid until the next Step().
  std::string_view View(int column) const;
  std::string Text(int column) const { return std::string(View(column)); }
  /// Parses a protobuf message out of a blob.
  template <typename Message>
  bool Parse(int column, Message* message) const {
    const std::string_view bytes = View(column);
    return message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  }

 private:
  void Bind(int i, Null) { sqlite3_bind_null(statement_, i); }
  void Bind(int i, int64_t v) { sqlite3_bind_int64(statement_, i, v); }
  void Bind(int i, uint64_t v) { sqlite3_bind_int64(statement_, i, static_cast<int64_t>(v)); }
  void Bind(int i, int32_t v) { sqlite3_bind_int64(statement_, i, v); }
  void Bind(int i, uint32_t v) { sqlite3_bind_int64(statement_, i, v); }
  void Bind(int i, double v) { sqlite3_bind_double(statement_, i, v); }
  void Bind(int i, std::string_view v) {
    // A null pointer would be NULL.
    sqlite3_bind_text(statement_, i, v.data() == nullptr ? "" : v.data(),
                      static_cast<int>(v.size()), SQLITE_TRANSIENT);
  }
  void Bind(int i, const std::string& v) { Bind(i, std::string_view(v)); }
  void Bind(int i, const char* v) { Bind(i, std::string_view(v)); }
  /// Bytes, stored as BLOB.
  void Bind(int i, std::span<const std::byte> v) {
    sqlite3_bind_blob64(statement_, i, v.data(), v.size(), SQLITE_TRANSIENT);
  }
  template <typename T>
  void Bind(int i, const std::optional<T>& v) {
    if (v) {
      Bind(i, *v);
    } else {
      Bind(i, Null{});
    }
  }

  sqlite3* db_;
  sqlite3_stmt* statement_;
};

/// One connection. Used by one thread at a time.
class Database {
 public:
  enum class Mode { kReadWrite, kReadOnly };

  /// Opens (kReadWrite: creates) the file; WAL, foreign keys, 5 s busy timeout.
  static Result<Database> Open(const std::string& path, Mode mode);

  /// A file that is to be a copy of another database: no log beside it, no promises before the end.
  static Result<Database> OpenCopy(const std::string& path);

  /// Runs statements that return nothing, separated by semicolons.
  Status Execute(const std::string& sql);

  /// A statement with its parameters bound; compiled once per text.
  template <typename... Args>
  Result<Statement> Query(std::string_view sql, const Args&... args) {
    TRY_ASSIGN(sqlite3_stmt * raw, Prepared(sql));
    Statement statement(db_.get(), raw);
    statement.BindAll(args...);
    return statement;
  }

  /// Runs one statement to its end; rows are dropped.
  template <typename... Args>
  Status Run(std::string_view sql, const Args&... args) {
    TRY_ASSIGN(Statement statement, Query(sql, args...));
    return statement.Step().status();
  }

  int64_t LastInsertId() const { return sqlite3_last_insert_rowid(db_.get()); }
  int Changes() const { return sqlite3_changes(db_.get()); }
  sqlite3* handle() const { return db_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  Result<sqlite3_stmt*> Prepared(std::string_view sql);
  /// So that a text is found without being copied.
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  friend class Transaction;

  std::unique_ptr<sqlite3, Close> db_;
  std::unordered_map<std::string, std::unique_ptr<sqlite3_stmt, Finalize>, Hash, std::equal_to<>>
      statements_;
  int open_transactions_ = 0;                    ///< One within the other.
  std::chrono::steady_clock::time_point begun_;  ///< The outer one.
};

/// BEGIN IMMEDIATE ... COMMIT; rolls back unless committed. Within another transaction of the same
/// database it is a savepoint: it rolls back by itself, and is on disk when the outer one is.
class Transaction {
 public:
  static Result<Transaction> Begin(Database& db);
  ~Transaction();
  Transaction(Transaction&& other) noexcept
      : db_(std::exchange(other.db_, nullptr)), inner_(other.inner_) {}
  Transaction& operator=(Transaction&&) = delete;
  /// On failure everything is rolled back.
  Status Commit();

 private:
  Transaction(Database& db, bool inner) : db_(&db), inner_(inner) { ++db.open_transactions_; }
  void RollBack();

  Database* db_;
  bool inner_;
};

}  // namespace tinyrig::server
