#pragma once

#include <cstdint>

/// What the files of this port share: register addresses of the CMSDK peripherals and of the core
/// (Arm DDI 0479, DDI 0403), and the port's own steps.
namespace tinyrig::port {

inline volatile uint32_t& Register(uintptr_t address) {
  return *reinterpret_cast<volatile uint32_t*>(address);
}

inline constexpr uintptr_t kUart = 0x40004000;       ///< CMSDK UART 0.
inline constexpr uintptr_t kDualTimer = 0x40002000;  ///< CMSDK dual timer, first half.
inline constexpr uintptr_t kUniqueId = 0x003FFFF0;   ///< 12 bytes planted by the virtual board.

inline constexpr uintptr_t kNvicEnable = 0xE000E100;
inline constexpr uintptr_t kNvicDisable = 0xE000E180;
inline constexpr uintptr_t kNvicClearPending = 0xE000E280;
inline constexpr uintptr_t kAircr = 0xE000ED0C;
inline constexpr uintptr_t kShcsr = 0xE000ED24;
inline constexpr uintptr_t kCfsr = 0xE000ED28;
inline constexpr uintptr_t kHfsr = 0xE000ED2C;
inline constexpr uintptr_t kMmfar = 0xE000ED34;
inline constexpr uintptr_t kBfar = 0xE000ED38;
inline constexpr uintptr_t kMpuControl = 0xE000ED94;
inline constexpr uintptr_t kMpuRegionBase = 0xE000ED9C;
inline constexpr uintptr_t kMpuRegionAttributes = 0xE000EDA0;

/// Bytes below RAM that no program may touch: what a stack overflow runs into.
inline constexpr uint32_t kGuardBytes = 0x00100000;

/// Turns on the MPU and the fault handlers: code memory becomes read-only as flash is, and memory
/// that QEMU has beyond the board type's RAM is no longer there.
void ProtectMemory();

/// Calibrates the counter.
void InitCounter();
void InitUart();

}  // namespace tinyrig::port
