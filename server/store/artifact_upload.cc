// Uploads of the artifact folder.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "proto/disk/room.h"
#include "server/store/artifact_folder.h"
#include "server/store/file_io.h"

namespace tinyrig::server {
namespace {

namespace fs = std::filesystem;

}  // namespace

Result<uint64_t> ArtifactFolder::PartialSize(const std::string& sha256) const {
  TRY(PathOf(sha256));
  return Partial().Size(sha256);
}

Result<ArtifactFolder::Upload> ArtifactFolder::StartUpload(const std::string& sha256,
                                                           uint64_t size_bytes,
                                                           uint64_t offset) const {
  TRY(PathOf(sha256));
  if (size_bytes > kMaxArtifactBytes) {
    return Status(Code::kResourceExhausted,
                  fmt::format("an artifact of {} B exceeds the limit of {} B", size_bytes,
                              kMaxArtifactBytes));
  }
  if (offset > size_bytes) {
    return Status(Code::kInvalidArgument,
                  fmt::format("the upload of {} B cannot go on at {} B", size_bytes, offset));
  }
  TRY(CheckRoom(dir_, size_bytes - offset + kReservedDiskBytes));
  static std::atomic<uint64_t> serial{0};
  Upload upload;
  upload.folder_ = this;
  upload.temporary_ = dir_ / "tmp" / fmt::format("{}.{}.{}", sha256, ::getpid(), ++serial);
  upload.sha256_ = sha256;
  upload.announced_ = size_bytes;
  upload.hash_ = std::make_unique<Sha256>();
  // Whoever takes it has it alone: a second one that wants to go on is told that nothing is there.
  const bool taken = offset > 0 && Partial().Take(sha256, upload.temporary_);
  const int flags = taken ? O_RDWR : O_RDWR | O_CREAT | O_EXCL;
  upload.fd_ = ::open(upload.temporary_.c_str(), flags | O_CLOEXEC, 0600);
  if (upload.fd_ < 0) return IoError("cannot create", upload.temporary_);
  if (offset > 0) TRY(upload.GoOnAt(offset));
  return upload;
}

Status ArtifactFolder::Upload::GoOnAt(uint64_t offset) {
  std::vector<std::byte> buffer(1 << 20);
  while (size_ < offset) {
    const size_t want = std::min<uint64_t>(buffer.size(), offset - size_);
    TRY_ASSIGN(const size_t have, ReadAt(fd_, std::span(buffer).first(want), size_, temporary_));
    if (have == 0) {
      return {
          Code::kOutOfRange,
          fmt::format("the upload of {} cannot go on at {} B: {} B are here; ask again where it "
                      "can",
                      sha256_, offset, size_)};
    }
    hash_->Update(std::span(buffer).first(have));
    size_ += have;
  }
  if (::ftruncate(fd_, static_cast<off_t>(offset)) != 0 ||
      ::lseek(fd_, static_cast<off_t>(offset), SEEK_SET) < 0) {
    return IoError("cannot go on with", temporary_);
  }
  return {};
}

ArtifactFolder::Upload::Upload(Upload&& other) noexcept
    : folder_(other.folder_),
      temporary_(std::move(other.temporary_)),
      fd_(std::exchange(other.fd_, -1)),
      sha256_(std::move(other.sha256_)),
      announced_(other.announced_),
      size_(other.size_),
      wrong_(other.wrong_),
      hash_(std::move(other.hash_)) {}

ArtifactFolder::Upload::~Upload() {
  if (fd_ < 0) return;
  ::close(fd_);
  if (wrong_) {
    ::unlink(temporary_.c_str());
  } else {
    folder_->Partial().Keep(temporary_, sha256_);
  }
}

Status ArtifactFolder::Upload::Append(std::span<const std::byte> bytes) {
  if (bytes.size() > announced_ - size_) {
    wrong_ = true;
    return {
        Code::kResourceExhausted,
        fmt::format("upload of {} brought more than the announced {} B; send the file's real size",
                    sha256_, announced_)};
  }
  if (const Status written = WriteAll(fd_, bytes, temporary_); !written.ok()) {
    wrong_ = true;  // Half a piece may be there, and the disk is needed for other things.
    return written;
  }
  hash_->Update(bytes);
  size_ += bytes.size();
  return {};
}

Status ArtifactFolder::Upload::Finish() {
  if (size_ < announced_) {
    return {Code::kDataLoss, fmt::format("upload of {} ended with {} of {} B; send the rest",
                                         sha256_, size_, announced_)};
  }
  const std::string found = hash_->HexDigest();
  if (found != sha256_) {
    wrong_ = true;
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
  const std::lock_guard lock(folder_->care_->mutex);
  if (::rename(temporary_.c_str(), path.c_str()) != 0) return IoError("cannot rename to", path);
  ::close(std::exchange(fd_, -1));
  return SyncFolder(path.parent_path());
}

}  // namespace tinyrig::server
