#include "server/cli/text/file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace tinyrig::cli {
namespace {

namespace fs = std::filesystem;

Status SystemError(std::string_view doing, const std::string& path, int error) {
  const Code code = error == ENOENT || error == ENOTDIR ? Code::kNotFound
                    : error == EACCES || error == EPERM ? Code::kPermissionDenied
                                                        : Code::kInternal;
  return {code, fmt::format("cannot {} '{}': {}", doing, path, std::strerror(error))};
}

}  // namespace

Status CheckReadable(const std::string& path, std::string_view what) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    return {Code::kNotFound, fmt::format("{} '{}' is not there; check the path", what, path)};
  }
  if (!fs::is_regular_file(status)) {
    return {Code::kInvalidArgument, fmt::format("{} '{}' is not a regular file", what, path)};
  }
  if (access(path.c_str(), R_OK) != 0) {
    return {Code::kPermissionDenied,
            fmt::format("{} '{}' may not be read: {}", what, path, std::strerror(errno))};
  }
  return OkStatus();
}

Result<std::string> ReadFile(const std::string& path, uint64_t max_bytes) {
  TRY(CheckReadable(path, "file"));
  std::error_code error;
  const uint64_t size = fs::file_size(path, error);
  if (error) return SystemError("read", path, error.value());
  if (size > max_bytes) {
    return Status(Code::kResourceExhausted,
                  fmt::format("'{}' has {} bytes, more than the {} that are accepted here", path,
                              size, max_bytes));
  }
  std::ifstream in(path, std::ios::binary);
  std::string bytes(size, '\0');
  if (!in.read(bytes.data(), static_cast<std::streamsize>(size))) {
    return Status(
        Code::kInternal,
        fmt::format("'{}' could not be read to its end; was it changed meanwhile?", path));
  }
  return bytes;
}

Status WriteFile(const std::string& path, std::string_view text) {
  // The rename below would replace whatever is there, devices and folders' names included.
  std::error_code ignored;
  const fs::file_status there = fs::status(path, ignored);
  if (path.empty() || (fs::exists(there) && !fs::is_regular_file(there))) {
    return {Code::kInvalidArgument,
            fmt::format("'{}' is no regular file and is not replaced; name a file, or - for "
                        "standard output",
                        path)};
  }
  const std::string temporary = fmt::format("{}.{}.tmp", path, getpid());
  std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
  if (!out) return SystemError("write", path, errno);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.close();
  if (!out) {
    const int reason = errno;
    unlink(temporary.c_str());
    return SystemError("write", path, reason);
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    const int reason = errno;
    unlink(temporary.c_str());
    return SystemError("write", path, reason);
  }
  return OkStatus();
}

}  // namespace tinyrig::cli
