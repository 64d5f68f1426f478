#include <array>

#include "agent/virtual/faults.h"

namespace tinyrig::agent::vboard {
namespace {

constexpr FaultParameter kSeed{"seed", 0, 4294967295.0, 1, true};
constexpr FaultParameter kOnce{"once", 0, 1, 1, true};
constexpr FaultParameter kTransfers{kAfterTransfers, 0, 1e9, 0, true};
constexpr FaultParameter kUartBytes{kAfterUartBytes, 0, 1e9, 0, true};
constexpr FaultParameter kFlashBytes{kAfterBytes, 0, 1e9, 0, true};
constexpr FaultParameter Count(double preset) { return {"count", 0, 1e9, preset, true}; }
constexpr FaultParameter Milliseconds(double preset) { return {"ms", 1, 600000, preset, true}; }

constexpr std::array kAfter = {kTransfers};
constexpr std::array kAfterOnce = {kTransfers, kOnce};
constexpr std::array kTwenty = {kTransfers, Count(20)};
constexpr std::array kOne = {kTransfers, Count(1)};
constexpr std::array kEndless = {kTransfers, Count(0)};
constexpr std::array kIdValue = {FaultParameter{"value", 0, 4294967295.0, 0x1BA01477, true}};
constexpr std::array kSeedOnly = {kSeed};
constexpr std::array kShift = {FaultParameter{"shift", 0, 10, 7, true}};
constexpr std::array kFlashOne = {kFlashBytes, Count(1)};
constexpr std::array kFlashBit = {kFlashBytes, Count(1), kSeed};
constexpr std::array kPolls = {FaultParameter{"polls", 1, 20000, 100, true}};
constexpr std::array kNoise = {FaultParameter{"rate", 0, 1, 0.01, false}, kSeed,
                               FaultParameter{"to_host", 0, 1, 1, true},
                               FaultParameter{"to_board", 0, 1, 1, true}};
constexpr std::array kDelay = {Milliseconds(20)};
constexpr std::array kStall = {kUartBytes, Milliseconds(1000)};
constexpr std::array kGarbage = {FaultParameter{"bytes", 1, 65536, 64, true}, kSeed};
constexpr std::array kFirmware = {kUartBytes, kTransfers, kOnce};
constexpr std::array kStorm = {kUartBytes, kTransfers, kOnce, Milliseconds(50),
                               FaultParameter{"resets", 1, 10000, 20, true}};

constexpr std::array<FaultSpec, kFaultCount> kTable = {{
    {Fault::kProbeAbsent, "probe_absent", "the probe is unplugged: nobody finds it", {}},
    {Fault::kProbeSerial, "probe_serial", "the probe shows another serial number", {}},
    {Fault::kProbeFrozen, "probe_frozen", "the probe is found but answers nothing", kAfter},
    {Fault::kProbeKilled, "probe_killed", "the probe's socket is gone until this is cleared",
     kAfter},
    {Fault::kIdCode, "idcode", "the debug port identifies itself as another", kIdValue},
    {Fault::kWrongBoard, "wrong_board", "the microcontroller has the unique id of another",
     kSeedOnly},
    {Fault::kNoAck, "no_ack", "no acknowledge from the debug port, after a number of transfers",
     kAfter},
    {Fault::kWaitStuck, "wait_stuck", "the access port answers WAIT for ever", kAfter},
    {Fault::kWaitSome, "wait_some", "the access port answers WAIT count times", kTwenty},
    {Fault::kParity, "parity", "count reads arrive with a parity error", kOne},
    {Fault::kApFault, "ap_fault", "the access port answers FAULT count times, 0: for ever",
     kEndless},
    {Fault::kPowerOff, "power_off",
     "the board loses power, after a number of transfers; clearing it powers on again", kAfter},
    {Fault::kBrownOut, "brown_out", "power dips while the probe is attached: RAM is lost",
     kAfterOnce},
    {Fault::kClockChanged, "clock_changed",
     "an instruction takes 2^shift ns, while the firmware believes the old clock", kShift},
    {Fault::kFlashLost, "flash_lost", "writes to code memory vanish without an error", {}},
    {Fault::kFlashLies,
     "flash_lies",
     "writes to code memory vanish, but read back as if they had happened",
     {}},
    {Fault::kFlashError, "flash_error", "count flash operations fail with WRPERR", kFlashOne},
    {Fault::kFlashBadBit, "flash_bad_bit", "one bit of a written byte comes out wrong", kFlashBit},
    {Fault::kFlashSlow, "flash_slow", "the flash is busy for so many polls after an operation",
     kPolls},
    {Fault::kUartDrop, "uart_drop", "serial bytes get lost, each with probability rate", kNoise},
    {Fault::kUartFlip, "uart_flip", "one bit of a serial byte flips, with probability rate",
     kNoise},
    {Fault::kUartDelay, "uart_delay", "serial bytes arrive ms later, a chunk at a time", kDelay},
    {Fault::kUartStall, "uart_stall", "the serial line stands still for ms, once", kStall},
    {Fault::kUartGarbageAtBoot, "uart_garbage_at_boot",
     "random bytes reach the host whenever the core starts from reset", kGarbage},
    {Fault::kFwHang, "fw_hang", "the program stops for good, until a reset", kFirmware},
    {Fault::kFwResetStorm, "fw_reset_storm", "the core is reset every ms, resets times", kStorm},
    {Fault::kFwHardFault, "fw_hard_fault",
     "the Thumb bit is cleared: the next instruction raises a usage fault", kFirmware},
    {Fault::kFwStackOverflow, "fw_stack_overflow",
     "the stack moves to the low end of RAM: calls some levels deeper overflow it", kFirmware},
}};

}  // namespace

std::span<const FaultSpec> FaultTable() { return kTable; }

std::span<const Fault> FirmwareFaults() {
  static constexpr std::array kFaults = {Fault::kFwHang, Fault::kFwResetStorm, Fault::kFwHardFault,
                                         Fault::kFwStackOverflow};
  return kFaults;
}

}  // namespace tinyrig::agent::vboard
