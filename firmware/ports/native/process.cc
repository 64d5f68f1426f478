#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstddef>
#include <cstdint>

#include "firmware/ports/native/memory.h"
#include "firmware/ports/port.h"
#include "firmware/protocol/fault.h"

/// From the host's main() to the firmware's, on a stack in the board's RAM, so that its use can be
/// measured; and signals made the faults of a board.

extern "C" {
extern std::byte __stack_low[], __stack_high[];

// The linker's --wrap gives the firmware's main() the first name, and the C library's start the
// second.
int __real_main();
int __wrap_main(int argc, char** argv);
}

namespace tinyrig::port {
namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};

constinit device::Fault record{};
sigjmp_buf after_fault;
ucontext_t program;
constexpr size_t kSignalStack = 64 * 1024;  // a frame holds all that a wide core has in registers

uint32_t Address(const void* pointer) {
  return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(pointer));
}

device::FaultKind KindOf(int signal, uintptr_t address) {
  const auto low = reinterpret_cast<uintptr_t>(__stack_low);
  if (signal == SIGSEGV && address < low && address >= low - kGuardBytes) {
    return device::FaultKind::kStackOverflow;
  }
  if (signal == SIGSEGV) return device::FaultKind::kMemManage;
  if (signal == SIGBUS) return device::FaultKind::kBusFault;
  return device::FaultKind::kUsageFault;
}

/// Program counter and stack pointer, where this library's context is one of those known here.
template <typename Machine>
void TakeRegisters(const Machine& machine) {
  if constexpr (requires { machine.gregs; }) {  // x86-64
    record.pc = static_cast<uint32_t>(machine.gregs[16]);
    record.sp = static_cast<uint32_t>(machine.gregs[15]);
  } else if constexpr (requires { machine.pc; }) {  // AArch64
    record.pc = static_cast<uint32_t>(machine.pc);
    record.sp = static_cast<uint32_t>(machine.sp);
  }
}

void OnSignal(int signal, siginfo_t* info, void* context) {
  record = {};
  record.detail = static_cast<uint32_t>(signal);
  record.mmfar = Address(info->si_addr);
  record.kind = static_cast<uint8_t>(KindOf(signal, reinterpret_cast<uintptr_t>(info->si_addr)));
  TakeRegisters(static_cast<const ucontext_t*>(context)->uc_mcontext);
  siglongjmp(after_fault, 1);
}

void CatchFaults() {
  stack_t stack{};
  stack.ss_sp =
      mmap(nullptr, kSignalStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  stack.ss_size = kSignalStack;
  if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, nullptr) != 0) GiveUp("the signal stack");
  struct sigaction action {};
  action.sa_sigaction = OnSignal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (const int signal : kSignals) {
    if (sigaction(signal, &action, nullptr) != 0) GiveUp("a signal handler");
  }
}

void Program() {
  if (sigsetjmp(after_fault, 1) != 0) device::OnFault(record);
  __real_main();
  GiveUp("the program returned");
}

}  // namespace
}  // namespace tinyrig::port

int __wrap_main(int argc, char** argv) {
  using namespace tinyrig::port;
  if (argc != 2) GiveUp("started by hand? The agent's driver `native` starts it; see its README");
  MapMemory(argv[1]);
  CatchFaults();
  if (getcontext(&program) != 0) GiveUp("the program's context");
  program.uc_stack.ss_sp = __stack_low;
  program.uc_stack.ss_size = static_cast<size_t>(__stack_high - __stack_low);
  makecontext(&program, Program, 0);
  setcontext(&program);
  GiveUp("the program's stack");
}
