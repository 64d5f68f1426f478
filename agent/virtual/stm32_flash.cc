#include "agent/virtual/stm32_flash.h"

#include <algorithm>

namespace tinyrig::agent::vboard {
namespace {

constexpr uint32_t kAcr = 0x00, kKeyr = 0x04, kOptKeyr = 0x08, kSr = 0x0C, kCr = 0x10,
                   kOptCr = 0x14;

constexpr uint32_t kKey1 = 0x45670123, kKey2 = 0xCDEF89AB;
constexpr uint32_t kOptionKey1 = 0x08192A3B, kOptionKey2 = 0x4C5D6E7F;

constexpr uint32_t kProgram = 1u << 0;
constexpr uint32_t kSectorErase = 1u << 1;
constexpr uint32_t kMassErase = 1u << 2;
constexpr uint32_t kStart = 1u << 16;
constexpr uint32_t kLock = 1u << 31;
constexpr uint32_t kEndInterrupt = 1u << 24;
constexpr uint32_t kCrWritable = 0x8301037F;

constexpr uint32_t kEndOfOperation = 1u << 0;
constexpr uint32_t kSrFlags = 0x1F3;

constexpr uint32_t kOptionLock = 1u << 0;
constexpr uint32_t kOptionStart = 1u << 1;
constexpr uint32_t kOptCrReset = 0x0FFFAAED;
constexpr uint32_t kOptCrWritable = 0x0FFFFFEC;
constexpr uint32_t kNotProtectedShift = 16;

constexpr int kUnlocked = 2, kBlocked = -1;

// One step of a two-word key sequence; a wrong word blocks it until a reset.
int NextKey(int state, uint32_t value, uint32_t first, uint32_t second) {
  if (state == 0 && value == first) return 1;
  if (state == 1 && value == second) return kUnlocked;
  return kBlocked;
}

}  // namespace

void Stm32Flash::PowerOnReset() {
  optcr_ = kOptCrReset;
  Reset();
}

void Stm32Flash::Reset() {
  acr_ = sr_ = 0;
  cr_ = kLock;
  optcr_ |= kOptionLock;
  keys_ = option_keys_ = 0;
  busy_polls_ = 0;
}

uint32_t Stm32Flash::ReadRegister(uint32_t offset) {
  switch (offset) {
    case kAcr:
      return acr_;
    case kSr: {
      const uint32_t busy = busy_polls_ > 0 ? kBusy : 0;
      busy_polls_ -= busy_polls_ > 0 ? 1 : 0;
      return sr_ | busy;
    }
    case kCr:
      return cr_;
    case kOptCr:
      return optcr_;
    default:
      return 0;
  }
}

bool Stm32Flash::StartsErase(uint32_t offset, uint32_t value) const {
  return offset == kCr && !(cr_ & kLock) && !(value & kLock) && (value & kStart) &&
         (value & (kSectorErase | kMassErase));
}

Stm32Flash::Changed Stm32Flash::WriteRegister(uint32_t offset, uint32_t value,
                                              const Mishap& mishap) {
  switch (offset) {
    case kAcr:
      acr_ = value & 0x1F07;
      return {};
    case kKeyr:
      WriteKey(value);
      return {};
    case kOptKeyr:
      WriteOptionKey(value);
      return {};
    case kSr:
      sr_ &= ~(value & kSrFlags);
      return {};
    case kOptCr:
      if (optcr_ & kOptionLock) return {};
      optcr_ = (value & (kOptCrWritable | kOptionLock)) & ~kOptionStart;
      if (optcr_ & kOptionLock) option_keys_ = 0;
      return {};
    case kCr: {
      if (cr_ & kLock) return {};
      const bool erase = StartsErase(offset, value);
      cr_ = value & kCrWritable & ~kStart;
      if (cr_ & kLock) keys_ = 0;
      return erase ? Erase(mishap) : Changed{};
    }
    default:
      return {};
  }
}

void Stm32Flash::WriteKey(uint32_t value) {
  if (!(cr_ & kLock)) return;
  keys_ = NextKey(keys_, value, kKey1, kKey2);
  if (keys_ == kUnlocked) cr_ &= ~kLock;
}

void Stm32Flash::WriteOptionKey(uint32_t value) {
  if (!(optcr_ & kOptionLock)) return;
  option_keys_ = NextKey(option_keys_, value, kOptionKey1, kOptionKey2);
  if (option_keys_ == kUnlocked) optcr_ &= ~kOptionLock;
}

bool Stm32Flash::Protected(uint32_t sector) const {
  return ((optcr_ >> (kNotProtectedShift + sector)) & 1) == 0;
}

uint32_t Stm32Flash::SectorOf(uint32_t offset) const {
  uint32_t sector = 0;
  for (uint32_t end = 0; sector < layout_.sector_bytes.size(); ++sector) {
    end += layout_.sector_bytes[sector];
    if (offset < end) break;
  }
  return sector;
}

Stm32Flash::Changed Stm32Flash::Erase(const Mishap& mishap) {
  const auto sectors = static_cast<uint32_t>(layout_.sector_bytes.size());
  const bool mass = (cr_ & kMassErase) != 0;
  const uint32_t first = mass ? 0 : (cr_ >> 3) & 0x1F;
  const uint32_t last = mass ? sectors - 1 : first;
  busy_polls_ = mishap.busy_polls;
  if (first >= sectors) {
    sr_ |= kSequenceError;
    return {};
  }
  Changed changed;
  bool refused = mishap.fails;
  for (uint32_t i = first; i <= last; ++i) refused |= Protected(i);
  if (refused) {
    sr_ |= kWriteProtectError;
    return {};
  }
  for (uint32_t i = 0; i <= last; ++i) {
    (i < first ? changed.offset : changed.size) += layout_.sector_bytes[i];
  }
  std::ranges::fill(cells_.subspan(changed.offset, changed.size), uint8_t{0xFF});
  cells_[changed.offset] ^= mishap.flip;
  erased_sectors_ += last - first + 1;
  if (cr_ & kEndInterrupt) sr_ |= kEndOfOperation;
  return changed;
}

Stm32Flash::Changed Stm32Flash::Program(uint32_t offset, std::span<const uint8_t> bytes,
                                        const Mishap& mishap) {
  const uint32_t width = 1u << ((cr_ >> 8) & 3);
  if (!(cr_ & kProgram) || offset + bytes.size() > cells_.size()) {
    sr_ |= kSequenceError;
    return {};
  }
  if (bytes.size() != width) {
    sr_ |= kParallelismError;
    return {};
  }
  busy_polls_ = mishap.busy_polls;
  if (mishap.fails || Protected(SectorOf(offset))) {
    sr_ |= kWriteProtectError;
    return {};
  }
  for (size_t i = 0; i < bytes.size(); ++i) cells_[offset + i] &= bytes[i];
  cells_[offset] ^= mishap.flip;
  if (cr_ & kEndInterrupt) sr_ |= kEndOfOperation;
  return {offset, static_cast<uint32_t>(bytes.size())};
}

}  // namespace tinyrig::agent::vboard
