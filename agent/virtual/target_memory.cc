#include "agent/virtual/target_memory.h"

#include <algorithm>

#include "agent/virtual/coresight_ids.h"

namespace tinyrig::agent::vboard {
namespace {

bool IsPlain(RegionKind kind) { return kind != RegionKind::kDevice && kind != RegionKind::kPpb; }

void PutLittle(uint32_t value, std::span<uint8_t> bytes) {
  for (uint8_t& byte : bytes) {
    byte = static_cast<uint8_t>(value);
    value >>= 8;
  }
}

uint32_t GetLittle(std::span<const uint8_t> bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) value |= uint32_t{bytes[i]} << (8 * i);
  return value;
}

// Bytes of a run that lie in its first region.
size_t Inside(const MemoryRegion& region, uint32_t address, size_t size) {
  return std::min<size_t>(size, region.size - (address - region.base));
}

}  // namespace

TargetMemory::TargetMemory(const BoardType& type, Machine& machine, CoreDebug& core,
                           Stm32Chip* chip, FaultSet& faults)
    : type_(type), machine_(machine), core_(core), chip_(chip), faults_(faults) {}

void TargetMemory::ForgetLies() {
  lies_.clear();
  if (chip_) chip_->ForgetLies();
}

Status TargetMemory::PowerOn(const UniqueId& id) {
  code_.clear();
  lies_.clear();
  return Restore(id);
}

Status TargetMemory::Restore(const UniqueId& id) {
  TRY(PlantUniqueId(id));
  const MemoryRegion* code = FindRegion(type_, RegionKind::kCode);
  return code ? machine_.WriteBlock(code->base, code_) : OkStatus();
}

Status TargetMemory::PlantUniqueId(const UniqueId& id) {
  const MemoryRegion* factory = FindRegion(type_, RegionKind::kUniqueId);
  return factory ? machine_.WriteBlock(factory->base, id) : OkStatus();
}

bool TargetMemory::Retrying(const std::function<Status()>& access) {
  if (access().ok()) return true;
  if (machine_.alive() || !revive || !revive()) return false;
  return access().ok();
}

size_t TargetMemory::Read(uint32_t address, uint32_t width, std::span<uint8_t> bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const uint32_t here = address + static_cast<uint32_t>(at);
    const MemoryRegion* region = FindRegion(type_, here);
    if (!region) return at / width;
    const auto part = bytes.subspan(at, Inside(*region, here, bytes.size() - at));
    const auto access = [&] { return ReadPart(*region, here, width, part); };
    if (!Retrying(access)) return at / width;
    at += part.size();
  }
  return bytes.size() / width;
}

size_t TargetMemory::Write(uint32_t address, uint32_t width, std::span<const uint8_t> bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const uint32_t here = address + static_cast<uint32_t>(at);
    const MemoryRegion* region = FindRegion(type_, here);
    if (!region) return at / width;
    const auto part = bytes.subspan(at, Inside(*region, here, bytes.size() - at));
    const auto access = [&] { return WritePart(*region, here, width, part); };
    if (!Retrying(access)) return at / width;
    at += part.size();
  }
  return bytes.size() / width;
}

Status TargetMemory::ReadPart(const MemoryRegion& region, uint32_t address, uint32_t width,
                              std::span<uint8_t> bytes) {
  if (!IsPlain(region.kind)) {
    for (size_t at = 0; at < bytes.size(); at += width) {
      const uint32_t here = address + static_cast<uint32_t>(at);
      TRY_ASSIGN(const uint32_t value, ReadRegister(region, here, width));
      PutLittle(value, bytes.subspan(at, width));
    }
    return OkStatus();
  }
  const uint32_t offset = address - region.base;
  switch (region.kind) {
    case RegionKind::kFlash:
    case RegionKind::kFlashAlias:
      return chip_->ReadFlash(offset, bytes);
    case RegionKind::kFactory:
      chip_->ReadFactory(offset, bytes);
      return OkStatus();
    case RegionKind::kRam:
      TRY(core_.RunHosted());
      return machine_.ReadBlock(address, bytes);
    default:
      return ReadQemu(region, address, bytes);
  }
}

Status TargetMemory::ReadQemu(const MemoryRegion& region, uint32_t address,
                              std::span<uint8_t> bytes) {
  TRY(machine_.ReadBlock(address, bytes));
  if (region.kind != RegionKind::kCode) return OkStatus();
  const size_t offset = address - region.base;
  for (size_t i = 0; i < bytes.size() && offset + i < lies_.size(); ++i) {
    if (lies_[offset + i].told) bytes[i] = lies_[offset + i].byte;
  }
  return OkStatus();
}

Status TargetMemory::WritePart(const MemoryRegion& region, uint32_t address, uint32_t width,
                               std::span<const uint8_t> bytes) {
  if (region.kind == RegionKind::kCode) return WriteCode(region, address, bytes);
  if (region.kind == RegionKind::kFlash) {
    core_.NoteCodeChange();
    chip_->WriteFlash(address - region.base, width, bytes);
    return machine_.running() ? chip_->Flush() : OkStatus();
  }
  if (region.kind == RegionKind::kRam) {
    TRY(machine_.WriteBlock(address, bytes));
    core_.NoteWrite(address, bytes);
    return core_.RunHosted();
  }
  if (IsPlain(region.kind)) return OkStatus();  // factory bytes stay
  for (size_t at = 0; at < bytes.size(); at += width) {
    const uint32_t here = address + static_cast<uint32_t>(at);
    TRY(WriteRegister(region, here, width, GetLittle(bytes.subspan(at, width))));
  }
  return OkStatus();
}

Status TargetMemory::WriteCode(const MemoryRegion& region, uint32_t address,
                               std::span<const uint8_t> bytes) {
  const size_t offset = address - region.base;
  core_.NoteCodeChange();
  if (faults_.on(Fault::kFlashLies)) {
    lies_.resize(std::max(lies_.size(), offset + bytes.size()));
    std::ranges::transform(bytes, lies_.begin() + static_cast<std::ptrdiff_t>(offset),
                           [](uint8_t byte) {
                             return Lie{true, byte};
                           });
    return OkStatus();
  }
  if (faults_.on(Fault::kFlashLost)) return OkStatus();
  code_.resize(std::max(code_.size(), offset + bytes.size()));
  const std::span<uint8_t> written = std::span(code_).subspan(offset, bytes.size());
  std::ranges::copy(bytes, written.begin());
  const size_t sound = faults_.Spend(Fault::kFlashBadBit, bytes.size(), kAfterBytes);
  if (sound < bytes.size()) {
    written[sound] ^= faults_.SeededBit(Fault::kFlashBadBit);
    faults_.Use(Fault::kFlashBadBit);
  }
  core_.NoteWrite(address, written);
  return machine_.WriteBlock(address, written);
}

Result<uint32_t> TargetMemory::ReadRegister(const MemoryRegion& region, uint32_t address,
                                            uint32_t width) {
  if (chip_ && Stm32Chip::Owns(address)) {
    return chip_->ReadRegister(address & ~3u) >> (8 * (address & 3));
  }
  if (region.kind == RegionKind::kPpb) {
    TRY_ASSIGN(std::optional<uint32_t> word, core_.Read(address & ~3u));
    if (!word) word = CoreSightIdWord(type_.core_part, address);
    if (word) return *word >> (8 * (address & 3));
  }
  return machine_.ReadAccess(address, width);
}

Status TargetMemory::WriteRegister(const MemoryRegion& region, uint32_t address, uint32_t width,
                                   uint32_t value) {
  if (chip_ && Stm32Chip::Owns(address)) {
    core_.NoteCodeChange();                                // an erase, perhaps
    if (width == 4) chip_->WriteRegister(address, value);  // narrower ones are not modelled
    return machine_.running() ? chip_->Flush() : OkStatus();
  }
  if (region.kind == RegionKind::kPpb && width == 4) {
    TRY_ASSIGN(const bool ours, core_.Write(address, value));
    if (ours) return OkStatus();
  }
  return machine_.WriteAccess(address, width, value);
}

}  // namespace tinyrig::agent::vboard
