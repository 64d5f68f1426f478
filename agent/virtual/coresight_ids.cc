#include "agent/virtual/coresight_ids.h"

#include <array>

namespace tinyrig::agent::vboard {
namespace {

constexpr uint32_t kPage = 0x1000;
constexpr uint32_t kIdBlock = 0xFD0;
constexpr uint8_t kClassRomTable = 1;
constexpr uint8_t kClassGeneric = 0xE;

struct Component {
  uint32_t base;
  uint16_t part;
  uint8_t revision;
  uint8_t component_class;
};

constexpr std::array kComponents = {
    Component{0xE0001000, 0x002, 3, kClassGeneric},  // DWT
    Component{0xE0002000, 0x003, 2, kClassGeneric},  // FPB
    Component{0xE000E000, 0x00C, 0, kClassGeneric},  // SCS of an M4
};

// Offsets from the table to SCS, DWT and FPB, bit 0 = present; ITM and TPIU exist in silicon,
// not in QEMU, and are marked absent.
constexpr std::array<uint32_t, 6> kRomTable = {0xFFF0F003, 0xFFF02003, 0xFFF03003,
                                               0xFFF01002, 0xFFF41002, 0};

// PIDR4-7, PIDR0-3, CIDR0-3, one byte in each word. Designer: Arm (JEP106 4, 0x3B).
uint32_t IdWord(uint16_t part, uint8_t revision, uint8_t component_class, uint32_t offset) {
  const std::array<uint8_t, 12> words = {0x04,
                                         0,
                                         0,
                                         0,
                                         static_cast<uint8_t>(part),
                                         static_cast<uint8_t>(0xB0 | (part >> 8)),
                                         static_cast<uint8_t>(revision << 4 | 0x0B),
                                         0,
                                         0x0D,
                                         static_cast<uint8_t>(component_class << 4),
                                         0x05,
                                         0xB1};
  return words[(offset - kIdBlock) / 4];
}

}  // namespace

std::optional<uint32_t> CoreSightIdWord(uint16_t rom_part, uint32_t address) {
  const uint32_t base = address & ~(kPage - 1);
  const uint32_t offset = address & (kPage - 1) & ~3u;
  if (base == kRomTableBase) {
    if (offset >= kIdBlock) return IdWord(rom_part, 0, kClassRomTable, offset);
    if (offset == 0xFCC) return 1;  // MEMTYPE: system memory is on this bus
    return offset / 4 < kRomTable.size() ? kRomTable[offset / 4] : 0;
  }
  if (offset < kIdBlock) return std::nullopt;
  for (const Component& component : kComponents) {
    if (base == component.base) {
      return IdWord(component.part, component.revision, component.component_class, offset);
    }
  }
  return std::nullopt;
}

}  // namespace tinyrig::agent::vboard
