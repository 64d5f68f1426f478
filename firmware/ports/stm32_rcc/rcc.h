#pragma once

#include <cstdint>

#include "firmware/ports/cortex_m/core.h"

/// Clocks of STM32F4 and STM32F7: the reset and clock control of both has the same layout (RM0402
/// section 6, RM0410 section 5). Every wait ends by itself, so the same image also starts where
/// these registers are missing.
namespace tinyrig::port {

/// Registers that enable a peripheral's clock.
inline constexpr uintptr_t kAhb1Enable = 0x40023830;
inline constexpr uintptr_t kApb1Enable = 0x40023840;

/// Turns a peripheral's clock on. Returns when it runs (RM0402 6.3: two bus cycles).
inline void EnableClock(uintptr_t enable, uint32_t bit) {
  Register(enable) = Register(enable) | 1u << bit;
  [[maybe_unused]] const uint32_t read = Register(enable);
}

/// How the core gets to full speed. The PLL's input is 2 MHz, from the 8 MHz that the ST-LINK gives
/// (HSE, bypassed) or else from the 16 MHz oscillator in the part, which is right to one percent.
struct ClockPlan {
  uint32_t core_hz;        ///< Half of 2 MHz times `multiplier`.
  uint32_t multiplier;     ///< PLLN.
  uint32_t flash_control;  ///< FLASH_ACR: wait states, caches.
  uint32_t apb1_divider;   ///< 2 or 4.
  uint32_t apb2_divider;   ///< 1 or 2.
  bool over_drive;         ///< STM32F7 above 180 MHz (RM0410 4.1.4).
};

struct Clocks {
  uint32_t core_hz;
  uint32_t apb1_hz;
  uint32_t apb1_timer_hz;
};

/// The clocks that run now: those of the plan, or 16 MHz everywhere when the PLL could not be
/// started. REQUIRES: as after reset.
Clocks StartClocks(const ClockPlan& plan);

/// Port D, pins 8 and 9 become transmitter and receiver of USART3, and that is clocked: the virtual
/// COM port of an ST-LINK on a Nucleo-144 (UM1974, 6.9).
void ConnectUsart3();

}  // namespace tinyrig::port
