#include "agent/virtual/core_debug.h"

#include <algorithm>
#include <array>
#include <vector>

namespace tinyrig::agent::vboard {
namespace {

constexpr uint32_t kAircr = 0xE000ED0C;
constexpr uint32_t kDfsr = 0xE000ED30;
constexpr uint32_t kDhcsr = 0xE000EDF0;
constexpr uint32_t kDcrsr = 0xE000EDF4;
constexpr uint32_t kDcrdr = 0xE000EDF8;
constexpr uint32_t kDemcr = 0xE000EDFC;

constexpr uint32_t kDebugEnable = 1u << 0;
constexpr uint32_t kHaltRequest = 1u << 1;
constexpr uint32_t kStepRequest = 1u << 2;
constexpr uint32_t kControlBits = 0xD;  // all but C_HALT, which is the state itself
constexpr uint32_t kRegisterReady = 1u << 16;
constexpr uint32_t kHaltedStatus = 1u << 17;
constexpr uint32_t kLockupStatus = 1u << 19;
constexpr uint32_t kRetiredStatus = 1u << 24;
constexpr uint32_t kResetStatus = 1u << 25;
constexpr uint32_t kDhcsrKey = 0xA05F;

constexpr uint32_t kDfsrHalted = 1u << 0;
constexpr uint32_t kDfsrBkpt = 1u << 1;
constexpr uint32_t kDfsrWatch = 1u << 2;
constexpr uint32_t kDfsrVectorCatch = 1u << 3;

constexpr uint32_t kCatchReset = 1u << 0;
constexpr uint32_t kDemcrWritable = 0x010F07F1;
constexpr uint32_t kAircrKey = 0x05FA;
constexpr uint32_t kResetRequests = 0x5;  // SYSRESETREQ, VECTRESET

// Numbers of QEMU's gdb description.
constexpr uint32_t kGdbSp = 13;
constexpr uint32_t kGdbPc = 15;
constexpr uint32_t kGdbXpsr = 25;
constexpr uint32_t kGdbD0 = 26;
constexpr uint32_t kGdbFpscr = 42;

constexpr uint32_t kThumbBit = 1u << 24;
constexpr uint32_t kExceptionMask = 0x1FF;

// What a locked-up core shows.
constexpr uint32_t kLockupPc = 0xFFFFFFFE;
constexpr uint32_t kLockupXpsr = 0x01000003;

uint32_t Word(std::span<const uint8_t> bytes) {
  return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | uint32_t{bytes[3]} << 24;
}

}  // namespace

std::string_view CoreStateName(CoreState state) {
  switch (state) {
    case CoreState::kRunning:
      return "running";
    case CoreState::kHalted:
      return "halted";
    case CoreState::kLockedUp:
      return "locked_up";
  }
  return "unknown";
}

void CoreDebug::PowerOnReset() {
  breakpoints_.PowerOnReset();
  control_ = dcrdr_ = demcr_ = dfsr_ = psp_ = special_ = 0;
  halted_ = false;
  locked_up_ = true;
  reset_seen_ = true;
  ForgetRun();
  start_due_.reset();
}

void CoreDebug::LockUp() {
  breakpoints_.ForgetInstalled();
  locked_up_ = true;
  halted_ = false;
  ForgetRun();
  start_due_.reset();
}

Result<bool> CoreDebug::Hang() {
  TRY(Poll());
  if (!machine_.running()) return false;
  TRY(machine_.Halt());
  hung_ = true;
  return true;
}

Result<bool> CoreDebug::ClearThumb() {
  return Tamper([this]() -> Status {
    TRY_ASSIGN(const uint64_t status, machine_.ReadRegister(kGdbXpsr));
    return machine_.WriteRegister(kGdbXpsr, status & ~uint64_t{kThumbBit}, 4);
  });
}

Result<bool> CoreDebug::ExhaustStack() {
  return Tamper([this] { return MoveStack(); });
}

Status CoreDebug::MoveStack() {
  constexpr uint32_t kLeft = 16;    // bytes; the alignment of the stack pointer stays
  constexpr uint32_t kMoved = 512;  // the frames of a program that waits for its next command
  const MemoryRegion* ram = FindRegion(type_, RegionKind::kRam);
  TRY_ASSIGN(const uint64_t pointer, machine_.ReadRegister(kGdbSp));
  const auto from = static_cast<uint32_t>(pointer);
  const uint32_t to = ram->base + kLeft + from % 8;
  if (from <= to || from - ram->base >= ram->size) return OkStatus();  // no stack to speak of
  std::vector<uint8_t> frames(std::min(kMoved, ram->base + ram->size - from));
  TRY(machine_.ReadBlock(from, frames));
  TRY(machine_.WriteBlock(to, frames));
  return machine_.WriteRegister(kGdbSp, to, 4);
}

Result<bool> CoreDebug::Tamper(const std::function<Status()>& change) {
  TRY(Poll());
  if (!machine_.running()) return false;
  TRY(machine_.Halt());
  TRY_ASSIGN(const uint64_t status, machine_.ReadRegister(kGdbXpsr));
  const bool in_handler = (status & kExceptionMask) != 0;
  if (!in_handler) TRY(change());
  TRY(machine_.Continue());
  return !in_handler;
}

void CoreDebug::ForgetRun() {
  hung_ = false;
  if (std::exchange(hosting_, false)) hosted->End();
}

Status CoreDebug::Reset() {
  ForgetRun();
  start_due_.reset();
  if (on_reset) TRY(on_reset());
  TRY(machine_.Reset());
  TRY(machine_.TookGuestReset());
  control_ &= kDebugEnable;
  psp_ = special_ = 0;
  reset_seen_ = true;
  locked_up_ = code_changed_ = false;
  halted_ = (control_ & kDebugEnable) && (demcr_ & kCatchReset);
  if (halted_) {
    dfsr_ |= kDfsrVectorCatch;
    return OkStatus();
  }
  TRY_ASSIGN(const bool vectors, HasVectors());
  locked_up_ = !vectors;
  if (locked_up_) return OkStatus();
  if (on_boot) on_boot();
  return Go();
}

Status CoreDebug::Go() {
  if (before_run) TRY(before_run());
  TRY(breakpoints_.Sync(machine_, (control_ & kDebugEnable) != 0));
  retired_ = true;
  return hung_ ? OkStatus() : machine_.Continue();
}

Status CoreDebug::StartNow() {
  if (!std::exchange(start_due_, std::nullopt)) return OkStatus();
  TRY_ASSIGN(const uint64_t pc, machine_.ReadRegister(kGdbPc));
  if (hosted) {
    TRY_ASSIGN(hosting_, hosted->Begin(static_cast<uint32_t>(pc)));
    if (hosting_) {
      retired_ = true;
      return RunHosted();
    }
  }
  TRY_ASSIGN(const bool blank, BlankAt(static_cast<uint32_t>(pc)));
  if (blank) {
    locked_up_ = true;
    return OkStatus();
  }
  return Go();
}

Status CoreDebug::RunHosted() {
  if (!hosting_) return OkStatus();
  TRY_ASSIGN(const bool ended, hosted->Step());
  if (!ended) return OkStatus();
  hosting_ = false;
  Stopped(StopReason::kBreakpoint);
  return OkStatus();
}

CoreState CoreDebug::state() const {
  if (halted_) return CoreState::kHalted;
  return locked_up_ ? CoreState::kLockedUp : CoreState::kRunning;
}

Status CoreDebug::Poll() {
  TRY(RunHosted());
  TRY_ASSIGN(const auto stop, machine_.PollStop());
  if (stop) Stopped(*stop);
  TRY_ASSIGN(const bool reset, machine_.TookGuestReset());
  reset_seen_ |= reset;
  return OkStatus();
}

void CoreDebug::Stopped(StopReason reason) {
  halted_ = true;
  dfsr_ |= reason == StopReason::kWatchpoint ? kDfsrWatch : kDfsrBkpt;
  if (reason == StopReason::kWatchpoint) breakpoints_.NoteWatchpointHit();
}

Result<std::optional<uint32_t>> CoreDebug::Read(uint32_t address) {
  switch (address) {
    case kDhcsr:
      TRY(Poll());
      return std::optional(ReadDhcsr());
    case kDfsr:
      TRY(Poll());
      return std::optional(dfsr_);
    case kDcrsr:
      return std::optional(0u);
    case kDcrdr:
      return std::optional(dcrdr_);
    case kDemcr:
      return std::optional(demcr_);
    default:
      return breakpoints_.Read(address);
  }
}

Result<bool> CoreDebug::Write(uint32_t address, uint32_t value) {
  switch (address) {
    case kDhcsr:
      if ((value >> 16) == kDhcsrKey) TRY(WriteDhcsr(value));
      return true;
    case kDfsr:
      dfsr_ &= ~value;
      return true;
    case kDcrsr:
      TRY(TransferRegister(value & 0x7F, (value >> 16) & 1));
      return true;
    case kDcrdr:
      dcrdr_ = value;
      return true;
    case kDemcr:
      demcr_ = value & kDemcrWritable;
      return true;
    case kAircr:
      if ((value >> 16) != kAircrKey || (value & kResetRequests) == 0) return false;
      TRY(Reset());
      return true;
    default:
      return breakpoints_.Write(address, value);
  }
}

uint32_t CoreDebug::ReadDhcsr() {
  uint32_t value = control_ | kRegisterReady;
  if (halted_) value |= kHaltRequest | kHaltedStatus;
  if (locked_up_ && !halted_) value |= kLockupStatus;
  if (std::exchange(retired_, machine_.running())) value |= kRetiredStatus;
  if (std::exchange(reset_seen_, false)) value |= kResetStatus;
  return value;
}

Status CoreDebug::WriteDhcsr(uint32_t value) {
  TRY(Poll());
  control_ = value & kControlBits;
  if (!(control_ & kDebugEnable)) control_ = 0;
  const bool halt = control_ != 0 && (value & kHaltRequest) != 0;
  if (halt) return halted_ ? OkStatus() : Halt();
  if (!halted_) return OkStatus();
  if ((control_ & kStepRequest) && !locked_up_) return Step();
  halted_ = false;
  return locked_up_ ? OkStatus() : ScheduleStart();
}

Status CoreDebug::ScheduleStart() {
  Clock::duration grace = kStartGrace;
  if (code_changed_) {
    TRY_ASSIGN(const uint64_t pc, machine_.ReadRegister(kGdbPc));
    code_changed_ = InRam(static_cast<uint32_t>(pc));
    if (!code_changed_) grace = kStaleGrace;
  }
  start_due_ = Clock::now() + grace;
  return OkStatus();
}

// Where debuggers put what they run for themselves.
bool CoreDebug::InRam(uint32_t address) const {
  const MemoryRegion* region = FindRegion(type_, address);
  return region && region->kind == RegionKind::kRam;
}

Status CoreDebug::Halt() {
  start_due_.reset();
  if (std::exchange(hosting_, false)) hosted->End();
  TRY(machine_.Halt());
  halted_ = true;
  dfsr_ |= kDfsrHalted;
  return OkStatus();
}

Status CoreDebug::Step() {
  if (hung_) return OkStatus();
  if (before_run) TRY(before_run());
  TRY(breakpoints_.Sync(machine_, false));  // the breakpoint stepped over must not hit again
  TRY_ASSIGN(const StopReason reason, machine_.Step());
  if (reason == StopReason::kWatchpoint) Stopped(reason);
  dfsr_ |= kDfsrHalted;
  retired_ = true;
  return OkStatus();
}

Status CoreDebug::TransferRegister(uint32_t selector, bool write) {
  constexpr uint32_t kSelectXpsr = 16, kSelectMsp = 17, kSelectPsp = 18, kSelectSpecial = 20;
  constexpr uint32_t kSelectFpscr = 0x21, kSelectS0 = 0x40, kSelectS31 = 0x5F;
  if (!halted_) return OkStatus();
  if (selector == kSelectPsp || selector == kSelectSpecial) {
    uint32_t& shadow = selector == kSelectPsp ? psp_ : special_;
    (write ? shadow : dcrdr_) = write ? dcrdr_ : shadow;
    return OkStatus();
  }
  if (selector >= kSelectS0 && selector <= kSelectS31) {
    const uint32_t index = selector - kSelectS0;
    const uint32_t number = kGdbD0 + index / 2;
    const uint32_t shift = 32 * (index % 2);
    TRY_ASSIGN(uint64_t pair, machine_.ReadRegister(number));
    if (!write) {
      dcrdr_ = static_cast<uint32_t>(pair >> shift);
      return OkStatus();
    }
    pair = (pair & ~(uint64_t{0xFFFFFFFF} << shift)) | uint64_t{dcrdr_} << shift;
    return machine_.WriteRegister(number, pair, 8);
  }
  uint32_t number = selector;
  if (selector == kSelectMsp) number = kGdbSp;
  if (selector == kSelectXpsr) number = kGdbXpsr;
  if (selector == kSelectFpscr) number = kGdbFpscr;
  if (number == selector && selector > kGdbPc) {
    if (!write) dcrdr_ = 0;  // no such register
    return OkStatus();
  }
  if (write) {
    if (number == kGdbPc) {
      locked_up_ = false;
      code_changed_ &= InRam(dcrdr_);
    }
    return machine_.WriteRegister(number, dcrdr_, 4);
  }
  if (locked_up_ && (number == kGdbPc || number == kGdbXpsr)) {
    dcrdr_ = number == kGdbPc ? kLockupPc : kLockupXpsr;
    return OkStatus();
  }
  TRY_ASSIGN(const uint64_t value, machine_.ReadRegister(number));
  dcrdr_ = static_cast<uint32_t>(value);
  return OkStatus();
}

// A stack pointer in RAM and a Thumb entry in memory: what the core needs to come up.
Result<bool> CoreDebug::HasVectors() {
  const MemoryRegion* code = &BootRegion(type_);
  const MemoryRegion* ram = FindRegion(type_, RegionKind::kRam);
  std::array<uint8_t, 8> bytes;
  TRY(machine_.ReadBlock(code->base, bytes));
  const uint32_t stack = Word(bytes);
  const uint32_t entry = Word(std::span(bytes).subspan(4));
  const bool stack_ok = stack % 4 == 0 && stack > ram->base && stack <= ram->base + ram->size;
  const MemoryRegion* target = FindRegion(type_, entry);
  return stack_ok && (entry & 1) && (target == code || target == ram);
}

// Zeros execute as harmless moves for ages, erased flash as a fault in a fault, and then QEMU
// aborts: a blank board is locked up instead.
Result<bool> CoreDebug::BlankAt(uint32_t pc) {
  if (before_run) TRY(before_run());
  std::array<uint8_t, 16> bytes;
  TRY(machine_.ReadBlock(pc, bytes));
  const auto all = [&](uint8_t value) {
    return std::ranges::all_of(bytes, [value](uint8_t byte) { return byte == value; });
  };
  return all(0) || all(0xFF);
}

}  // namespace tinyrig::agent::vboard
