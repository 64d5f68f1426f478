#include <cstdint>

#include "firmware/ports/cortex_m/core.h"

/// Reset: the program runs in thread mode on the process stack, so that handlers have a stack of
/// their own that an overflow cannot reach.

extern "C" {
extern uint32_t __handler_stack_high;
extern uint32_t __code_start, __data_start, __data_end, __data_load, __bss_start, __bss_end;

int main();
void Reset_Handler();
void Fault_Handler();

[[noreturn]] void StartProgram() {
  const uint32_t* from = &__data_load;
  for (uint32_t* to = &__data_start; to != &__data_end;) *to++ = *from++;
  for (uint32_t* to = &__bss_start; to != &__bss_end;) *to++ = 0;
  tinyrig::port::Register(tinyrig::port::kVtor) = reinterpret_cast<uintptr_t>(&__code_start);
  tinyrig::port::ProtectMemory();
  main();
  __builtin_trap();
}

// Before any code of the compiler's own: stack pointer, floating point unit.
// FPCCR = 0: exception frames always have eight words; nothing here needs the FPU saved.
[[gnu::naked]] void Reset_Handler() {
  asm volatile(
      "ldr r0, =__stack_high\n"
      "msr psp, r0\n"
      "movs r0, #2\n"
      "msr control, r0\n"
      "isb\n"
      "ldr r0, =0xE000ED88\n"  // CPACR: full access to CP10 and CP11
      "ldr r1, [r0]\n"
      "orr r1, r1, #0x00F00000\n"
      "str r1, [r0]\n"
      "ldr r0, =0xE000EF34\n"  // FPCCR
      "movs r1, #0\n"
      "str r1, [r0]\n"
      "dsb\n"
      "isb\n"
      "b StartProgram\n"
      ".ltorg\n");
}
}

namespace {

using Handler = void (*)();

struct VectorTable {
  void* stack;
  Handler system[15];
  Handler interrupts[112];  // as many as the largest part has, STM32F7
};

// No interrupt is ever taken (see sleep.h), but a stray one must not run wild.
[[gnu::section(".vectors"), gnu::used]] constexpr VectorTable kVectors = [] {
  VectorTable table{};
  table.stack = &__handler_stack_high;
  for (Handler& handler : table.system) handler = Fault_Handler;
  for (Handler& handler : table.interrupts) handler = Fault_Handler;
  table.system[0] = Reset_Handler;
  return table;
}();

}  // namespace
