#include "firmware/ports/nucleo_f767zi/caches.h"

#include <cstdint>

#include "firmware/ports/cortex_m/core.h"

namespace tinyrig::port {
namespace {

constexpr uintptr_t kConfigurationControl = 0xE000ED14;
constexpr uint32_t kDataCache = 1u << 16;
constexpr uint32_t kInstructionCache = 1u << 17;
constexpr uintptr_t kCacheSize = 0xE000ED80;
constexpr uintptr_t kCacheSelect = 0xE000ED84;
constexpr uintptr_t kInvalidateInstructions = 0xE000EF50;
constexpr uintptr_t kInvalidateSetWay = 0xE000EF60;
constexpr uintptr_t kCleanSetWay = 0xE000EF6C;

void Barrier() { asm volatile("dsb\n isb" ::: "memory"); }

/// One operation for each line of the data cache: 16 KiB in 4 ways of lines of 32 bytes, and
/// nothing at all where there is no cache.
void ForEachLine(uintptr_t operation) {
  Register(kCacheSelect) = 0;
  Barrier();
  const uint32_t size = Register(kCacheSize);
  if (size == 0) return;
  const uint32_t last_set = (size >> 13) & 0x7FFF;
  const uint32_t last_way = (size >> 3) & 0x3FF;
  const uint32_t way_shift = last_way == 0 ? 0 : __builtin_clz(last_way);
  for (uint32_t set = 0; set <= last_set; ++set) {
    for (uint32_t way = 0; way <= last_way; ++way) {
      Register(operation) = set << 5 | way << way_shift;
    }
  }
  Barrier();
}

}  // namespace

void EnableCaches() {
  Barrier();
  Register(kInvalidateInstructions) = 0;
  Barrier();
  Register(kConfigurationControl) = Register(kConfigurationControl) | kInstructionCache;
  ForEachLine(kInvalidateSetWay);
  Register(kConfigurationControl) = Register(kConfigurationControl) | kDataCache;
  Barrier();
}

void CleanDataCache() { ForEachLine(kCleanSetWay); }

}  // namespace tinyrig::port
