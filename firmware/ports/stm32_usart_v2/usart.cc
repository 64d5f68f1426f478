#include "firmware/ports/stm32_usart_v2/usart.h"

#include "firmware/ports/cortex_m/sleep.h"
#include "firmware/ports/port.h"

namespace tinyrig::port {
namespace {

constexpr uintptr_t kControl1 = 0x00;
constexpr uintptr_t kControl3 = 0x08;
constexpr uintptr_t kBaudRate = 0x0C;
constexpr uintptr_t kStatus = 0x1C;
constexpr uintptr_t kReceiveData = 0x24;
constexpr uintptr_t kTransmitData = 0x28;

constexpr uint32_t kReceived = 1u << 5;  // RXNE
constexpr uint32_t kCanSend = 1u << 7;   // TXE
constexpr uint32_t kEnable = 1u << 0;
constexpr uint32_t kReceiver = 1u << 2;
constexpr uint32_t kTransmitter = 1u << 3;
constexpr uint32_t kReceiveInterrupt = 1u << 5;
constexpr uint32_t kNoOverrun = 1u << 12;  // OVRDIS

bool Received() { return (Register(kUsart + kStatus) & kReceived) != 0; }

}  // namespace

void InitUsart(uint32_t clock_hz, uint32_t baud_hz) {
  // A byte that comes too early replaces the last: the CRC of the frame shows it, and there is no
  // overrun flag that would keep the interrupt pending.
  Register(kUsart + kControl3) = kNoOverrun;
  Register(kUsart + kBaudRate) = (clock_hz + baud_hz / 2) / baud_hz;
  Register(kUsart + kControl1) = kEnable | kReceiveInterrupt | kTransmitter | kReceiver;
}

bool ReadByte(uint8_t* byte) {
  if (!Received()) return false;
  *byte = static_cast<uint8_t>(Register(kUsart + kReceiveData));
  return true;
}

void SleepUntilByte() { SleepUnless(kUsartIrq, Received); }

void Write(const uint8_t* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    while ((Register(kUsart + kStatus) & kCanSend) == 0) {
    }
    Register(kUsart + kTransmitData) = bytes[i];
  }
}

}  // namespace tinyrig::port
