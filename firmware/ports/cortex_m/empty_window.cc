#include "firmware/ports/cortex_m/empty_window.h"

#include "firmware/ports/port.h"

namespace tinyrig::port {

extern "C" {
[[gnu::used]] uint32_t empty_window_ticks;
}

void CalibrateEmptyWindow() {
  empty_window_ticks = 0;
  uint32_t ticks;
  asm volatile(
      "bl %c1\n"
      "bl %c2\n"
      "mov %0, r0\n"
      : "=r"(ticks)
      : "i"(CounterStart), "i"(CounterStop)
      : "r0", "r1", "r2", "r3", "ip", "lr", "cc", "memory");
  empty_window_ticks = ticks;
}

}  // namespace tinyrig::port
