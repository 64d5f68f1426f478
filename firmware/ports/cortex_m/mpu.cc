#include "firmware/ports/cortex_m/mpu.h"

#include "firmware/ports/cortex_m/core.h"

namespace tinyrig::port {
namespace {

constexpr uintptr_t kMpuControl = 0xE000ED94;
constexpr uintptr_t kMpuRegionBase = 0xE000ED9C;
constexpr uintptr_t kMpuRegionAttributes = 0xE000EDA0;

constexpr uint32_t kRegionValid = 1u << 4;
constexpr uint32_t kEnable = 1;
constexpr uint32_t kMpuEnable = 1u << 0 | 1u << 2;  // with the default map for the rest
constexpr uint32_t kFaultsEnable = 7u << 16;        // MemManage, BusFault, UsageFault

}  // namespace

void SetRegions(std::span<const Region> regions) {
  uint32_t number = 0;
  for (const Region& region : regions) {
    Register(kMpuRegionBase) = region.base | kRegionValid | number++;
    Register(kMpuRegionAttributes) = static_cast<uint32_t>(region.access) | region.caching |
                                     (region.log2_bytes - 1u) << 1 | kEnable;
  }
  Register(kMpuControl) = kMpuEnable;
  Register(kShcsr) = Register(kShcsr) | kFaultsEnable;
  asm volatile("dsb\n isb" ::: "memory");
}

}  // namespace tinyrig::port
