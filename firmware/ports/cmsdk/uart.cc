#include "firmware/ports/cmsdk/cmsdk.h"
#include "firmware/ports/cortex_m/sleep.h"
#include "firmware/ports/port.h"

/// CMSDK UART 0, polled: its receive interrupt only ends a sleep, so that an idle board costs its
/// host nothing.
namespace tinyrig::port {
namespace {

constexpr uintptr_t kUart = 0x40004000;
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
constexpr uint32_t kRxIrq = 0;

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
  Register(kInterruptClear) = kRxInterrupt;
  SleepUnless(kRxIrq, [] { return (Register(kState) & kRxFull) != 0; });
  Register(kInterruptClear) = kRxInterrupt;
}

void Write(const uint8_t* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    while (Register(kState) & kTxFull) {
    }
    Register(kData) = bytes[i];
  }
}

}  // namespace tinyrig::port
