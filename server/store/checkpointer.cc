#include "server/store/checkpointer.h"

namespace tinyrig::server {
namespace {

/// What the writer may be left to write itself.
constexpr int kFewPages = 400;
/// While pages are written fewer come in, so that each round has less to do.
constexpr int kRounds = 4;

struct Log {
  int pages = -1;
  int written = -1;
};

// As far as readers let it go. An error here is no error of a commit: all is in the log, and a disk
// that refuses pages here refuses the log's soon.
Log WritePages(sqlite3* db) {
  Log log;
  sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_PASSIVE, &log.pages, &log.written);
  return log;
}

// SQLite waits for the disk only after the last page of the log, which here the writer would do.
void WaitForDisk(sqlite3* db) {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (file != nullptr && file->pMethods != nullptr) {
    file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
  }
}

// Until no more than a few came in meanwhile, or a reader holds it up.
void WriteMost(sqlite3* db) {
  int before = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Log log = WritePages(db);
    WaitForDisk(db);
    if (log.written < log.pages || log.pages - before <= kFewPages) return;
    before = log.pages;
  }
}

}  // namespace

Result<std::unique_ptr<Checkpointer>> Checkpointer::Start(const std::string& path,
                                                          sqlite3* writer) {
  TRY_ASSIGN(Database db, Database::Open(path, Database::Mode::kReadWrite));
  // Not by itself; and no waiting for others: the next round comes soon.
  TRY(db.Execute("PRAGMA wal_autocheckpoint=0; PRAGMA busy_timeout=0;"));
  return std::unique_ptr<Checkpointer>(new Checkpointer(std::move(db), writer));
}

Checkpointer::Checkpointer(Database db, sqlite3* writer) : db_(std::move(db)), writer_(writer) {
  thread_ = std::thread([this] { Run(); });
  sqlite3_wal_hook(
      writer_,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Checkpointer*>(self)->Committed(pages);
        return SQLITE_OK;
      },
      this);
}

Checkpointer::~Checkpointer() {
  sqlite3_wal_hook(writer_, nullptr, nullptr);
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kStopped;
  }
  changed_.notify_one();
  thread_.join();
}

void Checkpointer::Committed(int pages) {
  if (pages < kPages) next_at_ = kPages;  // It began anew.
  if (pages < next_at_) return;
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::kIdle) {
      state_ = State::kWanted;
      changed_.notify_one();
    }
    if (state_ != State::kNearlyDone) return;
    state_ = State::kIdle;
  }
  const Log log = WritePages(writer_);
  // A reader of an older state holds it up: again when as much has come in.
  if (log.written < log.pages) next_at_ = pages + kPages;
}

void Checkpointer::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return state_ == State::kWanted || state_ == State::kStopped; });
    if (state_ == State::kStopped) return;
    lock.unlock();
    WriteMost(db_.handle());
    lock.lock();
    if (state_ == State::kWanted) state_ = State::kNearlyDone;
  }
}

}  // namespace tinyrig::server
