#include "firmware/ports/stm32_rcc/rcc.h"

namespace tinyrig::port {
namespace {

constexpr uintptr_t kControl = 0x40023800;
constexpr uint32_t kHseOn = 1u << 16;
constexpr uint32_t kHseReady = 1u << 17;
constexpr uint32_t kHseBypass = 1u << 18;
constexpr uint32_t kPllOn = 1u << 24;
constexpr uint32_t kPllReady = 1u << 25;

constexpr uintptr_t kPll = 0x40023804;
constexpr uint32_t kPllFromHse = 1u << 22;
// The other outputs are not used, but their dividers have a least value.
constexpr uint32_t kOtherOutputs = 9u << 24 | 2u << 28;
constexpr uint32_t kHseDivider = 4;
constexpr uint32_t kHsiDivider = 8;

constexpr uintptr_t kConfiguration = 0x40023808;
constexpr uint32_t kSwitchToPll = 2u << 0;
constexpr uint32_t kSwitchStatus = 3u << 2;
constexpr uint32_t kPllInUse = 2u << 2;

constexpr uintptr_t kFlashControl = 0x40023C00;

constexpr uint32_t kPowerClock = 28;  // a bit of kApb1Enable
constexpr uintptr_t kPower = 0x40007000;
constexpr uintptr_t kPowerStatus = 0x40007004;
constexpr uint32_t kScale1 = 3u << 14;
constexpr uint32_t kOverDrive = 1u << 16;  // and, in the status, that it is ready
constexpr uint32_t kOverDriveSwitch = 1u << 17;

constexpr uint32_t kHsiHz = 16'000'000;

constexpr uintptr_t kPortD = 0x40020C00;
constexpr uintptr_t kMode = kPortD + 0x00;
constexpr uintptr_t kSpeed = kPortD + 0x08;
constexpr uintptr_t kPull = kPortD + 0x0C;
constexpr uintptr_t kAlternateHigh = kPortD + 0x24;
constexpr uint32_t kPortDClock = 3;    // a bit of kAhb1Enable
constexpr uint32_t kUsart3Clock = 18;  // a bit of kApb1Enable

/// False when it did not come true within some tens of milliseconds at 16 MHz.
bool Wait(uintptr_t address, uint32_t mask, uint32_t value) {
  for (uint32_t i = 0; i < 50'000; ++i) {
    if ((Register(address) & mask) == value) return true;
  }
  return false;
}

void Set(uintptr_t address, uint32_t bits) { Register(address) = Register(address) | bits; }
void Clear(uintptr_t address, uint32_t bits) { Register(address) = Register(address) & ~bits; }

/// PPRE1 and PPRE2 of RCC_CFGR: 0 divides by 1, 4 by 2, 5 by 4.
uint32_t Prescaler(uint32_t divider) { return divider == 1 ? 0 : divider == 2 ? 4 : 5; }

bool StartHse() {
  Set(kControl, kHseBypass);
  Set(kControl, kHseOn);
  if (Wait(kControl, kHseReady, kHseReady)) return true;
  Clear(kControl, kHseOn);
  Clear(kControl, kHseBypass);
  return false;
}

bool StartOverDrive() {
  Set(kPower, kOverDrive);
  if (!Wait(kPowerStatus, kOverDrive, kOverDrive)) return false;
  Set(kPower, kOverDriveSwitch);
  return Wait(kPowerStatus, kOverDriveSwitch, kOverDriveSwitch);
}

/// In the order of RM0410 4.1.4, which also suits a part without over-drive.
bool RunFromPll(const ClockPlan& plan) {
  EnableClock(kApb1Enable, kPowerClock);
  Set(kPower, kScale1);
  const uint32_t source = StartHse() ? kPllFromHse | kHseDivider : kHsiDivider;
  Register(kPll) = source | plan.multiplier << 6 | kOtherOutputs;  // PLLP = 0: divided by two
  Set(kControl, kPllOn);
  if (plan.over_drive && !StartOverDrive()) return false;
  Register(kFlashControl) = plan.flash_control;
  if (!Wait(kFlashControl, 0xF, plan.flash_control & 0xF)) return false;
  if (!Wait(kControl, kPllReady, kPllReady)) return false;
  const uint32_t dividers = Prescaler(plan.apb1_divider) << 10 | Prescaler(plan.apb2_divider) << 13;
  Register(kConfiguration) = dividers;
  Register(kConfiguration) = dividers | kSwitchToPll;
  return Wait(kConfiguration, kSwitchStatus, kPllInUse);
}

}  // namespace

Clocks StartClocks(const ClockPlan& plan) {
  if (!RunFromPll(plan)) {
    Register(kConfiguration) = 0;
    Clear(kControl, kPllOn);
    return {kHsiHz, kHsiHz, kHsiHz};
  }
  // Timers on a bus that is divided run at twice its speed (RM0402 6.2, figure 13).
  const uint32_t apb1_hz = plan.core_hz / plan.apb1_divider;
  return {plan.core_hz, apb1_hz, 2 * apb1_hz};
}

void ConnectUsart3() {
  EnableClock(kAhb1Enable, kPortDClock);
  EnableClock(kApb1Enable, kUsart3Clock);
  constexpr uint32_t kBothPins = 3u << 16 | 3u << 18;
  Register(kAlternateHigh) = (Register(kAlternateHigh) & ~0xFFu) | 7u << 0 | 7u << 4;
  Register(kSpeed) = (Register(kSpeed) & ~kBothPins) | 1u << 16;
  Register(kPull) = (Register(kPull) & ~kBothPins) | 1u << 18;  // a receiver without a cable: idle
  Register(kMode) = (Register(kMode) & ~kBothPins) | 2u << 16 | 2u << 18;
}

}  // namespace tinyrig::port
