#pragma once

#include <cstdint>
#include <optional>

namespace tinyrig::agent::vboard {

/// Base of the core's ROM table: what the access port's BASE register points to.
inline constexpr uint32_t kRomTableBase = 0xE00FF000;

/// The word a debugger finds at `address` of the core's ROM table, or in the identification
/// block (0xFD0-0xFFF) of SCS, DWT and FPB, which QEMU leaves without usable ids. Nothing for
/// every other address. `rom_part` is the part number of the ROM table itself.
/// Source: Arm CoreSight architecture (peripheral and component ids), Cortex-M4 TRM.
std::optional<uint32_t> CoreSightIdWord(uint16_t rom_part, uint32_t address);

}  // namespace tinyrig::agent::vboard
