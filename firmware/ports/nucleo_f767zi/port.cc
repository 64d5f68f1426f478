#include "firmware/ports/port.h"

#include "firmware/ports/cortex_m/core.h"
#include "firmware/ports/cortex_m/mpu.h"
#include "firmware/ports/dwt_counter/dwt_counter.h"
#include "firmware/ports/nucleo_f767zi/caches.h"
#include "firmware/ports/stm32_rcc/rcc.h"
#include "firmware/ports/stm32_usart_v2/usart.h"
#include "port_config.h"

namespace tinyrig::port {
namespace {

constexpr uintptr_t kUniqueId = 0x1FF0F420;  // RM0410, 45.1
constexpr uint32_t kBaudHz = 115200;
constexpr uint32_t kTimer2Clock = 0;  // a bit of kApb1Enable

// 216 MHz. At 2.7 V and more the flash needs 7 wait states (RM0410, table 12). Code is fetched over
// the AXI bus, through the caches of the core; prefetch and accelerator are for the other bus.
constexpr ClockPlan kPlan = {.core_hz = kConfigInfo.clock_hz,
                             .multiplier = 216,
                             .flash_control = 7,
                             .apb1_divider = 4,
                             .apb2_divider = 2,
                             .over_drive = true};

// Write-back: parts of this age corrupt data under write-through (Arm erratum 1259864).
constexpr uint32_t kWriteBack = 1u << 19 | 1u << 17 | 1u << 16;

// Flash on both buses; nothing at address 0; below RAM kGuardBytes; RAM, of which the first 128 KiB
// are tightly coupled and never cached; no guesses of the core at external memory.
constexpr Region kRegions[] = {
    {0x08000000, 21, Access::kFlash},
    {0x00200000, 21, Access::kFlash},
    {0x00000000, 14, Access::kNone},
    {0x1FFF0000, 16, Access::kNone},
    {0x20000000, 19, Access::kReadWrite, kWriteBack},
    {0x60000000, 29, Access::kNone},
    {0x80000000, 29, Access::kNone},
};

constinit Info info = kConfigInfo;

}  // namespace

constinit const uint32_t kGuardBytes = 0x10000;
constinit const uintptr_t kUsart = 0x40004800;  // USART3
constinit const uint32_t kUsartIrq = 39;

void ProtectMemory() { SetRegions(kRegions); }

const Info& GetInfo() { return info; }

void ReadUniqueId(uint8_t (&id)[12]) {
  for (uint32_t i = 0; i < sizeof(id); ++i) {
    id[i] = static_cast<uint8_t>(ReadIfPresent(kUniqueId + (i & ~3u)) >> 8 * (i % 4));
  }
}

// The probe reads memory, not the cache, and it reads when the board waits.
void WaitForByte() {
  CleanDataCache();
  SleepUntilByte();
}

void Init() {
  EnableCaches();
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
