#include "agent/virtual/flash_loader.h"

#include <algorithm>
#include <array>
#include <vector>

#include "proto/device/crc32c.h"

namespace tinyrig::agent::vboard {
namespace {

constexpr size_t kCodeBytes = 76;
constexpr uint32_t kCodeCrc = 0x374249B4;  // CRC-32C
constexpr uint32_t kBkptOffset = 68;
constexpr uint32_t kCrOffset = 0x10, kSrOffset = 0x0C;
constexpr uint32_t kProgramHalfWords = 0x101;  // CR: PG, PSIZE 16 bits
constexpr uint32_t kErrors = 0xF0;
constexpr uint32_t kRingHeader = 8;
constexpr uint32_t kGdbPc = 15;

}  // namespace

Result<bool> FlashLoader::Begin(uint32_t pc) {
  std::array<uint8_t, kCodeBytes> code;
  const MemoryRegion* region = FindRegion(type_, pc);
  if (!region || region->kind != RegionKind::kRam) return false;
  TRY(machine_.ReadBlock(pc, code));
  if (device::Crc32c(code.data(), code.size()) != kCodeCrc) return false;
  std::array<uint32_t, 5> registers;
  for (uint32_t i = 0; i < registers.size(); ++i) {
    TRY_ASSIGN(const uint64_t value, machine_.ReadRegister(i));
    registers[i] = static_cast<uint32_t>(value);
  }
  if (registers[4] != Stm32Flash::kBase) return false;
  pc_ = pc;
  ring_ = registers[0];
  end_ = registers[1];
  target_ = registers[2];
  left_ = registers[3];
  running_ = true;
  return true;
}

// The silicon would run wild on pointers outside its ring; here the loop reports an error.
bool FlashLoader::RingIsSane(uint32_t write, uint32_t read) const {
  const uint32_t first = ring_ + kRingHeader;
  const MemoryRegion* region = FindRegion(type_, ring_);
  return region && region->kind == RegionKind::kRam && end_ > first &&
         end_ - region->base <= region->size && read >= first && read < end_ && write >= first &&
         write <= end_ && read % 2 == 0 && write % 2 == 0;
}

Result<bool> FlashLoader::Step() {
  while (running_) {
    TRY_ASSIGN(const uint32_t write, machine_.ReadAccess(ring_, 4));
    if (write == 0) return Finish(0, false);
    TRY_ASSIGN(uint32_t read, machine_.ReadAccess(ring_ + 4, 4));
    if (read == write) return false;
    if (left_ == 0 || !RingIsSane(write, read)) return Finish(Stm32Flash::kSequenceError, true);
    TRY_ASSIGN(const uint32_t status, Consume(write, read));
    if (status & kErrors) return Finish(status, true);
    TRY(machine_.WriteAccess(ring_ + 4, 4, read));
    if (left_ == 0) return Finish(status, false);
  }
  return false;
}

Result<uint32_t> FlashLoader::Consume(uint32_t write, uint32_t& read) {
  const uint32_t to = write > read ? write : end_;
  const uint32_t bytes = std::min(to - read, left_ > (to - read) / 2 ? to - read : left_ * 2);
  std::vector<uint8_t> data(bytes);
  TRY(machine_.ReadBlock(read, data));
  uint32_t status = 0;
  for (uint32_t at = 0; at < bytes; at += 2) {
    flash_.WriteRegister(kCrOffset, kProgramHalfWords, {});
    program(target_ - type_.flash->base, std::span(data).subspan(at, 2));
    do {
      status = flash_.ReadRegister(kSrOffset);
    } while (status & Stm32Flash::kBusy);
    if (status & kErrors) return status;
    ++half_words_;
    target_ += 2;
    read += 2;
    --left_;
  }
  if (read >= end_) read = ring_ + kRingHeader;
  return status;
}

Result<bool> FlashLoader::Finish(uint32_t status, bool failed) {
  running_ = false;
  if (failed) TRY(machine_.WriteAccess(ring_ + 4, 4, 0));
  TRY(machine_.WriteRegister(0, status, 4));
  TRY(machine_.WriteRegister(kGdbPc, pc_ + kBkptOffset, 4));
  return true;
}

}  // namespace tinyrig::agent::vboard
