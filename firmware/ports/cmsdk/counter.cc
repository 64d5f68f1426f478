#include "firmware/ports/cmsdk/cmsdk.h"
#include "firmware/ports/cortex_m/empty_window.h"
#include "firmware/ports/port.h"

/// The first half of the CMSDK dual timer: 32 bits, counting down at 25 MHz of QEMU's virtual time.
/// Under `-icount shift=6` an instruction takes 64 ns, so a window of N instructions has
/// floor(1.6 * N) ticks and N = ceil(ticks * 5 / 8), exactly, up to 2.6 G instructions. Writing
/// LOAD restarts the tick's phase too, so that the same window always reads the same. SysTick would
/// wrap every 10.5 M instructions, and its handler would be counted. A longer window shows in the
/// raw interrupt status, which Start clears: the timer passed zero.
namespace tinyrig::port {

// The window between the two accesses, when it is empty, takes a whole number of ticks: three
// instructions more make it so. Taking that off then leaves floor(1.6 * N) for every N. Hence
// assembly: the compiler may not choose how many instructions there are. The counter test measures
// N = 0..40, 1000, 10^6 and 10^8.
[[gnu::naked, gnu::noinline]] void CounterStart() {
  asm volatile(
      "ldr r1, =0x40002000\n"
      "movs r0, #0x82\n"  // enabled, free running, 32 bits, not divided, no interrupt
      "mvn r2, #0\n"
      "str r0, [r1, #12]\n"  // INTCLR
      "str r0, [r1, #8]\n"   // CONTROL
      "str r2, [r1, #0]\n"   // LOAD: from here
      "bx lr\n"
      ".ltorg\n");
}

[[gnu::naked, gnu::noinline]] uint32_t CounterStop() {
  asm volatile(
      "ldr r1, =0x40002000\n"
      "nop\n"
      "nop\n"
      "nop\n"
      "ldr r0, [r1, #4]\n"   // VALUE: to here
      "ldr r3, [r1, #16]\n"  // RIS
      "mvns r0, r0\n"
      "movs r2, #0\n"
      "str r2, [r1, #8]\n"  // stopped: a running timer would keep a sleeping emulator busy
      "ldr r1, =empty_window_ticks\n"
      "ldr r1, [r1]\n"
      "cbnz r3, 1f\n"
      "adds r2, r0, #1\n"  // all ones: at zero, and not yet in RIS
      "beq 1f\n"
      "subs r0, r0, r1\n"
      "bx lr\n"
      "1: mvn r0, #0\n"  // kTicksOverflow
      "bx lr\n"
      ".ltorg\n");
}

void InitCounter() { CalibrateEmptyWindow(); }

}  // namespace tinyrig::port
