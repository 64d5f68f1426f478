#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "agent/instruments/probe.h"
#include "proto/status/status.h"

/// What of an image lies in which sector of a board. Pure, but for the files of segments.
namespace tinyrig::agent {

struct SectorPlan {
  FlashSector sector;
  uint32_t image_bytes = 0;
  /// SHA-256 over what the image has in the sector, and where.
  std::string hash;
};

/// The sectors (or blocks, aligned to their size) that the segments touch, by address.
/// Errors: kInternal: a file cannot be read. kFailedPrecondition: a part of the image lies where
/// the board has no flash.
Result<std::vector<SectorPlan>> PlanSectors(const std::vector<FlashSegment>& segments,
                                            const ProgramMemory& memory);

}  // namespace tinyrig::agent
