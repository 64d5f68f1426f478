#include "agent/virtual/stm32_chip.h"

#include <algorithm>

namespace tinyrig::agent::vboard {
namespace {

constexpr uint32_t kDbgmcu = 0xE0042000;
constexpr uint32_t kDbgmcuBytes = 0x10;
constexpr uint32_t kIdCode = 0x20036413;  // device 0x413: STM32F405
constexpr uint32_t kUniqueIdOffset = 0x210;
constexpr uint32_t kFlashSizeOffset = 0x222;

}  // namespace

Stm32Chip::Stm32Chip(const BoardType& type, Machine& machine, FaultSet& faults)
    : type_(type),
      machine_(machine),
      faults_(faults),
      flash_(*type.flash),
      loader_(type, machine, flash_) {
  loader_.program = [this](uint32_t offset, std::span<const uint8_t> bytes) {
    WriteFlash(offset, static_cast<uint32_t>(bytes.size()), bytes);
  };
}

Status Stm32Chip::Open(const std::string& path) {
  TRY(store_.Open(path, FlashBytes(*type_.flash)));
  if (!lying()) flash_.UseCells(store_.cells());
  return OkStatus();
}

void Stm32Chip::PowerOnReset(const UniqueId& id) {
  flash_.PowerOnReset();
  std::ranges::fill(dbgmcu_, 0);
  dirty_low_ = dirty_high_ = 0;
  SetUniqueId(id);
}

void Stm32Chip::SetUniqueId(const UniqueId& id) {
  factory_.assign(FindRegion(type_, RegionKind::kFactory)->size, 0xFF);
  std::ranges::copy(id, factory_.begin() + kUniqueIdOffset);
  const uint32_t kib = FlashBytes(*type_.flash) / 1024;
  factory_[kFlashSizeOffset] = static_cast<uint8_t>(kib);
  factory_[kFlashSizeOffset + 1] = static_cast<uint8_t>(kib >> 8);
}

void Stm32Chip::ForgetLies() {
  lies_.clear();
  flash_.UseCells(store_.cells());
}

bool Stm32Chip::Owns(uint32_t address) {
  return address - Stm32Flash::kBase < Stm32Flash::kBytes || address - kDbgmcu < kDbgmcuBytes;
}

uint32_t Stm32Chip::ReadRegister(uint32_t address) {
  if (address - kDbgmcu >= kDbgmcuBytes) return flash_.ReadRegister(address - Stm32Flash::kBase);
  const uint32_t index = (address - kDbgmcu) / 4;
  return index == 0 ? kIdCode : dbgmcu_[index - 1];
}

void Stm32Chip::WriteRegister(uint32_t address, uint32_t value) {
  if (address - kDbgmcu >= kDbgmcuBytes) {
    WriteFlashRegister(address - Stm32Flash::kBase, value);
  } else if (address > kDbgmcu) {
    dbgmcu_[(address - kDbgmcu) / 4 - 1] = value;
  }
}

void Stm32Chip::WriteFlashRegister(uint32_t offset, uint32_t value) {
  if (!flash_.StartsErase(offset, value)) {
    flash_.WriteRegister(offset, value, {});
    return;
  }
  if (faults_.on(Fault::kFlashLost)) return;
  if (faults_.on(Fault::kFlashLies) && !lying()) {
    lies_.assign(store_.cells().begin(), store_.cells().end());
    flash_.UseCells(lies_);
  }
  Note(flash_.WriteRegister(offset, value, NextMishap(0)));
}

void Stm32Chip::WriteFlash(uint32_t offset, uint32_t width, std::span<const uint8_t> bytes) {
  if (faults_.on(Fault::kFlashLost)) return;
  if (faults_.on(Fault::kFlashLies) && !lying()) {
    lies_.assign(store_.cells().begin(), store_.cells().end());
    flash_.UseCells(lies_);
  }
  for (size_t at = 0; at < bytes.size(); at += width) {
    const auto access = bytes.subspan(at, width);
    Note(flash_.Program(offset + static_cast<uint32_t>(at), access, NextMishap(width)));
  }
}

Stm32Flash::Mishap Stm32Chip::NextMishap(size_t bytes) {
  Stm32Flash::Mishap mishap;
  mishap.busy_polls = static_cast<uint32_t>(faults_.Value(Fault::kFlashSlow, "polls"));
  if (faults_.Struck(Fault::kFlashError)) {
    mishap.fails = true;
    faults_.Use(Fault::kFlashError);
  }
  faults_.Spend(Fault::kFlashError, bytes, kAfterBytes);
  if (bytes > 0 && faults_.Struck(Fault::kFlashBadBit)) {
    mishap.flip = faults_.SeededBit(Fault::kFlashBadBit);
    faults_.Use(Fault::kFlashBadBit);
  }
  faults_.Spend(Fault::kFlashBadBit, bytes, kAfterBytes);
  return mishap;
}

Status Stm32Chip::ReadFlash(uint32_t offset, std::span<uint8_t> bytes) {
  if (lying()) {
    std::copy_n(lies_.begin() + offset, bytes.size(), bytes.begin());
    return OkStatus();
  }
  TRY(Flush());
  return machine_.ReadBlock(type_.flash->base + offset, bytes);
}

void Stm32Chip::ReadFactory(uint32_t offset, std::span<uint8_t> bytes) const {
  std::copy_n(factory_.begin() + offset, bytes.size(), bytes.begin());
}

void Stm32Chip::Note(const Stm32Flash::Changed& changed) {
  if (changed.size == 0 || lying()) return;
  const uint32_t end = changed.offset + changed.size;
  const bool clean = dirty_low_ == dirty_high_;
  dirty_low_ = clean ? changed.offset : std::min(dirty_low_, changed.offset);
  dirty_high_ = clean ? end : std::max(dirty_high_, end);
}

Status Stm32Chip::Flush() {
  if (dirty_low_ == dirty_high_) return OkStatus();
  const auto cells = store_.cells().subspan(dirty_low_, dirty_high_ - dirty_low_);
  TRY(machine_.WriteRom(type_.flash->base + dirty_low_, cells));
  dirty_low_ = dirty_high_ = 0;
  return OkStatus();
}

}  // namespace tinyrig::agent::vboard
