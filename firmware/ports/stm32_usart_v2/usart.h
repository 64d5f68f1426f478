#pragma once

#include <cstdint>

/// The link over a USART of an STM32F7 (RM0410, section 34): one byte deep, polled.
namespace tinyrig::port {

/// Provided by the port, which also clocks the USART and its pins.
extern const uintptr_t kUsart;
extern const uint32_t kUsartIrq;

/// 8 bits, no parity, one stop bit. `clock_hz` is the USART's own.
void InitUsart(uint32_t clock_hz, uint32_t baud_hz);

/// For the port's WaitForByte().
void SleepUntilByte();

}  // namespace tinyrig::port
