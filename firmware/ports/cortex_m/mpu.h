#pragma once

#include <cstdint>
#include <span>

/// The memory protection unit of ARMv7-M (Arm DDI 0403, B3.5): eight regions, the one with the
/// highest number counts where they overlap. Elsewhere the default map holds.
namespace tinyrig::port {

enum class Access : uint32_t {
  kFlash = 5u << 24,                 ///< Read-only, may be executed; stores fault.
  kReadOnly = 1u << 28 | 5u << 24,   ///< Data.
  kReadWrite = 1u << 28 | 1u << 24,  ///< Data.
  kNone = 1u << 28,                  ///< Everything faults.
};

struct Region {
  uint32_t base;       ///< A multiple of the size.
  uint8_t log2_bytes;  ///< 5 to 32.
  Access access;
  /// Caching (TEX, C, B of MPU_RASR). Write-through by default, so that a debugger sees in memory
  /// what the program wrote.
  uint32_t caching = 1u << 17;
};

/// At most eight. Turns on the MPU, and MemManage, BusFault and UsageFault.
void SetRegions(std::span<const Region> regions);

}  // namespace tinyrig::port
