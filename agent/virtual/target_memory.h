#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "agent/virtual/board_type.h"
#include "agent/virtual/core_debug.h"
#include "agent/virtual/debug_port.h"
#include "agent/virtual/faults.h"
#include "agent/virtual/stm32_chip.h"
#include "agent/virtual/unique_id.h"

namespace tinyrig::agent::vboard {

/// The board's memory as the access port sees it: QEMU's, drawn into the limits of the board
/// type, with the debug registers, the factory id and the flash faults in front of it.
///
/// Keeps a copy of what the debugger wrote to code memory, because a QEMU that aborted takes the
/// guest's memory with it: Restore() puts it back.
class TargetMemory : public MemoryBus {
 public:
  /// All must outlive this object.
  /// `chip` is nullptr when the type has no flash.
  TargetMemory(const BoardType& type, Machine& machine, CoreDebug& core, Stm32Chip* chip,
               FaultSet& faults);

  /// Asked to start QEMU anew when an access found it gone; true when there is one again.
  std::function<bool()> revive;

  /// Power came on: blank but for flash. Plants the factory id.
  Status PowerOn(const UniqueId& id);
  /// A new QEMU after an abort: factory id and code memory as they were. RAM is lost.
  Status Restore(const UniqueId& id);
  /// The factory id in QEMU's memory becomes another.
  Status PlantUniqueId(const UniqueId& id);
  /// The fault flash_lies was cleared: reads tell the truth again.
  void ForgetLies();

  size_t Read(uint32_t address, uint32_t width, std::span<uint8_t> bytes) override;
  size_t Write(uint32_t address, uint32_t width, std::span<const uint8_t> bytes) override;

 private:
  struct Lie {
    bool told = false;
    uint8_t byte = 0;
  };

  /// Does `access` again with a new QEMU when the old one died over it.
  bool Retrying(const std::function<Status()>& access);
  Status ReadPart(const MemoryRegion& region, uint32_t address, uint32_t width,
                  std::span<uint8_t> bytes);
  Status WritePart(const MemoryRegion& region, uint32_t address, uint32_t width,
                   std::span<const uint8_t> bytes);
  Status ReadQemu(const MemoryRegion& region, uint32_t address, std::span<uint8_t> bytes);
  Status WriteCode(const MemoryRegion& region, uint32_t address, std::span<const uint8_t> bytes);
  /// One access to a device or debug register.
  Result<uint32_t> ReadRegister(const MemoryRegion& region, uint32_t address, uint32_t width);
  Status WriteRegister(const MemoryRegion& region, uint32_t address, uint32_t width,
                       uint32_t value);

  const BoardType& type_;
  Machine& machine_;
  CoreDebug& core_;
  Stm32Chip* chip_;
  FaultSet& faults_;
  std::vector<uint8_t> code_;  // as far as the debugger has written
  std::vector<Lie> lies_;      // the same, of flash_lies
};

}  // namespace tinyrig::agent::vboard
