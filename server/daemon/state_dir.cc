#include "server/daemon/state_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tinyrig::server {

Result<StateDir> StateDir::Open(const std::filesystem::path& wanted) {
  std::error_code error;
  const std::filesystem::path dir = std::filesystem::absolute(wanted, error);
  std::filesystem::create_directories(dir, error);
  if (error || ::chmod(dir.c_str(), 0700) != 0) {
    return Status(
        Code::kFailedPrecondition,
        fmt::format("state folder {}: {}; choose one that you may write with --state", dir.string(),
                    error ? error.message() : std::string(strerror(errno))));
  }
  const std::filesystem::path lock = dir / "tinyrigd.lock";
  const int fd = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return Status(Code::kFailedPrecondition,
                  fmt::format("{}: {}; check its permissions", lock.string(), strerror(errno)));
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    return Status(
        Code::kFailedPrecondition,
        fmt::format("another server uses {}; stop it or choose another --state", dir.string()));
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0 || ::write(fd, pid.data(), pid.size()) < 0) {
    ::close(fd);
    return Status(Code::kFailedPrecondition,
                  fmt::format("{}: {}; is the disk full?", lock.string(), strerror(errno)));
  }
  return StateDir(dir, fd);
}

StateDir::StateDir(StateDir&& other) noexcept
    : dir_(std::move(other.dir_)), lock_fd_(std::exchange(other.lock_fd_, -1)) {}

StateDir::~StateDir() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

}  // namespace tinyrig::server
