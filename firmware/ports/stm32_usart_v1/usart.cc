#include "firmware/ports/stm32_usart_v1/usart.h"

#include "firmware/ports/cortex_m/sleep.h"
#include "firmware/ports/port.h"

namespace tinyrig::port {
namespace {

constexpr uintptr_t kStatus = 0x00;
constexpr uintptr_t kData = 0x04;
constexpr uintptr_t kBaudRate = 0x08;
constexpr uintptr_t kControl1 = 0x0C;

constexpr uint32_t kReceived = 1u << 5;  // RXNE
constexpr uint32_t kCanSend = 1u << 7;   // TXE
constexpr uint32_t kEnable = 1u << 13;
constexpr uint32_t kReceiveInterrupt = 1u << 5;
constexpr uint32_t kTransmitter = 1u << 3;
constexpr uint32_t kReceiver = 1u << 2;

bool Received() { return (Register(kUsart + kStatus) & kReceived) != 0; }

}  // namespace

void InitUsart(uint32_t clock_hz, uint32_t baud_hz) {
  Register(kUsart + kBaudRate) = (clock_hz + baud_hz / 2) / baud_hz;
  Register(kUsart + kControl1) = kEnable | kReceiveInterrupt | kTransmitter | kReceiver;
}

bool ReadByte(uint8_t* byte) {
  if (!Received()) return false;
  // Also clears an overrun, which the CRC of the frame will show.
  *byte = static_cast<uint8_t>(Register(kUsart + kData));
  return true;
}

void WaitForByte() { SleepUnless(kUsartIrq, Received); }

void Write(const uint8_t* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    while ((Register(kUsart + kStatus) & kCanSend) == 0) {
    }
    Register(kUsart + kData) = bytes[i];
  }
}

}  // namespace tinyrig::port
