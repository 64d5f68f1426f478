#include "agent/uplink/spool.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "agent/state/files.h"
#include "proto/device/crc32c.h"
#include "proto/disk/room.h"

namespace tinyrig::agent {
namespace fs = std::filesystem;
namespace {

constexpr size_t kCrcBytes = 4;
constexpr char kSuffix[] = ".result";

std::string Checksum(std::string_view bytes) {
  const uint32_t crc = device::Crc32c(bytes.data(), bytes.size());
  std::string little;
  for (int shift = 0; shift < 32; shift += 8) little += static_cast<char>(crc >> shift);
  return little;
}

}  // namespace

Result<Spool> Spool::Open(const fs::path& dir) {
  TRY(MakeFolder(dir));
  Spool spool(dir);
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::directory_iterator it(dir, error), end; !error && it != end; it.increment(error)) {
    files.push_back(it->path());
  }
  if (error) {
    return Status(Code::kUnavailable, fmt::format("cannot list {}: {}; check its permissions",
                                                  dir.string(), error.message()));
  }
  for (const fs::path& file : files) {
    if (file.extension() == ".tmp") fs::remove(file, error);
    if (file.extension() != kSuffix) continue;
    const Result<v1::AttemptResult> result = spool.ReadFile(file);
    if (!result.ok()) {
      SetAside(file, result.status());
      continue;
    }
    spool.results_[LeaseKey::Of(result->key())] = std::nullopt;
  }
  return spool;
}

fs::path Spool::PathOf(const LeaseKey& key) const {
  return dir_ / fmt::format("{}-{}-{}{}", key.job, key.attempt, key.fence, kSuffix);
}

Result<v1::AttemptResult> Spool::ReadFile(const fs::path& path) const {
  TRY_ASSIGN(const std::string bytes, ReadWholeFile(path, kMaxResultBytes + kCrcBytes));
  v1::AttemptResult result;
  if (bytes.size() < kCrcBytes || Checksum(bytes.substr(kCrcBytes)) != bytes.substr(0, kCrcBytes) ||
      !result.ParseFromArray(bytes.data() + kCrcBytes,
                             static_cast<int>(bytes.size() - kCrcBytes))) {
    return Status(Code::kDataLoss, fmt::format("{} is not a whole result", path.string()));
  }
  if (PathOf(LeaseKey::Of(result.key())).filename() != path.filename()) {
    return Status(Code::kDataLoss, fmt::format("{} holds the result of {}", path.string(),
                                               LeaseKey::Of(result.key()).Text()));
  }
  return result;
}

void Spool::SetAside(const fs::path& path, const Status& why) {
  fs::path bad = path;
  bad += ".bad";
  std::error_code error;
  fs::rename(path, bad, error);
  spdlog::error("spool: {}; set aside as {}, its attempt will be repeated", why.message(),
                bad.filename().string());
}

Status Spool::Put(v1::AttemptResult result) {
  const LeaseKey key = LeaseKey::Of(result.key());
  const std::string bytes = result.SerializeAsString();
  Status written = WriteFileDurably(PathOf(key), Checksum(bytes) + bytes);
  if (written.ok()) {
    results_[key] = std::nullopt;
  } else {
    results_[key] = std::move(result);
  }
  return written;
}

Result<v1::AttemptResult> Spool::Get(const LeaseKey& key) {
  const auto found = results_.find(key);
  if (found == results_.end()) {
    return Status(Code::kNotFound, fmt::format("{} is not in the spool", key.Text()));
  }
  if (found->second) return *found->second;
  Result<v1::AttemptResult> result = ReadFile(PathOf(key));
  if (!result.ok()) {
    SetAside(PathOf(key), result.status());
    results_.erase(found);
  }
  return result;
}

Status Spool::MakeRoom() {
  TRY(CheckRoom(dir_));
  for (auto& [key, result] : results_) {
    if (!result) continue;
    const std::string bytes = result->SerializeAsString();
    TRY(WriteFileDurably(PathOf(key), Checksum(bytes) + bytes));
    result.reset();
  }
  return {};
}

void Spool::Remove(const LeaseKey& key) {
  results_.erase(key);
  std::error_code error;
  fs::remove(PathOf(key), error);
  if (error) spdlog::warn("spool: cannot remove {}: {}", PathOf(key).string(), error.message());
}

std::vector<LeaseKey> Spool::Keys() const {
  std::vector<LeaseKey> keys;
  for (const auto& [key, result] : results_) keys.push_back(key);
  return keys;
}

}  // namespace tinyrig::agent
