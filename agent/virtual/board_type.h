#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tinyrig::agent::vboard {

/// What an address range is, which decides how the debug port reaches it.
enum class RegionKind : uint8_t {
  kCode,        ///< RAM that stands for flash: the image is loaded here, lost with the power.
  kFlash,       ///< Flash behind a controller, kept in a file.
  kFlashAlias,  ///< The same flash at address 0: readable, debugger writes are ignored.
  kRam,         ///< Plain memory, lost with the power.
  kUniqueId,    ///< 12 factory bytes in QEMU's memory: readable, debugger writes are ignored.
  kFactory,     ///< System memory that QEMU lacks; the debugger sees it, the firmware does not.
  kDevice,      ///< Peripherals: every access keeps its width.
  kPpb,         ///< Private peripheral bus: debug registers are ours, the rest is QEMU's.
};

/// One range of the debugger's memory map. Whatever no region covers answers a bus fault.
struct MemoryRegion {
  uint32_t base;
  uint32_t size;  ///< Bytes.
  RegionKind kind;
};

/// Flash that is erased by sector and programmed through an STM32F4 controller.
struct FlashLayout {
  uint32_t base;
  std::span<const uint32_t> sector_bytes;  ///< Of each sector, from `base` up.
};

/// What makes virtual boards interchangeable: one row of a table in board_type.cc.
struct BoardType {
  std::string_view name;          ///< As in `--type`.
  std::string_view qemu_machine;  ///< QEMU's -M.
  std::string_view qemu_icount;   ///< QEMU's -icount: time counts instructions, exactly.
  uint32_t dpidr;                 ///< Debug port identity, as SWD reports it.
  uint32_t jtag_idcode;           ///< Debug port identity, as JTAG reports it.
  uint32_t ap_idr;                ///< Identity of its one access port.
  uint16_t core_part;             ///< Part number in the CoreSight ids of the core's ROM table.
  std::span<const MemoryRegion> memory;  ///< Ordered by base, not overlapping.
  const FlashLayout* flash;              ///< nullptr: images are loaded into RAM.
};

/// The type of that name, or nullptr.
const BoardType* FindBoardType(std::string_view name);

/// Names of all types, comma separated, for help and errors.
std::string BoardTypeNames();

/// The region that holds `address`, or nullptr (a bus fault).
const MemoryRegion* FindRegion(const BoardType& type, uint32_t address);

/// The first region of a kind, or nullptr.
const MemoryRegion* FindRegion(const BoardType& type, RegionKind kind);

/// Where the core finds its vectors after a reset: the flash, or the RAM that stands for it.
const MemoryRegion& BootRegion(const BoardType& type);

/// Bytes of all sectors.
uint32_t FlashBytes(const FlashLayout& layout);

}  // namespace tinyrig::agent::vboard
