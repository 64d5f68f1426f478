#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "agent/instruments/probe.h"
#include "proto/status/status.h"

/// OpenOCD's flash banks, and what of an image goes where. Pure, but for the files of segments.
namespace tinyrig::agent::openocd {

struct FlashBank {
  uint32_t number = 0;  ///< As OpenOCD counts them.
  uint32_t address = 0;
  std::vector<FlashSector> sectors;  ///< In order; the first is OpenOCD's sector 0.
};

/// The banks in what `flash info` printed for each. Banks without sectors are left out.
std::vector<FlashBank> ParseBanks(std::string_view output);

/// All sectors of all banks, by address.
std::vector<FlashSector> AllSectors(const std::vector<FlashBank>& banks);

/// The bank that has this address; null: it is not flash.
const FlashBank* BankOf(const std::vector<FlashBank>& banks, uint32_t address);

/// Sectors that the segments touch. Errors: kInternal: a file is missing.
Result<std::vector<FlashSector>> TouchedSectors(const std::vector<FlashBank>& banks,
                                                const std::vector<FlashSegment>& segments);

/// Sectors of one bank that follow each other.
struct EraseRange {
  uint32_t bank = 0;
  uint32_t first = 0;
  uint32_t last = 0;
};
/// Errors: kFailedPrecondition: one of `sectors` is none of any bank.
Result<std::vector<EraseRange>> EraseRanges(const std::vector<FlashBank>& banks,
                                            const std::vector<FlashSector>& sectors);

/// What the segments have in `sectors`: pieces that are neighbours in one segment are one, and a
/// piece that is a whole segment is that segment's file. The others are written to `folder`.
/// Errors: kInternal: a file cannot be read or written.
Result<std::vector<FlashSegment>> CutParts(const std::vector<FlashSegment>& segments,
                                           const std::vector<FlashSector>& sectors,
                                           const std::filesystem::path& folder);

}  // namespace tinyrig::agent::openocd
