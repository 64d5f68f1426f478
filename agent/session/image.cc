#include "agent/session/image.h"

#include <fstream>
#include <iterator>

#include "proto/device/crc32c.h"

namespace tinyrig::agent {

Result<std::vector<uint8_t>> ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file.good() && !file.eof()) {
    return {Code::kNotFound,
            path.string() + ": cannot be read; is the disk full or the cache gone?"};
  }
  return bytes;
}

Awaitable<StepResult<LocalImage>> FetchImage(v1::Image image, ArtifactSource& artifacts,
                                             Deadline deadline) {
  LocalImage local;
  for (const v1::Segment& segment : image.segments()) {
    const auto path = co_await artifacts.Get(segment.artifact(), deadline);
    const auto bytes = path.ok() ? ReadFile(*path) : Result<std::vector<uint8_t>>(path.status());
    if (!bytes.ok()) {
      co_return tl::unexpected(
          MakeFailure(v1::FAILURE_OWNER_SERVICE, bytes.status().code(), bytes.status().message()));
    }
    const uint32_t crc = device::Crc32c(bytes->data(), bytes->size());
    const auto size = static_cast<uint32_t>(bytes->size());
    if (segment.role() == "firmware") {
      local.code_crc32c = crc;
      local.code_size = size;
    } else {
      local.blob_crc32c = crc;
      local.blob_size = size;
    }
    FlashSegment flash;
    flash.address = segment.address();
    flash.file = *path;
    local.segments.push_back(std::move(flash));
  }
  co_return local;
}

}  // namespace tinyrig::agent
