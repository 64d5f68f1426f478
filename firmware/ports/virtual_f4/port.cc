#include "firmware/ports/port.h"

#include <cstring>

#include "firmware/ports/cortex_m/core.h"
#include "firmware/ports/cortex_m/mpu.h"
#include "firmware/ports/stm32_usart_v1/usart.h"
#include "firmware/ports/virtual_f4/board.h"
#include "port_config.h"

namespace tinyrig::port {
namespace {

// QEMU has no factory id at 0x1FFF7A10: the virtual board keeps a copy of it at the end of the RAM
// that QEMU has beyond the part's.
constexpr uint32_t kPlantedId = 0x2002FFF0;

// Flash and its alias; below RAM kGuardBytes; behind the part's RAM what QEMU has in excess.
constexpr Region kRegions[] = {
    {0x08000000, 20, Access::kFlash}, {0x00000000, 20, Access::kFlash},
    {0x1FF00000, 20, Access::kNone},  {0x20000000, 17, Access::kReadWrite},
    {0x20020000, 16, Access::kNone},  {kPlantedId & ~31u, 5, Access::kReadOnly},
};

constexpr uint32_t kAnyRate = 115200;  // QEMU has no bit times

}  // namespace

constinit const uint32_t kGuardBytes = 0x00100000;
constinit const uintptr_t kUsart = 0x40011000;  // USART1, QEMU's first serial port
constinit const uint32_t kUsartIrq = 37;

void ProtectMemory() { SetRegions(kRegions); }

const Info& GetInfo() {
  static constexpr Info kInfo = kConfigInfo;
  return kInfo;
}

void ReadUniqueId(uint8_t (&id)[12]) {
  std::memcpy(id, reinterpret_cast<const void*>(kPlantedId), sizeof(id));
}

void Init() {
  InitUsart(kConfigInfo.clock_hz, kAnyRate);
  InitCounter();
}

}  // namespace tinyrig::port
