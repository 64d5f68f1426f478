#pragma once

#include <filesystem>
#include <utility>

#include "proto/status/status.h"

namespace tinyrig::agent {

/// The folder with all of an agent's state, held by one process at a time:
///   lock     flock, holds the pid for people    spool/   results that are not acknowledged yet
///   cache/   artifacts by SHA-256               boards/ID/  scratch files of a board's probe
class StateDir {
 public:
  /// Creates and locks it. Errors: kFailedPrecondition: another agent holds it. kUnavailable: it
  /// cannot be created or written.
  static Result<StateDir> Open(const std::filesystem::path& dir);
  StateDir(StateDir&& other) noexcept
      : dir_(std::move(other.dir_)), lock_fd_(std::exchange(other.lock_fd_, -1)) {}
  StateDir& operator=(StateDir&&) = delete;
  ~StateDir();

  std::filesystem::path spool() const { return dir_ / "spool"; }
  std::filesystem::path cache() const { return dir_ / "cache"; }
  std::filesystem::path board(const std::string& id) const { return dir_ / "boards" / id; }

 private:
  StateDir(std::filesystem::path dir, int lock_fd) : dir_(std::move(dir)), lock_fd_(lock_fd) {}

  std::filesystem::path dir_;
  int lock_fd_;
};

}  // namespace tinyrig::agent
