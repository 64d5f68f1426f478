#include "firmware/ports/port.h"

#include "firmware/ports/cortex_m/core.h"
#include "firmware/ports/cortex_m/mpu.h"
#include "firmware/ports/dwt_counter/dwt_counter.h"
#include "firmware/ports/stm32_rcc/rcc.h"
#include "firmware/ports/stm32_usart_v1/usart.h"
#include "port_config.h"

namespace tinyrig::port {
namespace {

constexpr uintptr_t kUniqueId = 0x1FFF7A10;  // RM0402, 32.1
constexpr uint32_t kBaudHz = 115200;
constexpr uint32_t kTimer2Clock = 0;  // a bit of kApb1Enable

// 100 MHz. At 2.7 V and more the flash needs 3 wait states (RM0402, table 5); prefetch and both
// caches of the accelerator are on (bits 8 to 10).
constexpr ClockPlan kPlan = {.core_hz = kConfigInfo.clock_hz,
                             .multiplier = 100,
                             .flash_control = 3u | 7u << 8,
                             .apb1_divider = 2,
                             .apb2_divider = 1,
                             .over_drive = false};

// Flash and its alias; below RAM kGuardBytes; RAM. Beyond it the bus faults by itself.
constexpr Region kRegions[] = {
    {0x08000000, 20, Access::kFlash},
    {0x00000000, 20, Access::kFlash},
    {0x1FFF8000, 15, Access::kNone},
    {0x20000000, 18, Access::kReadWrite},
};

constinit Info info = kConfigInfo;

}  // namespace

constinit const uint32_t kGuardBytes = 0x8000;  // the unique id is not far below
constinit const uintptr_t kUsart = 0x40004800;  // USART3
constinit const uint32_t kUsartIrq = 39;

void ProtectMemory() { SetRegions(kRegions); }

const Info& GetInfo() { return info; }

void ReadUniqueId(uint8_t (&id)[12]) {
  for (uint32_t i = 0; i < sizeof(id); ++i) {
    id[i] = static_cast<uint8_t>(ReadIfPresent(kUniqueId + (i & ~3u)) >> 8 * (i % 4));
  }
}

void Init() {
  const Clocks clocks = StartClocks(kPlan);
  EnableClock(kApb1Enable, kTimer2Clock);
  ConnectUsart3();
  InitUsart(clocks.apb1_hz, kBaudHz);
  info.clock_hz = info.counter_hz = clocks.core_hz;
  if (!InitCycleCounter(clocks.core_hz, clocks.apb1_timer_hz)) {
    info.counter_kind = device::CounterKind::kUnknown;
  }
}

}  // namespace tinyrig::port
