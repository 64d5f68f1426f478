#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "agent/virtual/qemu/unique_fd.h"
#include "proto/status/status.h"

namespace tinyrig::agent::vboard {

/// A child process in its own process group that dies with its parent (PDEATHSIG) and is killed
/// by its id, never by a name. Reaped exactly once.
class Process {
 public:
  /// First descriptor number of the child that is not one of the standard three.
  static constexpr int kFirstChildFd = 3;

  Process() = default;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() { Kill(); }

  /// Starts `argv` (found through PATH). Standard input is /dev/null, standard output and error
  /// are appended to `log_path`; descriptor i of `fds` becomes kFirstChildFd + i in the child.
  /// Errors: kFailedPrecondition when one is running already, kNotFound when the program cannot
  /// be executed, kUnavailable for everything else.
  Status Spawn(const std::vector<std::string>& argv, const std::vector<int>& fds,
               const std::string& log_path);

  /// SIGKILL to the group, then waits for the end. Nothing to do is fine.
  void Kill();

  /// True while the child runs; reaps it when it ended by itself.
  bool Alive();

  pid_t pid() const { return pid_; }
  /// How the last child ended: "exit status 1", "signal 6". Empty while it runs.
  const std::string& end() const { return end_; }

 private:
  void NoteEnd(int wait_status);

  pid_t pid_ = -1;
  std::string end_;
};

}  // namespace tinyrig::agent::vboard
