#include "server/store/artifact_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "server/store/file_io.h"

namespace tinyrig::server {
namespace {

namespace fs = std::filesystem;

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { ::close(fd_); }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// What is used says so by its time; one write an hour is enough.
constexpr std::time_t kUseEveryS = 3600;
// A campaign asks for thousands of artifacts that the one before asked for.
constexpr std::chrono::seconds kSeenFor{10};
constexpr size_t kMaxSeen = 20'000;

Status NotStored(const std::string& sha256) {
  return {Code::kNotFound, fmt::format("artifact {} is not stored here; upload it first", sha256)};
}

}  // namespace

Result<ArtifactFolder> ArtifactFolder::Open(const fs::path& dir) {
  std::error_code error;
  fs::create_directories(dir / "tmp", error);
  if (error) {
    return Status(
        Code::kFailedPrecondition,
        fmt::format("cannot create {}: {}; check its permissions", dir.string(), error.message()));
  }
  fs::create_directories(dir / "partial", error);
  ArtifactFolder folder(dir);
  // Of a server that was killed: named SHA-256.PID.SERIAL.
  for (const fs::directory_entry& entry : fs::directory_iterator(dir / "tmp", error)) {
    const std::string sha256 = entry.path().filename().string().substr(0, 64);
    std::error_code ignored;
    if (IsSha256Hex(sha256)) folder.Partial().Keep(entry.path(), sha256);
    fs::remove(entry.path(), ignored);
  }
  folder.Partial().Trim();
  return folder;
}

Result<std::string> ArtifactFolder::PathOf(const std::string& sha256) const {
  if (!IsSha256Hex(sha256)) {
    return Status(
        Code::kInvalidArgument,
        fmt::format("'{}' is no SHA-256; send 64 lower-case hex digits", sha256.substr(0, 80)));
  }
  // No path: every known plan of a campaign is looked for, and taking a path apart costs more.
  return fmt::format("{}/{}/{}", dir_.native(), std::string_view(sha256).substr(0, 2),
                     std::string_view(sha256).substr(2));
}

Result<int> ArtifactFolder::OpenForReading(const std::string& sha256) const {
  TRY_ASSIGN(const std::string path, PathOf(sha256));
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return NotStored(sha256);
  if (fd < 0) return IoError("cannot open", path);
  return fd;
}

Result<uint64_t> ArtifactFolder::Size(const std::string& sha256) const {
  TRY_ASSIGN(const std::string path, PathOf(sha256));
  const std::lock_guard lock(care_->mutex);
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? NotStored(sha256) : IoError("cannot stat", path);
  }
  if (std::time(nullptr) - info.st_mtime >= kUseEveryS) {
    (void)::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
  }
  return static_cast<uint64_t>(info.st_size);
}

Status ArtifactFolder::CheckStored(const std::string& sha256) const {
  const auto now = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(care_->mutex);
    const auto seen = care_->seen.find(sha256);
    if (seen != care_->seen.end() && now - seen->second < kSeenFor) return {};
  }
  TRY(Size(sha256).status());
  const std::lock_guard lock(care_->mutex);
  if (care_->seen.size() >= kMaxSeen) care_->seen.clear();
  care_->seen[sha256] = now;
  return {};
}

Result<std::vector<std::byte>> ArtifactFolder::Read(const std::string& sha256) const {
  TRY_ASSIGN(const uint64_t size, Size(sha256));
  TRY_ASSIGN(std::vector<std::byte> bytes, ReadRange(sha256, 0, size));
  if (Sha256Hex(bytes) != sha256) {
    return Status(Code::kDataLoss,
                  fmt::format("artifact {} changed on disk; restore it from a backup", sha256));
  }
  return bytes;
}

Result<std::vector<std::byte>> ArtifactFolder::ReadRange(const std::string& sha256, uint64_t offset,
                                                         size_t size) const {
  TRY_ASSIGN(const int raw, OpenForReading(sha256));
  const Fd fd(raw);
  std::vector<std::byte> bytes(size);
  TRY_ASSIGN(const size_t done, ReadAt(fd.get(), bytes, offset, sha256));
  bytes.resize(done);
  return bytes;
}

Result<std::string> ArtifactFolder::Put(std::span<const std::byte> bytes) {
  const std::string sha256 = Sha256Hex(bytes);
  if (Size(sha256).ok()) return sha256;
  TRY_ASSIGN(Upload upload, StartUpload(sha256, bytes.size()));
  TRY(upload.Append(bytes));
  TRY(upload.Finish());
  return sha256;
}

}  // namespace tinyrig::server
