#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "proto/status/status.h"
#include "server/model/sha256.h"
#include "server/store/partial_uploads.h"

namespace tinyrig::server {

/// Files by the SHA-256 of their content: DIR/ab/cdef... What is there is complete and never
/// changes: bytes go to a temporary file, are hashed on the way, flushed to disk and renamed.
/// Thread safe. Paths are made of checked hashes only, so nothing outside the folder can be named.
///
/// Whoever asks for an artifact (Size, Read, Put) keeps it for kKeepUsed, so that Remove() never
/// takes what somebody is about to refer to.
class ArtifactFolder {
 public:
  static constexpr std::chrono::hours kKeepUsed{24};
  static constexpr uint64_t kMaxArtifactBytes = uint64_t{512} << 20;

  /// Creates the folder. Uploads that an earlier life left unfinished can go on.
  static Result<ArtifactFolder> Open(const std::filesystem::path& dir);

  /// Bytes of an artifact. kNotFound when it is not there, kInvalidArgument when `sha256` is no
  /// hash.
  Result<uint64_t> Size(const std::string& sha256) const;
  /// OK, or kNotFound. May not notice for some seconds that a file was taken away by another hand
  /// than Remove()'s: for who asks for many of them again and again.
  Status CheckStored(const std::string& sha256) const;
  /// Never removed while this object lives: what the server itself may need at any time.
  void Pin(const std::string& sha256);

  /// A file of the folder, for care.
  struct Entry {
    std::string sha256;
    uint64_t size_bytes = 0;
    bool removable = false;  ///< Neither used of late nor pinned.
  };
  /// Everything that is complete, in no order. Using nothing.
  Result<std::vector<Entry>> List() const;
  /// Reads it piece by piece: kDataLoss when the content is not what the name says.
  Status Verify(const std::string& sha256) const;
  /// False: it was used in the meantime, or is pinned, and stays.
  Result<bool> Remove(const std::string& sha256);

  /// The whole content, its hash checked again: kDataLoss when the disk changed it.
  Result<std::vector<std::byte>> Read(const std::string& sha256) const;
  /// Up to `size` bytes from `offset`; fewer at the end, none beyond it.
  Result<std::vector<std::byte>> ReadRange(const std::string& sha256, uint64_t offset,
                                           size_t size) const;
  /// Stores bytes and returns their hash.
  Result<std::string> Put(std::span<const std::byte> bytes);

  /// An upload in progress. When it breaks off, what came so far is kept apart, to go on with; it
  /// is no artifact. What proved to be wrong or did not fit on the disk is forgotten.
  class Upload {
   public:
    ~Upload();
    Upload(Upload&&) noexcept;
    Upload& operator=(Upload&&) = delete;
    /// kResourceExhausted beyond the announced size or on a full disk.
    Status Append(std::span<const std::byte> bytes);
    /// Keeps the file when size and hash are as announced; kDataLoss when not.
    Status Finish();

   private:
    friend class ArtifactFolder;
    Upload() = default;
    Status GoOnAt(uint64_t offset);
    const ArtifactFolder* folder_ = nullptr;
    std::filesystem::path temporary_;
    int fd_ = -1;
    std::string sha256_;
    uint64_t announced_ = 0;
    uint64_t size_ = 0;
    bool wrong_ = false;
    std::unique_ptr<Sha256> hash_;
  };
  /// Goes on after the first `offset` bytes, which an earlier upload has brought. Errors:
  /// kInvalidArgument for a bad hash, kResourceExhausted for a size beyond kMaxArtifactBytes or the
  /// room on the disk, kOutOfRange when less than `offset` is there (start anew, or ask again).
  Result<Upload> StartUpload(const std::string& sha256, uint64_t size_bytes,
                             uint64_t offset = 0) const;
  /// Where an upload can go on; 0: at its beginning. kInvalidArgument for a bad hash.
  Result<uint64_t> PartialSize(const std::string& sha256) const;

 private:
  explicit ArtifactFolder(std::filesystem::path dir) : dir_(std::move(dir)) {}
  Result<std::string> PathOf(const std::string& sha256) const;
  Result<int> OpenForReading(const std::string& sha256) const;
  PartialUploads Partial() const { return PartialUploads(dir_ / "partial"); }
  bool Removable(const std::string& sha256, const std::filesystem::path& path) const;

  std::filesystem::path dir_;
  /// Between a look at a file's age and its end nobody may start to use it.
  struct Care {
    std::mutex mutex;
    /// When CheckStored() last found it.
    std::unordered_map<std::string, std::chrono::steady_clock::time_point> seen;
    std::set<std::string> pinned;
  };
  std::shared_ptr<Care> care_ = std::make_shared<Care>();
};

}  // namespace tinyrig::server
