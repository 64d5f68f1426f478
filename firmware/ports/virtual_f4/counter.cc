#include "firmware/ports/cortex_m/core.h"
#include "firmware/ports/cortex_m/empty_window.h"
#include "firmware/ports/port.h"
#include "firmware/ports/virtual_f4/board.h"

/// TIM2, the 32-bit timer of the STM32F4. QEMU clocks it with 1 GHz of virtual time, and under
/// `-icount shift=6` an instruction takes 64 ns. Divided by 64, a tick is one instruction: windows
/// are exact whatever phase they start in, up to 4.29 G instructions. TIM5 counts the same time in
/// ticks of 1024 instructions and tells of longer windows.
namespace tinyrig::port {
namespace {

constexpr uintptr_t kTimer2 = 0x40000000;
constexpr uintptr_t kTimer5 = 0x40000C00;
constexpr uintptr_t kControl1 = 0x00;
constexpr uintptr_t kEventGeneration = 0x14;
constexpr uintptr_t kPrescaler = 0x28;

// The period stays as reset leaves it: given one, QEMU would wake for it.
void Run(uintptr_t timer, uint32_t divider) {
  Register(timer + kPrescaler) = divider - 1;
  Register(timer + kEventGeneration) = 1;  // takes the prescaler over
  Register(timer + kControl1) = 1;
}

}  // namespace

// Assembly: the compiler may not choose how many instructions are between the two accesses.
[[gnu::naked, gnu::noinline]] void CounterStart() {
  asm volatile(
      "mov r1, #0x40000000\n"
      "movs r0, #0\n"
      "add r2, r1, #0xC00\n"
      "str r0, [r2, #0x24]\n"  // CNT of TIM5
      "str r0, [r1, #0x24]\n"  // CNT: from here
      "bx lr\n");
}

[[gnu::naked, gnu::noinline]] uint32_t CounterStop() {
  asm volatile(
      "mov r1, #0x40000000\n"
      "ldr r0, [r1, #0x24]\n"  // CNT: to here
      "add r2, r1, #0xC00\n"
      "ldr r2, [r2, #0x24]\n"  // CNT of TIM5
      "ldr r1, =empty_window_ticks\n"
      "ldr r1, [r1]\n"
      "mvn r3, #0\n"
      "cmp r2, r3, lsr #10\n"  // within a coarse tick of the end is too long too
      "ite lo\n"
      "sublo r0, r0, r1\n"
      "movhs r0, r3\n"  // kTicksOverflow
      "bx lr\n"
      ".ltorg\n");
}

void InitCounter() {
  Run(kTimer5, 64 * 1024);
  Run(kTimer2, 64);
  CalibrateEmptyWindow();
}

}  // namespace tinyrig::port
