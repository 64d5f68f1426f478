#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "proto/status/status.h"

namespace tinyrig::cli {

/// A program to keep running.
struct ChildSpec {
  std::string name;                      ///< For people: "tinyrigd", "board m4-1".
  std::vector<std::string> argv;         ///< argv[0] is the program's path.
  std::vector<std::string> environment;  ///< The whole of it, "NAME=value" each.
  std::string log_path;                  ///< Output is added here.
};

/// How often a child ended by itself, and how the last time.
struct ChildHistory {
  unsigned exits = 0;
  std::string last_exit;  ///< "exit code 3", "signal 9 (Killed)"; empty when it never ended.
};

/// Time before the n-th restart in a row (n from 1): 0.2 s, doubling up to 10 s.
std::chrono::milliseconds RestartDelay(unsigned restarts_in_a_row);

/// Keeps child processes running: each in a process group of its own, restarted with back-off when
/// it ends, counted as well again after 30 s. Children get SIGTERM when this process dies, however
/// it dies. A thread of its own forks and waits (the kernel ties that signal to the forking
/// thread), so any thread may call the methods.
class Supervisor {
 public:
  Supervisor();
  /// Stops all.
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Starts a child. Errors of starting show in its log and history.
  void Start(ChildSpec spec);

  /// SIGTERM to each child in reverse order of Start(), the next when it has ended, SIGKILL to its
  /// group after `grace` each. Returns when all have been waited for.
  void Stop(std::chrono::milliseconds grace = std::chrono::seconds(5));

  ChildHistory History(const std::string& name) const;
  /// The process id, or 0 while it does not run. For tests.
  pid_t Pid(const std::string& name) const;

 private:
  struct Child;

  void Run();
  /// Both REQUIRE mutex_ to be held.
  void StartDue();
  void ReapEnded();
  void StopAll(std::unique_lock<std::mutex>& lock);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Child>> children_;
  bool stopping_ = false;
  std::chrono::milliseconds grace_{5000};
  std::thread thread_;
};

}  // namespace tinyrig::cli
