#include "agent/virtual/breakpoints.h"

#include <algorithm>
#include <iterator>

namespace tinyrig::agent::vboard {
namespace {

constexpr uint32_t kFpbControl = 0xE0002000;
constexpr uint32_t kFpbRemap = 0xE0002004;
constexpr uint32_t kFpbComparators = 0xE0002008;
constexpr uint32_t kFpbCodeComparators = 6;
constexpr uint32_t kDwtControl = 0xE0001000;
constexpr uint32_t kDwtComparators = 0xE0001020;
constexpr uint32_t kDwtControlValue = 0x40000000;  // four comparators
constexpr uint32_t kDwtMatched = 1u << 24;

constexpr uint16_t kBkpt0 = 0xBE00;
constexpr uint16_t kBkptOpenOcd = 0xBE11;

// Function codes of a DWT comparator that halts.
std::optional<GdbClient::Point> WatchKind(uint32_t function) {
  switch (function & 0xF) {
    case 5:
      return GdbClient::Point::kRead;
    case 6:
      return GdbClient::Point::kWrite;
    case 7:
      return GdbClient::Point::kAccess;
    default:
      return std::nullopt;
  }
}

}  // namespace

void Breakpoints::PowerOnReset() { *this = {}; }

std::optional<uint32_t> Breakpoints::Read(uint32_t address) {
  if (address == kFpbControl) return kFpbCodeComparators << 4 | (fpb_enabled_ ? 1 : 0);
  if (address == kFpbRemap) return 0;
  if (address >= kFpbComparators && address < kFpbComparators + 4 * fpb_.size()) {
    return fpb_[(address - kFpbComparators) / 4];
  }
  if (address == kDwtControl) return kDwtControlValue;
  if (address >= kDwtComparators && address < kDwtComparators + 16 * dwt_.size()) {
    Comparator& comparator = dwt_[(address - kDwtComparators) / 16];
    switch (address & 0xF) {
      case 0x0:
        return comparator.address;
      case 0x4:
        return comparator.mask;
      case 0x8:
        return std::exchange(comparator.function, comparator.function & ~kDwtMatched);
      default:
        return 0;
    }
  }
  return std::nullopt;
}

bool Breakpoints::Write(uint32_t address, uint32_t value) {
  if (address == kFpbControl) {
    if (value & 2) fpb_enabled_ = (value & 1) != 0;  // bit 1 is the key
    return true;
  }
  if (address == kDwtControl || address == kFpbRemap) return true;
  if (address >= kFpbComparators && address < kFpbComparators + 4 * fpb_.size()) {
    fpb_[(address - kFpbComparators) / 4] = value;
    return true;
  }
  if (address >= kDwtComparators && address < kDwtComparators + 16 * dwt_.size()) {
    Comparator& comparator = dwt_[(address - kDwtComparators) / 16];
    switch (address & 0xF) {
      case 0x0:
        comparator.address = value;
        break;
      case 0x4:
        comparator.mask = value & 0x1F;
        break;
      case 0x8:
        comparator.function = value & 0xFFF;
        break;
      default:
        break;
    }
    return true;
  }
  return false;
}

void Breakpoints::NoteWrite(uint32_t address, std::span<const uint8_t> bytes) {
  const uint32_t first = address & ~1u;
  const uint64_t end = uint64_t{address} + bytes.size();
  auto it = bkpt_.lower_bound(first);
  while (it != bkpt_.end() && *it < end) it = bkpt_.erase(it);
  for (uint32_t i = address & 1; i + 1 < bytes.size(); i += 2) {
    const auto halfword = static_cast<uint16_t>(bytes[i] | bytes[i + 1] << 8);
    const bool bkpt = halfword == kBkpt0 || halfword == kBkptOpenOcd;
    if (bkpt && bkpt_.size() < kMaxBkpt) bkpt_.insert(address + i);
  }
}

std::set<Breakpoints::Point> Breakpoints::Wanted() const {
  std::set<Point> wanted;
  for (const uint32_t address : bkpt_) wanted.emplace(GdbClient::Point::kSoftware, address, 2);
  for (uint32_t i = 0; fpb_enabled_ && i < kFpbCodeComparators; ++i) {
    if ((fpb_[i] & 1) == 0) continue;
    const uint32_t word = fpb_[i] & 0x1FFFFFFC;
    const uint32_t replace = fpb_[i] >> 30;  // bit 0: lower halfword, bit 1: upper
    if (replace & 1) wanted.emplace(GdbClient::Point::kHardware, word, 2);
    if (replace & 2) wanted.emplace(GdbClient::Point::kHardware, word + 2, 2);
  }
  for (const Comparator& comparator : dwt_) {
    const auto kind = WatchKind(comparator.function);
    if (kind) wanted.emplace(*kind, comparator.address, 1u << comparator.mask);
  }
  return wanted;
}

Status Breakpoints::Sync(Machine& machine, bool enabled) {
  const std::set<Point> wanted = enabled ? Wanted() : std::set<Point>{};
  std::set<Point> stale, fresh;
  std::ranges::set_difference(installed_, wanted, std::inserter(stale, stale.end()));
  std::ranges::set_difference(wanted, installed_, std::inserter(fresh, fresh.end()));
  for (const auto& [kind, address, length] : stale) {
    TRY(machine.SetPoint(kind, address, length, false));
  }
  for (const auto& [kind, address, length] : fresh) {
    TRY(machine.SetPoint(kind, address, length, true));
  }
  installed_ = wanted;
  return OkStatus();
}

void Breakpoints::NoteWatchpointHit() {
  for (Comparator& comparator : dwt_) {
    if (WatchKind(comparator.function)) comparator.function |= kDwtMatched;
  }
}

}  // namespace tinyrig::agent::vboard
