#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tinyrig::agent::vboard {

/// What an address range is, which decides how the debug port reaches it.
enum class RegionKind : uint8_t {
  kCode,      ///< Stands for flash: the image is loaded here, shadowed for re-spawns.
  kRam,       ///< Plain memory, lost with the power.
  kUniqueId,  ///< Factory bytes: readable, debugger writes are ignored.
  kDevice,    ///< Peripherals: every access keeps its width.
  kPpb,       ///< Private peripheral bus: debug registers are ours, the rest is QEMU's.
};

/// One range of the debugger's memory map. Whatever no region covers answers a bus fault.
struct MemoryRegion {
  uint32_t base;
  uint32_t size;  ///< Bytes.
  RegionKind kind;
};

/// What makes virtual boards interchangeable: one row of a table in board_type.cc.
struct BoardType {
  std::string_view name;          ///< As in `--type`.
  std::string_view qemu_machine;  ///< QEMU's -M.
  std::string_view qemu_icount;   ///< QEMU's -icount: time counts instructions, exactly.
  uint32_t dpidr;                 ///< Debug port identity, as SWD reports it.
  uint16_t core_part;             ///< Part number in the CoreSight ids of the core's ROM table.
  std::span<const MemoryRegion> memory;  ///< Ordered by base, not overlapping.
};

/// The type of that name, or nullptr.
const BoardType* FindBoardType(std::string_view name);

/// Names of all types, comma separated, for help and errors.
std::string BoardTypeNames();

/// The region that holds `address`, or nullptr (a bus fault).
const MemoryRegion* FindRegion(const BoardType& type, uint32_t address);

/// The first region of a kind, or nullptr.
const MemoryRegion* FindRegion(const BoardType& type, RegionKind kind);

}  // namespace tinyrig::agent::vboard
