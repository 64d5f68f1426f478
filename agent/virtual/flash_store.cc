#include "agent/virtual/flash_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "agent/virtual/qemu/unique_fd.h"

namespace tinyrig::agent::vboard {
namespace {

Status Unavailable(const std::string& path, const char* what) {
  return {Code::kUnavailable, fmt::format("cannot {} the flash file {}: {}; check the directory",
                                          what, path, std::strerror(errno))};
}

// Complete under its name or not there: a board killed meanwhile leaves no half file.
Status MakeErased(const std::string& path, uint32_t bytes) {
  const std::string temporary = path + ".new";
  {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    file << std::string(bytes, '\xFF');
    if (!file.flush()) return Unavailable(temporary, "write");
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) return Unavailable(path, "make");
  return OkStatus();
}

}  // namespace

FlashStore::~FlashStore() {
  if (cells_) munmap(cells_, size_);
}

Status FlashStore::Open(const std::string& path, uint32_t bytes) {
  if (cells_) return OkStatus();
  std::error_code error;
  if (!std::filesystem::exists(path, error)) TRY(MakeErased(path, bytes));
  const UniqueFd fd(open(path.c_str(), O_RDWR | O_CLOEXEC));
  struct stat info {};
  if (!fd.valid() || fstat(fd.get(), &info) != 0) return Unavailable(path, "open");
  if (info.st_size != bytes) {
    return {Code::kFailedPrecondition,
            fmt::format("{} holds {} bytes, the flash of this board type {}; remove the file or "
                        "choose another --dir",
                        path, info.st_size, bytes)};
  }
  void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (mapped == MAP_FAILED) return Unavailable(path, "map");
  cells_ = static_cast<uint8_t*>(mapped);
  size_ = bytes;
  path_ = path;
  return OkStatus();
}

}  // namespace tinyrig::agent::vboard
