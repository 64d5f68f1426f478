#include "firmware/ports/port.h"
#include "firmware/ports/virtual_m4/board.h"
#include "port_config.h"

/// CMSDK UART 0, polled. Its receive interrupt and the doorbell exist only while the board sleeps,
/// and are never taken: pending, they end the sleep, so that an idle board costs its host nothing.
namespace tinyrig::port {
namespace {

constexpr uintptr_t kData = kUart + 0x00;
constexpr uintptr_t kState = kUart + 0x04;
constexpr uintptr_t kControl = kUart + 0x08;
constexpr uintptr_t kInterruptClear = kUart + 0x0C;
constexpr uintptr_t kBaudDivider = kUart + 0x10;

constexpr uint32_t kTxFull = 1u << 0;
constexpr uint32_t kRxFull = 1u << 1;
constexpr uint32_t kTxEnable = 1u << 0;
constexpr uint32_t kRxEnable = 1u << 1;
constexpr uint32_t kRxInterruptEnable = 1u << 3;
constexpr uint32_t kRxInterrupt = 1u << 1;
constexpr uint32_t kRxIrq = 1u << 0;  // IRQ 0
constexpr uint32_t kDoorbell = 1u << kConfigDoorbellIrq;
static_assert(kConfigDoorbellIrq < 32);

}  // namespace

void InitUart() {
  Register(kBaudDivider) = 25000000 / 115200;  // QEMU ignores the rate but wants it valid
  Register(kControl) = kTxEnable | kRxEnable | kRxInterruptEnable;
}

bool ReadByte(uint8_t* byte) {
  if ((Register(kState) & kRxFull) == 0) return false;
  *byte = static_cast<uint8_t>(Register(kData));
  return true;
}

void WaitForByte() {
  // Masked by PRIMASK an interrupt still wakes. Only here: PRIMASK would turn every fault into a
  // HardFault. In this order: a byte that comes after the look at the buffer makes the interrupt
  // pending again. The doorbell is cleared only afterwards: it may have rung since the caller
  // looked at the rings, and the caller looks there again when this returns.
  asm volatile("cpsid i" ::: "memory");
  Register(kInterruptClear) = kRxInterrupt;
  Register(kNvicClearPending) = kRxIrq;
  Register(kNvicEnable) = kRxIrq | kDoorbell;
  if ((Register(kState) & kRxFull) == 0) asm volatile("dsb\n wfi" ::: "memory");
  Register(kNvicDisable) = kRxIrq | kDoorbell;
  Register(kInterruptClear) = kRxInterrupt;
  Register(kNvicClearPending) = kRxIrq | kDoorbell;
  asm volatile("dsb\n isb\n cpsie i" ::: "memory");
}

void Write(const uint8_t* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    while (Register(kState) & kTxFull) {
    }
    Register(kData) = bytes[i];
  }
}

}  // namespace tinyrig::port
