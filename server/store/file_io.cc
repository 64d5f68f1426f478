#include "server/store/file_io.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tinyrig::server {

Status IoError(std::string_view what, const std::filesystem::path& path) {
  const int error = errno;
  const Code code = error == ENOSPC || error == EDQUOT || error == EFBIG ? Code::kResourceExhausted
                    : error == ENOENT                                    ? Code::kNotFound
                                                                         : Code::kUnavailable;
  return {code, fmt::format("{} {}: {}; check the disk and its permissions", what, path.string(),
                            strerror(error))};
}

Status WriteAll(int fd, std::span<const std::byte> bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return IoError("cannot write", path);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return {};
}

Result<size_t> ReadAt(int fd, std::span<std::byte> out, uint64_t offset,
                      const std::filesystem::path& path) {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t n =
        ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return IoError("cannot read", path);
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

Status SyncFolder(const std::filesystem::path& dir) {
  const int raw = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (raw < 0) return IoError("cannot open", dir);
  const int failed = ::fsync(raw);
  ::close(raw);
  return failed == 0 ? Status() : IoError("cannot flush", dir);
}

}  // namespace tinyrig::server
