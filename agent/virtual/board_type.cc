#include "agent/virtual/board_type.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace tinyrig::agent::vboard {
namespace {

// QEMU's mps2-an386 answers every address, also where nothing is; so the limits of the virtual
// part are drawn here. Peripherals: the APB block, the GPIOs, the FPGA block and Ethernet.
constexpr std::array kVirtualM4Memory = {
    MemoryRegion{0x00000000, 0x00100000, RegionKind::kCode},
    MemoryRegion{0x003FFFF0, 0x00000010, RegionKind::kUniqueId},
    MemoryRegion{0x20000000, 0x00040000, RegionKind::kRam},
    MemoryRegion{0x40000000, 0x00014000, RegionKind::kDevice},
    MemoryRegion{0x40020000, 0x00010000, RegionKind::kDevice},
    MemoryRegion{0x40200000, 0x00010000, RegionKind::kDevice},
    MemoryRegion{0xE0000000, 0x00100000, RegionKind::kPpb},
};

// mps2-an500 has the memory and the peripherals of mps2-an386; the part is twice as large.
constexpr std::array kVirtualM7Memory = {
    MemoryRegion{0x00000000, 0x00200000, RegionKind::kCode},
    MemoryRegion{0x003FFFF0, 0x00000010, RegionKind::kUniqueId},
    MemoryRegion{0x20000000, 0x00080000, RegionKind::kRam},
    MemoryRegion{0x40000000, 0x00014000, RegionKind::kDevice},
    MemoryRegion{0x40020000, 0x00010000, RegionKind::kDevice},
    MemoryRegion{0x40200000, 0x00010000, RegionKind::kDevice},
    MemoryRegion{0xE0000000, 0x00100000, RegionKind::kPpb},
};

// STM32F405: the part has its unique id in system memory at 0x1FFF7A10, where netduinoplus2 has
// nothing. QEMU's RAM goes on behind the 128 KiB of the part, and its end holds a copy for the
// firmware.
constexpr std::array kVirtualF4Memory = {
    MemoryRegion{0x00000000, 0x00100000, RegionKind::kFlashAlias},
    MemoryRegion{0x08000000, 0x00100000, RegionKind::kFlash},
    MemoryRegion{0x1FFF7800, 0x00000300, RegionKind::kFactory},
    MemoryRegion{0x20000000, 0x00020000, RegionKind::kRam},
    MemoryRegion{0x2002FFF0, 0x00000010, RegionKind::kUniqueId},
    MemoryRegion{0x40000000, 0x00008000, RegionKind::kDevice},
    MemoryRegion{0x40010000, 0x00005800, RegionKind::kDevice},
    MemoryRegion{0x40020000, 0x00060000, RegionKind::kDevice},
    MemoryRegion{0xE0000000, 0x00100000, RegionKind::kPpb},
};

constexpr uint32_t kKiB = 1024;
constexpr std::array kStm32F405Sectors = {16 * kKiB,  16 * kKiB,  16 * kKiB,  16 * kKiB,
                                          64 * kKiB,  128 * kKiB, 128 * kKiB, 128 * kKiB,
                                          128 * kKiB, 128 * kKiB, 128 * kKiB, 128 * kKiB};
constexpr FlashLayout kStm32F405Flash{0x08000000, kStm32F405Sectors};

constexpr std::string_view kIcount = "shift=6,sleep=off";
constexpr std::array kBoardTypes = {
    BoardType{"virtual_m4", "mps2-an386", kIcount, 0x2BA01477, 0x4BA00477, 0x24770011, 0x4C4,
              kVirtualM4Memory, nullptr},
    BoardType{"virtual_f4", "netduinoplus2", kIcount, 0x2BA01477, 0x4BA00477, 0x24770011, 0x4C4,
              kVirtualF4Memory, &kStm32F405Flash},
    BoardType{"virtual_m7", "mps2-an500", kIcount, 0x5BA02477, 0x5BA00477, 0x74770001, 0x4C7,
              kVirtualM7Memory, nullptr},
};

}  // namespace

const BoardType* FindBoardType(std::string_view name) {
  const auto it = std::ranges::find(kBoardTypes, name, &BoardType::name);
  return it == kBoardTypes.end() ? nullptr : &*it;
}

std::string BoardTypeNames() {
  std::string names;
  for (const BoardType& type : kBoardTypes) {
    if (!names.empty()) names += ", ";
    names += type.name;
  }
  return names;
}

const MemoryRegion* FindRegion(const BoardType& type, uint32_t address) {
  for (const MemoryRegion& region : type.memory) {
    if (address >= region.base && address - region.base < region.size) return &region;
  }
  return nullptr;
}

const MemoryRegion* FindRegion(const BoardType& type, RegionKind kind) {
  const auto it = std::ranges::find(type.memory, kind, &MemoryRegion::kind);
  return it == type.memory.end() ? nullptr : &*it;
}

const MemoryRegion& BootRegion(const BoardType& type) {
  return *FindRegion(type, type.flash ? RegionKind::kFlash : RegionKind::kCode);
}

uint32_t FlashBytes(const FlashLayout& layout) {
  return std::accumulate(layout.sector_bytes.begin(), layout.sector_bytes.end(), 0u);
}

}  // namespace tinyrig::agent::vboard
