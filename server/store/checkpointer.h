#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "server/store/sqlite.h"

/// Writes the write-ahead log of a database into it, on a thread of its own, so that no commit of
/// the writer waits for thousands of pages. A log begins anew only when nothing in it is left to
/// write and nobody appends meanwhile; therefore the last few pages, those of commits during the
/// thread's work, are written by the writer itself.
/// Source: https://www.sqlite.org/wal.html#ckpt and sqlite3_wal_hook().
namespace tinyrig::server {

class Checkpointer {
 public:
  /// Pages (4 KiB) in the log at which the thread begins.
  static constexpr int kPages = 8000;

  /// Takes the place of the writer's own automatic checkpoints. `writer` must outlive it.
  static Result<std::unique_ptr<Checkpointer>> Start(const std::string& path, sqlite3* writer);
  /// Waits for a checkpoint under way.
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

 private:
  enum class State { kIdle, kWanted, kNearlyDone, kStopped };

  Checkpointer(Database db, sqlite3* writer);
  void Committed(int pages);
  void Run();

  Database db_;      ///< The thread's.
  sqlite3* writer_;  ///< Used within its commits only.
  int next_at_ = kPages;
  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::kIdle;
  std::thread thread_;
};

}  // namespace tinyrig::server
