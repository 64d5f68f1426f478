#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/agent.pb.h"
#include "server/model/bundle.h"
#include "server/results/evaluate.h"
#include "server/store/artifact_folder.h"
#include "server/store/reader.h"
#include "server/store/records.h"

namespace tinyrig::server {

/// Turns an agent's result into what is stored: keeps the raw message as an artifact (zstd), loads
/// what was expected, evaluates. Blocks: for the pool. Thread safe.
class Judge {
 public:
  Judge(ArtifactFolder& artifacts, ReaderPool& readers, const Catalog& catalog)
      : artifacts_(artifacts), readers_(readers), catalog_(catalog) {}

  /// `next` of the answer is not decided yet. Errors are the server's own (disk, database): the
  /// result was not judged and must come again.
  Result<EndedAttempt> Run(const v1::AttemptResult& result);

 private:
  Result<std::shared_ptr<const Expected>> LoadExpected(const std::string& sha256);

  static constexpr size_t kCached = 8;
  ArtifactFolder& artifacts_;
  ReaderPool& readers_;
  const Catalog& catalog_;
  std::mutex mutex_;
  std::list<std::pair<std::string, std::shared_ptr<const Expected>>> cache_;  // Latest first.
};

/// zstd, level 3, one frame. Unpack refuses what would exceed `max_bytes`.
Result<std::vector<std::byte>> Pack(std::span<const std::byte> bytes);
Result<std::vector<std::byte>> Unpack(std::span<const std::byte> bytes, size_t max_bytes);

}  // namespace tinyrig::server
