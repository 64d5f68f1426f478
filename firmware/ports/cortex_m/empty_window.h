#pragma once

#include <cstdint>

namespace tinyrig::port {

extern "C" {
/// Ticks that CounterStop() takes off; its assembly names it.
extern uint32_t empty_window_ticks;
}

/// Measures a window without an instruction. REQUIRES: the counter runs, and CounterStart() and
/// CounterStop() change no registers but r0 to r3 and ip.
void CalibrateEmptyWindow();

}  // namespace tinyrig::port
