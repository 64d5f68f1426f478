#include "firmware/ports/port.h"

#include "firmware/ports/cmsdk/cmsdk.h"
#include "firmware/ports/cortex_m/core.h"
#include "firmware/ports/cortex_m/mpu.h"
#include "port_config.h"

namespace tinyrig::port {
namespace {

// All of QEMU's code memory: the program, the blob, and the unique id at its end.
// The board type's RAM is 256 KiB; QEMU's 4 MiB go on behind it. Below RAM: kGuardBytes.
constexpr Region kRegions[] = {
    {0x00000000, 22, Access::kFlash},     {0x1FF00000, 20, Access::kNone},
    {0x20000000, 18, Access::kReadWrite}, {0x20040000, 18, Access::kNone},
    {0x20080000, 19, Access::kNone},      {0x20100000, 20, Access::kNone},
    {0x20200000, 21, Access::kNone},
};

}  // namespace

constinit const uint32_t kGuardBytes = 0x00100000;

void ProtectMemory() { SetRegions(kRegions); }

const Info& GetInfo() {
  static constexpr Info kInfo = kConfigInfo;
  return kInfo;
}

void Init() {
  InitUart();
  InitCounter();
}

}  // namespace tinyrig::port
