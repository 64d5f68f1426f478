#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/unit/server/temp_dir.h"

namespace tinyrig::server {

/// The real tinyrigd as a child, with a state folder that lives as long as this object. Killed with
/// it.
class ServerProcess {
 public:
  ServerProcess();
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  /// Starts (again) on the same state, with further `arguments`, and waits until it is ready. False
  /// when it ended instead.
  bool Start(const std::vector<std::string>& arguments = {});
  /// What it said that it listens on.
  const std::vector<std::string>& addresses() const { return addresses_; }
  /// kill -9, and waits.
  void Kill();
  /// SIGTERM; returns the exit code, -1 when it did not end in 10 s (then it is killed).
  int Terminate();

  std::string address() const { return "unix:" + (dir_.path() / "s" / "tinyrigd.sock").string(); }
  /// What it wrote to stderr so far; it goes to the test's own when the process ends.
  std::string Said() const;
  std::filesystem::path state() const { return dir_.path() / "s"; }

  /// Runs tinyrigd with these arguments to its end; returns the exit code.
  static int Run(const std::vector<std::string>& arguments);

 private:
  std::filesystem::path said() const { return dir_.path() / "stderr"; }
  void PassOn();

  TempDir dir_;
  size_t passed_on_ = 0;
  std::vector<std::string> addresses_;
  pid_t pid_ = -1;
};

}  // namespace tinyrig::server
