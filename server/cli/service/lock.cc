#include "server/cli/service/lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tinyrig::cli {

Result<FileLock> FileLock::Try(const std::string& path, Kind kind) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return Status(Code::kFailedPrecondition,
                  fmt::format("cannot open the lock '{}': {}", path, std::strerror(errno)));
  }
  if (flock(fd, (kind == Kind::kShared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0) return FileLock(fd);
  const int error = errno;
  close(fd);
  if (error == EWOULDBLOCK) {
    return Status(Code::kUnavailable, fmt::format("'{}' is locked by another process", path));
  }
  return Status(Code::kFailedPrecondition,
                fmt::format("cannot lock '{}': {}", path, std::strerror(error)));
}

void FileLock::Release() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

}  // namespace tinyrig::cli
