#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "server/model/sha256.h"
#include "server/store/artifact_folder.h"

namespace tinyrig::server {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPieceBytes = 1 << 20;

}  // namespace

void ArtifactFolder::Pin(const std::string& sha256) {
  const std::lock_guard lock(care_->mutex);
  care_->pinned.insert(sha256);
}

// REQUIRES: care_->mutex is held.
bool ArtifactFolder::Removable(const std::string& sha256, const fs::path& path) const {
  struct stat info {};
  if (care_->pinned.contains(sha256) || ::stat(path.c_str(), &info) != 0) return false;
  const std::chrono::seconds age(std::time(nullptr) - info.st_mtime);
  return age >= kKeepUsed;
}

Result<std::vector<ArtifactFolder::Entry>> ArtifactFolder::List() const {
  std::vector<Entry> entries;
  std::error_code error;
  for (fs::recursive_directory_iterator at(dir_, error), end; !error && at != end;
       at.increment(error)) {
    const fs::path& path = at->path();
    const std::string sha256 = path.parent_path().filename().string() + path.filename().string();
    std::error_code gone;  // It was removed a moment ago.
    if (at.depth() != 1 || !IsSha256Hex(sha256) || !at->is_regular_file(gone)) continue;
    const uint64_t size = at->file_size(gone);
    if (gone) continue;
    const std::lock_guard lock(care_->mutex);
    entries.push_back({sha256, size, Removable(sha256, path)});
  }
  if (error) {
    return Status(Code::kUnavailable, fmt::format("cannot list {}: {}; check the disk and its "
                                                  "permissions",
                                                  dir_.string(), error.message()));
  }
  return entries;
}

Status ArtifactFolder::Verify(const std::string& sha256) const {
  Sha256 hash;
  for (uint64_t offset = 0;;) {
    TRY_ASSIGN(const std::vector<std::byte> piece, ReadRange(sha256, offset, kPieceBytes));
    if (piece.empty()) break;
    hash.Update(piece);
    offset += piece.size();
  }
  if (hash.HexDigest() == sha256) return {};
  return {Code::kDataLoss,
          fmt::format("artifact {} changed on disk; restore it from a backup", sha256)};
}

Result<bool> ArtifactFolder::Remove(const std::string& sha256) {
  TRY_ASSIGN(const fs::path path, PathOf(sha256));
  const std::lock_guard lock(care_->mutex);
  if (!Removable(sha256, path)) return false;
  care_->seen.erase(sha256);
  if (::unlink(path.c_str()) != 0) {
    return Status(Code::kUnavailable,
                  fmt::format("cannot remove {}: {}; check the disk and its permissions",
                              path.string(), strerror(errno)));
  }
  return true;
}

}  // namespace tinyrig::server
