#include <cstdint>

#include "firmware/ports/virtual_m4/board.h"

namespace tinyrig::port {
namespace {

struct Region {
  uint32_t base;
  uint32_t attributes;
};

// MPU_RASR: XN, access permission, memory type, size as a power of two, enable.
constexpr uint32_t kNoExecute = 1u << 28;
constexpr uint32_t kNoAccess = 0u << 24;
constexpr uint32_t kReadWrite = 1u << 24;
constexpr uint32_t kReadOnly = 5u << 24;
constexpr uint32_t kNormal = 1u << 19 | 1u << 17;
constexpr uint32_t SizeLog2(uint32_t log2) { return (log2 - 1) << 1; }
constexpr uint32_t kEnable = 1;

constexpr uint32_t kUnmapped = kNoExecute | kNoAccess | kNormal | kEnable;

// All of QEMU's code memory: the program, the blob, and the unique id at its end.
// The board type's RAM is 256 KiB; QEMU's 4 MiB go on behind it. Below RAM: kGuardBytes.
constexpr Region kRegions[] = {
    {0x00000000, kReadOnly | kNormal | SizeLog2(22) | kEnable},
    {0x1FF00000, kUnmapped | SizeLog2(20)},
    {0x20000000, kNoExecute | kReadWrite | kNormal | SizeLog2(18) | kEnable},
    {0x20040000, kUnmapped | SizeLog2(18)},
    {0x20080000, kUnmapped | SizeLog2(19)},
    {0x20100000, kUnmapped | SizeLog2(20)},
    {0x20200000, kUnmapped | SizeLog2(21)},
};
static_assert(0x20000000 - kGuardBytes == 0x1FF00000);

constexpr uint32_t kRegionValid = 1u << 4;
constexpr uint32_t kMpuEnable = 1u << 0 | 1u << 2;  // with the default map for the rest
constexpr uint32_t kFaultsEnable = 7u << 16;        // MemManage, BusFault, UsageFault

}  // namespace

void ProtectMemory() {
  uint32_t number = 0;
  for (const Region& region : kRegions) {
    Register(kMpuRegionBase) = region.base | kRegionValid | number++;
    Register(kMpuRegionAttributes) = region.attributes;
  }
  Register(kMpuControl) = kMpuEnable;
  Register(kShcsr) = Register(kShcsr) | kFaultsEnable;
  asm volatile("dsb\n isb" ::: "memory");
}

}  // namespace tinyrig::port
