#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

namespace tinyrig::server {

/// What is left of uploads that broke off, so that they can go on: DIR/SHA-256, at most kMaxBytes
/// together and for kKeep; the oldest go first. Nothing of it is an artifact. Thread safe: all
/// state is in the file system, and a file that is taken is gone for others.
class PartialUploads {
 public:
  static constexpr std::chrono::hours kKeep{24};
  static constexpr uint64_t kMaxBytes = uint64_t{2} << 30;

  explicit PartialUploads(std::filesystem::path dir) : dir_(std::move(dir)) {}

  /// Bytes that are there; 0 when there is nothing.
  uint64_t Size(const std::string& sha256) const;
  /// Moves it to `path`. False when there is nothing.
  bool Take(const std::string& sha256, const std::filesystem::path& path) const;
  /// Moves `path` here, unless as much is here already; then `path` is removed. Best effort.
  void Keep(const std::filesystem::path& path, const std::string& sha256) const;
  /// Forgets what is old or too much.
  void Trim() const;

 private:
  std::filesystem::path dir_;
};

}  // namespace tinyrig::server
