#include "firmware/ports/dwt_counter/dwt_counter.h"

#include <algorithm>

#include "firmware/ports/cortex_m/core.h"
#include "firmware/ports/cortex_m/empty_window.h"
#include "firmware/ports/port.h"

/// CYCCNT has 32 bits and wraps after 20 to 43 seconds at full speed, and a debugger that leaves
/// may turn it off. TIM2 runs beside it a thousand times slower, so a window that CYCCNT did not
/// count is known as one; nothing is interrupted for that. Not exact: caches and flash make the
/// same code take other cycles.
namespace tinyrig::port {
namespace {

constexpr uintptr_t kDemcr = 0xE000EDFC;
constexpr uint32_t kTraceEnable = 1u << 24;
constexpr uintptr_t kDwtControl = 0xE0001000;
constexpr uint32_t kCycleCountEnable = 1u << 0;
constexpr uintptr_t kCycleCount = 0xE0001004;
constexpr uintptr_t kDwtLock = 0xE0001FB0;  // Cortex-M7 locks the unit after reset
constexpr uint32_t kUnlock = 0xC5ACCE55;

constexpr uintptr_t kTimer2 = 0x40000000;
constexpr uintptr_t kTimerControl = kTimer2 + 0x00;
constexpr uintptr_t kTimerEvent = kTimer2 + 0x14;
constexpr uintptr_t kTimerCount = kTimer2 + 0x24;
constexpr uintptr_t kTimerPrescaler = kTimer2 + 0x28;
constexpr uint32_t kDivider = 1000;

constinit uint32_t start_cycles = 0;
constinit uint32_t cycles_per_tick = kDivider;  // of TIM2

void EnableCycleCount() {
  Register(kDemcr) = Register(kDemcr) | kTraceEnable;
  Register(kDwtControl) = Register(kDwtControl) | kCycleCountEnable;
}

}  // namespace

// Registers only, and none of the floating point ones: CalibrateEmptyWindow() asks for that.
[[gnu::noinline]] void CounterStart() {
  EnableCycleCount();
  Register(kTimerEvent) = 1;  // TIM2 and its prescaler from 0
  start_cycles = Register(kCycleCount);
}

[[gnu::noinline]] uint32_t CounterStop() {
  const uint32_t cycles = Register(kCycleCount) - start_cycles;
  // With doubt of a tick or two: a window that close to the limit counts as too long.
  const uint64_t timed = uint64_t{cycles_per_tick} * Register(kTimerCount);
  const uint64_t doubt = uint64_t{2} * cycles_per_tick;
  const bool wrapped = timed + doubt >= device::kTicksOverflow;
  const bool stood_still = cycles + doubt < timed;
  if (wrapped || stood_still) return device::kTicksOverflow;
  return cycles - std::min(cycles, empty_window_ticks);
}

bool InitCycleCounter(uint32_t core_hz, uint32_t timer_hz) {
  Register(kTimerPrescaler) = kDivider - 1;
  Register(kTimerControl) = 1;
  cycles_per_tick = kDivider * (core_hz / timer_hz);

  Register(kDemcr) = Register(kDemcr) | kTraceEnable;  // before the unit can be written
  Register(kDwtLock) = kUnlock;
  EnableCycleCount();
  const uint32_t before = Register(kCycleCount);
  for (int i = 0; i < 100; ++i) asm volatile("nop");
  if (Register(kCycleCount) == before) return false;

  // The cheapest of several: the first ones also fill the caches.
  uint32_t cheapest = UINT32_MAX;
  for (int i = 0; i < 8; ++i) {
    CalibrateEmptyWindow();
    cheapest = std::min(cheapest, empty_window_ticks);
  }
  empty_window_ticks = cheapest;
  return true;
}

}  // namespace tinyrig::port
