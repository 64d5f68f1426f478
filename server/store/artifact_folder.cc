#include "server/store/artifact_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace tinyrig::server {
namespace {

namespace fs = std::filesystem;

Status IoError(std::string_view what, const fs::path& path) {
  const int error = errno;
  const Code code = error == ENOSPC || error == EDQUOT ? Code::kResourceExhausted
                    : error == ENOENT                  ? Code::kNotFound
                                                       : Code::kUnavailable;
  return {code, fmt::format("{} {}: {}; check the disk and its permissions", what, path.string(),
                            strerror(error))};
}

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

Status WriteAll(int fd, std::span<const std::byte> bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return IoError("cannot write", path);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return {};
}

Result<size_t> ReadAt(int fd, std::span<std::byte> out, uint64_t offset, const fs::path& path) {
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

// The rename is durable only when the folder is flushed too.
Status SyncFolder(const fs::path& dir) {
  const int raw = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (raw < 0) return IoError("cannot open", dir);
  const Fd fd(raw);
  if (::fsync(fd.get()) != 0) return IoError("cannot flush", dir);
  return {};
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
  for (const fs::directory_entry& entry : fs::directory_iterator(dir / "tmp", error)) {
    std::error_code ignored;
    fs::remove(entry.path(), ignored);
  }
  return ArtifactFolder(dir);
}

Result<fs::path> ArtifactFolder::PathOf(const std::string& sha256) const {
  if (!IsSha256Hex(sha256)) {
    return Status(
        Code::kInvalidArgument,
        fmt::format("'{}' is no SHA-256; send 64 lower-case hex digits", sha256.substr(0, 80)));
  }
  return dir_ / sha256.substr(0, 2) / sha256.substr(2);
}

Result<int> ArtifactFolder::OpenForReading(const std::string& sha256) const {
  TRY_ASSIGN(const fs::path path, PathOf(sha256));
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) {
    return Status(Code::kNotFound,
                  fmt::format("artifact {} is not stored here; upload it first", sha256));
  }
  if (fd < 0) return IoError("cannot open", path);
  return fd;
}

Result<uint64_t> ArtifactFolder::Size(const std::string& sha256) const {
  TRY_ASSIGN(const int raw, OpenForReading(sha256));
  const Fd fd(raw);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return IoError("cannot stat", sha256);
  return static_cast<uint64_t>(info.st_size);
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

Result<ArtifactFolder::Upload> ArtifactFolder::StartUpload(const std::string& sha256,
                                                           uint64_t size_bytes) const {
  TRY(PathOf(sha256));
  if (size_bytes > kMaxArtifactBytes) {
    return Status(Code::kResourceExhausted,
                  fmt::format("an artifact of {} B exceeds the limit of {} B", size_bytes,
                              kMaxArtifactBytes));
  }
  static std::atomic<uint64_t> serial{0};
  Upload upload;
  upload.folder_ = this;
  upload.temporary_ = dir_ / "tmp" / fmt::format("{}.{}.{}", sha256, ::getpid(), ++serial);
  upload.fd_ = ::open(upload.temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (upload.fd_ < 0) return IoError("cannot create", upload.temporary_);
  upload.sha256_ = sha256;
  upload.announced_ = size_bytes;
  upload.hash_ = std::make_unique<Sha256>();
  return upload;
}

ArtifactFolder::Upload::Upload(Upload&& other) noexcept
    : folder_(other.folder_),
      temporary_(std::move(other.temporary_)),
      fd_(std::exchange(other.fd_, -1)),
      sha256_(std::move(other.sha256_)),
      announced_(other.announced_),
      size_(other.size_),
      hash_(std::move(other.hash_)) {}

ArtifactFolder::Upload::~Upload() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

Status ArtifactFolder::Upload::Append(std::span<const std::byte> bytes) {
  if (bytes.size() > announced_ - size_) {
    return {
        Code::kResourceExhausted,
        fmt::format("upload of {} brought more than the announced {} B; send the file's real size",
                    sha256_, announced_)};
  }
  TRY(WriteAll(fd_, bytes, temporary_));
  hash_->Update(bytes);
  size_ += bytes.size();
  return {};
}

Status ArtifactFolder::Upload::Finish() {
  const std::string found = hash_->HexDigest();
  if (size_ != announced_ || found != sha256_) {
    return {
        Code::kDataLoss,
        fmt::format("upload of {} ended with {} of {} B and SHA-256 {}; nothing was kept, send it "
                    "again",
                    sha256_, size_, announced_, found)};
  }
  TRY_ASSIGN(const fs::path path, folder_->PathOf(sha256_));
  if (::fsync(fd_) != 0) return IoError("cannot flush", temporary_);
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (::rename(temporary_.c_str(), path.c_str()) != 0) return IoError("cannot rename to", path);
  ::close(std::exchange(fd_, -1));
  return SyncFolder(path.parent_path());
}

}  // namespace tinyrig::server
