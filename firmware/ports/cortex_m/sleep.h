#pragma once

#include <cstdint>

#include "firmware/ports/cortex_m/core.h"
#include "port_config.h"

namespace tinyrig::port {

inline void SetInterruptBit(uintptr_t registers, uint32_t irq) {
  Register(registers + irq / 32 * 4) = 1u << irq % 32;
}

/// Sleeps until interrupt `link_irq` or the doorbell is pending; does not sleep when `ready()`.
/// Both exist only in here and are never taken: masked by PRIMASK, a pending interrupt still wakes.
/// PRIMASK stays short because it turns every fault into a HardFault.
///
/// `link_irq` is cleared before the look at `ready()`: a byte that comes after it makes the
/// interrupt pending again. The doorbell is cleared only afterwards: it may have rung since the
/// caller looked at the rings, and the caller looks there again when this returns.
template <typename Ready>
void SleepUnless(uint32_t link_irq, Ready ready) {
  static_assert(kConfigDoorbellIrq < 240);
  asm volatile("cpsid i" ::: "memory");
  SetInterruptBit(kNvicClearPending, link_irq);
  SetInterruptBit(kNvicEnable, link_irq);
  SetInterruptBit(kNvicEnable, kConfigDoorbellIrq);
  if (!ready()) asm volatile("dsb\n wfi" ::: "memory");
  SetInterruptBit(kNvicDisable, link_irq);
  SetInterruptBit(kNvicDisable, kConfigDoorbellIrq);
  SetInterruptBit(kNvicClearPending, link_irq);
  SetInterruptBit(kNvicClearPending, kConfigDoorbellIrq);
  asm volatile("dsb\n isb\n cpsie i" ::: "memory");
}

}  // namespace tinyrig::port
