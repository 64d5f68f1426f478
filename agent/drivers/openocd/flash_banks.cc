#include "agent/drivers/openocd/flash_banks.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <span>

#include "agent/drivers/openocd/commands.h"
#include "agent/drivers/openocd/output.h"

namespace tinyrig::agent::openocd {
namespace {

Status Missing(const std::filesystem::path& path) {
  return {Code::kInternal, path.string() + ": a file of the image is missing; rerun the job"};
}

Result<std::vector<char>> ReadBytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file) return Missing(path);
  return bytes;
}

Status SaveBytes(const std::filesystem::path& path, std::span<const char> bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (file.flush()) return OkStatus();
  return {Code::kInternal, path.string() + ": cannot be written; is the disk full?"};
}

/// A stretch of a segment, as offsets in it.
struct Stretch {
  uint64_t begin = 0;
  uint64_t end = 0;
};

std::vector<Stretch> Stretches(uint64_t address, uint64_t size,
                               const std::vector<FlashSector>& sectors) {
  std::vector<Stretch> found;
  for (const FlashSector& sector : sectors) {
    const uint64_t begin = std::max<uint64_t>(sector.address, address);
    const uint64_t end = std::min<uint64_t>(uint64_t{sector.address} + sector.size, address + size);
    if (begin >= end) continue;
    if (!found.empty() && found.back().end == begin - address) {
      found.back().end = end - address;
    } else {
      found.push_back({begin - address, end - address});
    }
  }
  return found;
}

}  // namespace

// "#0 : stm32f2x at 0x08000000, size ..." and below it "\t#  1: 0x00004000 (0x4000 16kB) ...".
std::vector<FlashBank> ParseBanks(std::string_view output) {
  std::vector<FlashBank> banks;
  bool in_bank = false;
  while (!output.empty()) {
    std::string_view line = output.substr(0, output.find('\n'));
    output.remove_prefix(std::min(line.size() + 1, output.size()));
    const std::vector<uint32_t> words = HexWords(line);
    if (line.starts_with(kBankMarker)) {
      in_bank = false;
      line.remove_prefix(sizeof(kBankMarker) - 1);
      const size_t digit = line.find_first_of("0123456789");
      if (digit == line.npos || words.empty()) continue;
      uint32_t number = 0;
      for (size_t i = digit; i < line.size() && line[i] >= '0' && line[i] <= '9'; ++i) {
        number = number * 10 + static_cast<uint32_t>(line[i] - '0');
      }
      banks.push_back({number, words[0], {}});
      in_bank = true;
    } else if (in_bank && line.starts_with("\t#") && words.size() >= 2) {
      banks.back().sectors.push_back({banks.back().address + words[0], words[1]});
    }
  }
  std::erase_if(banks, [](const FlashBank& bank) { return bank.sectors.empty(); });
  return banks;
}

std::vector<FlashSector> AllSectors(const std::vector<FlashBank>& banks) {
  std::vector<FlashSector> sectors;
  for (const FlashBank& bank : banks) {
    sectors.insert(sectors.end(), bank.sectors.begin(), bank.sectors.end());
  }
  std::ranges::sort(sectors, {}, &FlashSector::address);
  return sectors;
}

const FlashBank* BankOf(const std::vector<FlashBank>& banks, uint32_t address) {
  for (const FlashBank& bank : banks) {
    for (const FlashSector& sector : bank.sectors) {
      if (address >= sector.address && address - sector.address < sector.size) return &bank;
    }
  }
  return nullptr;
}

Result<std::vector<FlashSector>> TouchedSectors(const std::vector<FlashBank>& banks,
                                                const std::vector<FlashSegment>& segments) {
  std::vector<FlashSector> touched = AllSectors(banks);
  std::vector<Stretch> ranges;
  for (const FlashSegment& segment : segments) {
    std::error_code error;
    const uint64_t size = std::filesystem::file_size(segment.file, error);
    if (error) return Missing(segment.file);
    ranges.push_back({segment.address, segment.address + size});
  }
  std::erase_if(touched, [&ranges](const FlashSector& sector) {
    return std::ranges::none_of(ranges, [&sector](const Stretch& range) {
      return range.begin < uint64_t{sector.address} + sector.size && range.end > sector.address;
    });
  });
  return touched;
}

Result<std::vector<EraseRange>> EraseRanges(const std::vector<FlashBank>& banks,
                                            const std::vector<FlashSector>& sectors) {
  std::vector<EraseRange> ranges;
  for (const FlashSector& sector : sectors) {
    const FlashBank* bank = BankOf(banks, sector.address);
    const auto found = bank == nullptr ? std::vector<FlashSector>::const_iterator{}
                                       : std::ranges::find(bank->sectors, sector);
    if (bank == nullptr || found == bank->sectors.end()) {
      return Status(Code::kFailedPrecondition,
                    fmt::format("{:#010x} is no flash sector of this board", sector.address));
    }
    const auto index = static_cast<uint32_t>(found - bank->sectors.begin());
    if (!ranges.empty() && ranges.back().bank == bank->number && ranges.back().last + 1 == index) {
      ranges.back().last = index;
    } else {
      ranges.push_back({bank->number, index, index});
    }
  }
  return ranges;
}

Result<std::vector<FlashSegment>> CutParts(const std::vector<FlashSegment>& segments,
                                           const std::vector<FlashSector>& sectors,
                                           const std::filesystem::path& folder) {
  std::vector<FlashSegment> parts;
  for (const FlashSegment& segment : segments) {
    TRY_ASSIGN(const std::vector<char> bytes, ReadBytes(segment.file));
    for (const Stretch& stretch : Stretches(segment.address, bytes.size(), sectors)) {
      const uint64_t size = stretch.end - stretch.begin;
      if (size == bytes.size()) {
        parts.push_back(segment);
        continue;
      }
      FlashSegment part;
      part.address = segment.address + static_cast<uint32_t>(stretch.begin);
      part.file = folder / fmt::format("part-{}.bin", parts.size());
      TRY(SaveBytes(part.file, std::span(bytes).subspan(stretch.begin, size)));
      parts.push_back(std::move(part));
    }
  }
  return parts;
}

}  // namespace tinyrig::agent::openocd
