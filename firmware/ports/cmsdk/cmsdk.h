#pragma once

#include <cstdint>

/// Peripherals of Arm's Cortex-M system design kit (DDI 0479) as QEMU's mps2 machines have them.
namespace tinyrig::port {

void InitUart();
/// Calibrates the counter.
void InitCounter();

}  // namespace tinyrig::port
