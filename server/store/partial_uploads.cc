#include "server/store/partial_uploads.h"

#include <algorithm>
#include <vector>

namespace tinyrig::server {

namespace fs = std::filesystem;

uint64_t PartialUploads::Size(const std::string& sha256) const {
  std::error_code error;
  const uintmax_t size = fs::file_size(dir_ / sha256, error);
  return error ? 0 : size;
}

bool PartialUploads::Take(const std::string& sha256, const fs::path& path) const {
  std::error_code error;
  fs::rename(dir_ / sha256, path, error);
  return !error;
}

void PartialUploads::Keep(const fs::path& path, const std::string& sha256) const {
  std::error_code error;
  const uintmax_t size = fs::file_size(path, error);
  if (!error && size > Size(sha256)) {
    fs::rename(path, dir_ / sha256, error);
  } else {
    fs::remove(path, error);
  }
  Trim();
}

void PartialUploads::Trim() const {
  struct File {
    fs::path path;
    fs::file_time_type time;
    uintmax_t size;
  };
  std::vector<File> files;
  std::error_code error;
  for (fs::directory_iterator it(dir_, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;
    files.push_back({it->path(), it->last_write_time(gone), it->file_size(gone)});
    if (gone) files.pop_back();
  }
  std::ranges::sort(files, std::greater<>(), &File::time);
  uintmax_t total = 0;
  for (const File& file : files) {
    total += file.size;
    const bool old = fs::file_time_type::clock::now() - file.time > kKeep;
    if (old || total > kMaxBytes) fs::remove(file.path, error);
  }
}

}  // namespace tinyrig::server
