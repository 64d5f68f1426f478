#include <cstdint>

#include "firmware/ports/cortex_m/caller.h"
#include "firmware/ports/cortex_m/core.h"
#include "firmware/ports/port.h"
#include "firmware/protocol/fault.h"

/// Every exception ends here. The handler only collects registers and returns to thread mode, into
/// device::OnFault() on a fresh process stack: there the program can still use the link, and a
/// second fault would be a fault again and no lock-up.

extern "C" {
extern uint8_t __stack_low[], __stack_high[];
extern const uint16_t tinyrig_probing_load;  // an instruction
}

namespace tinyrig::port {
namespace {

/// What the core pushes on exception entry.
struct Frame {
  uint32_t r0, r1, r2, r3, r12, lr, pc, xpsr;
};

constexpr uint32_t kStackingFailed = 1u << 4 | 1u << 12;  // CFSR: MSTKERR, STKERR
constexpr uint32_t kMmfarValid = 1u << 7;
constexpr uint32_t kFromThread = 1u << 3;  // EXC_RETURN
constexpr uint32_t kBasicFrame = 1u << 4;  // the same: no FPU registers were saved
constexpr uint32_t kFpuFrameBytes = 104;
/// A stack pointer further below the stack says nothing about what is on it.
constexpr uint32_t kReach = 256;
constexpr uint32_t kResetRequest = 0x05FA0004;
constexpr uint32_t kThumb = 1u << 24;
constexpr uint32_t kPaddedFrame = 1u << 9;  // in the pushed xPSR

constinit device::Fault record{};

uint32_t Address(const void* pointer) {
  return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(pointer));
}

bool HitGuard(const device::Fault& fault) {
  const uint32_t low = Address(__stack_low);
  const bool touched =
      (fault.cfsr & kMmfarValid) && fault.mmfar < low && fault.mmfar >= low - kGuardBytes;
  return touched || (fault.cfsr & kStackingFailed) || fault.sp < low;
}

[[noreturn]] void Report() { device::OnFault(record); }

/// Stands in for the registers that found no place on the stack.
void FindWhere(uint32_t pushed) {
  const uint32_t frame = record.exc_return & kBasicFrame ? sizeof(Frame) : kFpuFrameBytes;
  if (pushed + frame < Address(__stack_low) - kReach || pushed >= Address(__stack_high)) return;
  const Call call = FindCall(pushed + frame);
  record.pc = call.function;
  record.lr = call.return_address;
}

/// The fault of ReadIfPresent(): its load gives 0, and the program goes on behind it.
bool SkipProbingLoad(Frame* pushed) {
  if (pushed->pc != Address(&tinyrig_probing_load)) return false;
  pushed->r0 = 0;
  pushed->pc += sizeof(tinyrig_probing_load);
  Register(kCfsr) = Register(kCfsr);  // writing ones clears
  return true;
}

/// Returns the stack pointer with which to go on: a frame that "returns" into Report().
extern "C" [[gnu::used]] Frame* CollectFault(Frame* pushed, uint32_t exc_return) {
  // A fault of this handler: there is no way back to thread mode but a reset.
  if ((exc_return & kFromThread) == 0) {
    CountFault();
    Register(kAircr) = kResetRequest;
    for (;;) {
    }
  }
  uint32_t exception;
  asm volatile("mrs %0, ipsr" : "=r"(exception));
  record = {};
  record.exc_return = exc_return;
  record.cfsr = Register(kCfsr);
  record.hfsr = Register(kHfsr);
  record.mmfar = Register(kMmfar);
  record.bfar = Register(kBfar);
  record.sp = Address(pushed);
  const bool readable = !(record.cfsr & kStackingFailed) &&
                        Address(pushed) >= Address(__stack_low) &&
                        Address(pushed + 1) <= Address(__stack_high);
  if (readable && SkipProbingLoad(pushed)) return pushed;
  if (readable) {
    record.r0 = pushed->r0;
    record.r1 = pushed->r1;
    record.r2 = pushed->r2;
    record.r3 = pushed->r3;
    record.r12 = pushed->r12;
    record.lr = pushed->lr;
    record.pc = pushed->pc;
    record.xpsr = pushed->xpsr;
    record.sp += sizeof(Frame) + (pushed->xpsr & kPaddedFrame ? 4 : 0);
  } else {
    FindWhere(Address(pushed));
  }
  record.detail = exception;
  const auto kind = HitGuard(record)                   ? device::FaultKind::kStackOverflow
                    : exception >= 3 && exception <= 6 ? static_cast<device::FaultKind>(exception)
                                                       : device::FaultKind::kUnknown;
  record.kind = static_cast<uint8_t>(kind);
  Register(kCfsr) = record.cfsr;  // writing ones clears
  Register(kHfsr) = record.hfsr;

  Frame* next = reinterpret_cast<Frame*>(Address(__stack_high) - sizeof(Frame));
  *next = {};
  next->pc = Address(reinterpret_cast<const void*>(&Report)) & ~1u;
  next->xpsr = kThumb;
  return next;
}

}  // namespace

[[gnu::naked, gnu::noinline]] uint32_t ReadIfPresent(uintptr_t) {
  asm volatile(
      ".global tinyrig_probing_load\n"
      "tinyrig_probing_load: ldr r0, [r0]\n"
      "dsb\n"
      "bx lr\n");
}

}  // namespace tinyrig::port

extern "C" [[gnu::naked]] void Fault_Handler() {
  asm volatile(
      "mrs r0, psp\n"
      "mov r1, lr\n"
      "bl CollectFault\n"
      "msr psp, r0\n"
      "isb\n"
      "mvn lr, #2\n"  // EXC_RETURN 0xFFFFFFFD: to thread mode, process stack, no FPU state
      "bx lr\n");
}
