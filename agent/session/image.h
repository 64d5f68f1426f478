#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "agent/session/attempt.h"
#include "agent/session/failure.h"

namespace tinyrig::agent {

/// An image on this host, with what the board's own CRCs must be.
struct LocalImage {
  std::vector<FlashSegment> segments;
  uint32_t code_crc32c = 0;
  uint32_t code_size = 0;
  uint32_t blob_crc32c = 0;
  uint32_t blob_size = 0;
};

/// Fetches the segments. Failures are the service's.
Awaitable<StepResult<LocalImage>> FetchImage(v1::Image image, ArtifactSource& artifacts,
                                             Deadline deadline);

/// The bytes of a fetched file.
Result<std::vector<uint8_t>> ReadFile(const std::filesystem::path& path);

}  // namespace tinyrig::agent
