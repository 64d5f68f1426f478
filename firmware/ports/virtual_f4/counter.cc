#include "firmware/ports/cortex_m/core.h"
#include "firmware/ports/cortex_m/empty_window.h"
#include "firmware/ports/port.h"
#include "firmware/ports/virtual_f4/board.h"

/// TIM2, the 32-bit timer of the STM32F4. QEMU clocks it with 1 GHz of virtual time, and under
/// `-icount shift=6` an instruction takes 64 ns. Divided by 64, a tick is one instruction: windows
/// are exact whatever phase they start in, up to 4.29 G instructions.
namespace tinyrig::port {
namespace {

constexpr uintptr_t kTimer2 = 0x40000000;
constexpr uintptr_t kControl1 = kTimer2 + 0x00;
constexpr uintptr_t kEventGeneration = kTimer2 + 0x14;
constexpr uintptr_t kPrescaler = kTimer2 + 0x28;

}  // namespace

// Assembly: the compiler may not choose how many instructions are between the two accesses.
[[gnu::naked, gnu::noinline]] void CounterStart() {
  asm volatile(
      "mov r1, #0x40000000\n"
      "movs r0, #0\n"
      "str r0, [r1, #0x24]\n"  // CNT: from here
      "bx lr\n");
}

[[gnu::naked, gnu::noinline]] uint32_t CounterStop() {
  asm volatile(
      "mov r1, #0x40000000\n"
      "ldr r0, [r1, #0x24]\n"  // CNT: to here
      "ldr r1, =empty_window_ticks\n"
      "ldr r1, [r1]\n"
      "subs r0, r0, r1\n"
      "bx lr\n"
      ".ltorg\n");
}

void InitCounter() {
  // The period stays as reset leaves it: given one, QEMU would wake for it.
  Register(kPrescaler) = 64 - 1;
  Register(kEventGeneration) = 1;  // takes the prescaler over
  Register(kControl1) = 1;
  CalibrateEmptyWindow();
}

}  // namespace tinyrig::port
