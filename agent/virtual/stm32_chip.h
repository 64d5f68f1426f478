#pragma once

#include <string>
#include <vector>

#include "agent/virtual/board_type.h"
#include "agent/virtual/core_debug.h"
#include "agent/virtual/faults.h"
#include "agent/virtual/flash_loader.h"
#include "agent/virtual/flash_store.h"
#include "agent/virtual/stm32_flash.h"
#include "agent/virtual/unique_id.h"

namespace tinyrig::agent::vboard {

/// What an STM32F405 has and QEMU's netduinoplus2 lacks, as a debugger sees it: the flash
/// controller with cells that survive power-off, the debug MCU block, system memory.
/// Changed cells reach QEMU's read-only copy before anything looks at it: Flush().
class Stm32Chip {
 public:
  /// All must outlive this object. `type.flash` is not nullptr.
  Stm32Chip(const BoardType& type, Machine& machine, FaultSet& faults);

  /// Opens the cells; errors as FlashStore.
  Status Open(const std::string& path);
  const std::string& flash_file() const { return store_.path(); }

  /// A new QEMU has loaded the cells by itself.
  void PowerOnReset(const UniqueId& id);
  void Reset() { flash_.Reset(); }
  void SetUniqueId(const UniqueId& id);
  /// The fault flash_lies was cleared.
  void ForgetLies();

  /// Is this word a register of this class?
  static bool Owns(uint32_t address);
  uint32_t ReadRegister(uint32_t address);
  void WriteRegister(uint32_t address, uint32_t value);

  /// Debugger accesses to the flash (offsets from its base) and to system memory.
  void WriteFlash(uint32_t offset, uint32_t width, std::span<const uint8_t> bytes);
  Status ReadFlash(uint32_t offset, std::span<uint8_t> bytes);
  void ReadFactory(uint32_t offset, std::span<uint8_t> bytes) const;

  /// Brings QEMU's copy up to date.
  Status Flush();

  FlashLoader& loader() { return loader_; }
  const Stm32Flash& flash() const { return flash_; }

 private:
  void Note(const Stm32Flash::Changed& changed);
  void WriteFlashRegister(uint32_t offset, uint32_t value);
  /// What the faults do to the next operation.
  Stm32Flash::Mishap NextMishap(size_t bytes);
  bool lying() const { return !lies_.empty(); }

  const BoardType& type_;
  Machine& machine_;
  FaultSet& faults_;
  FlashStore store_;
  Stm32Flash flash_;
  FlashLoader loader_;
  std::vector<uint8_t> factory_;
  std::vector<uint8_t> lies_;  // cells as the fault flash_lies shows them
  uint32_t dbgmcu_[3] = {};    // CR, APB1_FZ, APB2_FZ
  uint32_t dirty_low_ = 0;     // offsets that QEMU does not know yet
  uint32_t dirty_high_ = 0;
};

}  // namespace tinyrig::agent::vboard
