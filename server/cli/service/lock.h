#pragma once

#include <string>
#include <utility>

#include "proto/status/status.h"

namespace tinyrig::cli {

/// An advisory lock on a file (flock), held until destroyed; the kernel frees it when the process
/// dies. The file is created and stays.
class FileLock {
 public:
  enum class Kind { kShared, kExclusive };

  FileLock() = default;
  ~FileLock() { Release(); }
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    if (this != &other) {
      Release();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }

  /// Never waits. Errors: kUnavailable while another process holds it, else the system's reason.
  static Result<FileLock> Try(const std::string& path, Kind kind);

  bool held() const { return fd_ >= 0; }
  void Release();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace tinyrig::cli
