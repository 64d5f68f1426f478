#include "agent/virtual/board_type.h"

#include <algorithm>
#include <array>

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

constexpr std::array kBoardTypes = {
    BoardType{"virtual_m4", "mps2-an386", "shift=6,sleep=off", 0x2BA01477, 0x4C4, kVirtualM4Memory},
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

}  // namespace tinyrig::agent::vboard
