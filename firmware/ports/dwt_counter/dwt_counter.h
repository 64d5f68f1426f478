#pragma once

#include <cstdint>

/// Cycles of the core, counted by its own debug unit (Arm DDI 0403, C1.8). It is an optional part
/// of a core, and of an emulator: hence the check that it moves.
namespace tinyrig::port {

/// Starts the counter, and TIM2 of an STM32 to notice when it wrapped. TIM2 is clocked already,
/// with `timer_hz`. False: nothing is counted.
bool InitCycleCounter(uint32_t core_hz, uint32_t timer_hz);

}  // namespace tinyrig::port
