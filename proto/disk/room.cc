#include "proto/disk/room.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>

namespace tinyrig {

Status CheckRoom(const std::filesystem::path& folder, uint64_t needed_bytes) {
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) {
    return {Code::kUnavailable, fmt::format("{}: {}; check the folder and its permissions",
                                            folder.string(), std::strerror(errno))};
  }
  if ((disk.f_flag & ST_RDONLY) != 0) {
    return {Code::kUnavailable, fmt::format("{} is mounted read-only; look into the system's log "
                                            "for why, and mount it for writing",
                                            folder.string())};
  }
  const uint64_t left = uint64_t{disk.f_bavail} * disk.f_frsize;
  if (left >= needed_bytes) return {};
  return {Code::kResourceExhausted,
          fmt::format("only {:.1f} MB are left for {}, {:.1f} MB are needed; free some space",
                      static_cast<double>(left) / 1e6, folder.string(),
                      static_cast<double>(needed_bytes) / 1e6)};
}

}  // namespace tinyrig
