#include "agent/session/flash_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/session/image.h"
#include "agent/state/sha256.h"

namespace tinyrig::agent {
namespace {

struct Content {
  uint64_t address = 0;
  std::vector<uint8_t> bytes;
  uint64_t end() const { return address + bytes.size(); }
};

Result<std::vector<Content>> ReadContents(const std::vector<FlashSegment>& segments) {
  std::vector<Content> contents;
  for (const FlashSegment& segment : segments) {
    auto bytes = ReadFile(segment.file);
    if (!bytes.ok()) return Status(Code::kInternal, bytes.status().message());
    contents.push_back({segment.address, std::move(*bytes)});
  }
  std::ranges::sort(contents, {}, &Content::address);
  return contents;
}

/// Blocks that the contents touch.
std::vector<FlashSector> BlocksOf(const std::vector<Content>& contents, uint32_t block_bytes) {
  std::vector<FlashSector> blocks;
  for (const Content& content : contents) {
    for (uint64_t at = content.address / block_bytes * block_bytes; at < content.end();
         at += block_bytes) {
      const FlashSector block{static_cast<uint32_t>(at), block_bytes};
      if (blocks.empty() || blocks.back().address < block.address) blocks.push_back(block);
    }
  }
  return blocks;
}

SectorPlan Plan(const FlashSector& sector, const std::vector<Content>& contents) {
  SectorPlan plan;
  plan.sector = sector;
  Sha256 hash;
  for (const Content& content : contents) {
    const uint64_t begin = std::max<uint64_t>(content.address, sector.address);
    const uint64_t end = std::min<uint64_t>(content.end(), uint64_t{sector.address} + sector.size);
    if (begin >= end) continue;
    hash.Update(fmt::format("{}+{}:", begin - sector.address, end - begin));
    const auto* data = reinterpret_cast<const char*>(content.bytes.data());
    hash.Update({data + (begin - content.address), end - begin});
    plan.image_bytes += static_cast<uint32_t>(end - begin);
  }
  plan.hash = hash.Hex();
  return plan;
}

}  // namespace

Result<std::vector<SectorPlan>> PlanSectors(const std::vector<FlashSegment>& segments,
                                            const ProgramMemory& memory) {
  TRY_ASSIGN(const std::vector<Content> contents, ReadContents(segments));
  uint64_t wanted = 0;
  for (const Content& content : contents) wanted += content.bytes.size();
  std::vector<SectorPlan> plans;
  uint64_t planned = 0;
  for (const FlashSector& sector :
       memory.sectors.empty() ? BlocksOf(contents, memory.block_bytes) : memory.sectors) {
    SectorPlan plan = Plan(sector, contents);
    if (plan.image_bytes == 0) continue;
    planned += plan.image_bytes;
    plans.push_back(std::move(plan));
  }
  if (planned == wanted) return plans;
  return Status(Code::kFailedPrecondition,
                fmt::format("{} of the image's {} bytes lie where this board has no flash; is it "
                            "the board type that the bench file says?",
                            wanted - std::min(planned, wanted), wanted));
}

}  // namespace tinyrig::agent
