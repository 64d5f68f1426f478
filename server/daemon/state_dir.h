#pragma once

#include <filesystem>

#include "proto/status/status.h"

namespace tinyrig::server {

/// The folder that holds all of a server's state, locked for this process:
///   tinyrig.db      database            artifacts/   files by content
///   tinyrigd.sock   API                 tinyrigd.lock  flock; holds the pid for people
/// Mode 0700: who may enter may use the API.
class StateDir {
 public:
  /// Creates and locks. Errors: kFailedPrecondition when another server holds it or it cannot be
  /// created.
  static Result<StateDir> Open(const std::filesystem::path& dir);
  ~StateDir();
  StateDir(StateDir&& other) noexcept;
  StateDir& operator=(StateDir&&) = delete;

  const std::filesystem::path& dir() const { return dir_; }
  std::filesystem::path database() const { return dir_ / "tinyrig.db"; }
  std::filesystem::path artifacts() const { return dir_ / "artifacts"; }
  std::filesystem::path socket() const { return dir_ / "tinyrigd.sock"; }

 private:
  StateDir(std::filesystem::path dir, int lock_fd) : dir_(std::move(dir)), lock_fd_(lock_fd) {}
  std::filesystem::path dir_;
  int lock_fd_;
};

}  // namespace tinyrig::server
