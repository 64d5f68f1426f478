#pragma once

#include <cstdint>

/// The core's own registers (Arm DDI 0403, B3), and what common code and a port owe each other.
namespace tinyrig::port {

inline volatile uint32_t& Register(uintptr_t address) {
  return *reinterpret_cast<volatile uint32_t*>(address);
}

inline constexpr uintptr_t kNvicEnable = 0xE000E100;  ///< One bit an interrupt, 32 a word.
inline constexpr uintptr_t kNvicDisable = 0xE000E180;
inline constexpr uintptr_t kNvicClearPending = 0xE000E280;
inline constexpr uintptr_t kVtor = 0xE000ED08;
inline constexpr uintptr_t kAircr = 0xE000ED0C;
inline constexpr uintptr_t kShcsr = 0xE000ED24;
inline constexpr uintptr_t kCfsr = 0xE000ED28;
inline constexpr uintptr_t kHfsr = 0xE000ED2C;
inline constexpr uintptr_t kMmfar = 0xE000ED34;
inline constexpr uintptr_t kBfar = 0xE000ED38;

/// Provided by the port: bytes below RAM that its MPU regions make inaccessible. A stack overflow
/// runs into them.
extern const uint32_t kGuardBytes;

/// Provided by the port: sets the MPU (mpu.h). Called before main(), with statics initialised.
void ProtectMemory();

/// Reads a word that may not be there: 0 when the bus or the MPU refuses it.
uint32_t ReadIfPresent(uintptr_t address);

}  // namespace tinyrig::port
