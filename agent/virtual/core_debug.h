#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "agent/virtual/board_type.h"
#include "agent/virtual/breakpoints.h"
#include "agent/virtual/hosted_code.h"
#include "agent/virtual/qemu/machine.h"

namespace tinyrig::agent::vboard {

/// What the core does, as a debugger would see it.
enum class CoreState : uint8_t { kRunning, kHalted, kLockedUp };

/// Name for status replies: "running", "halted", "locked_up".
std::string_view CoreStateName(CoreState state);

/// The debug registers of an ARMv7-M core (DHCSR, DCRSR, DCRDR, DEMCR, DFSR, AIRCR's reset
/// requests, FPB, DWT) in front of a QEMU that is stopped, started and reset accordingly.
///
/// A blank board is never started, because QEMU aborts on a lock-up: it is modelled as locked up
/// until a reset finds a plausible vector table. A lock-up that happens in QEMU arrives through
/// LockUp(). Registers that QEMU does not tell (PSP, CONTROL, PRIMASK...) are shadows: they hold
/// what the debugger wrote. MSP reads as the current stack pointer.
///
/// Errors: those of Machine; the core's state is then unchanged.
/// Source: ARMv7-M ARM, C1 "ARMv7-M debug".
class CoreDebug {
 public:
  using Clock = std::chrono::steady_clock;

  /// Between a debugger's "go" and the real start. OpenOCD's `reset run` lets the core go for an
  /// instant before it resets it; a stale program counter would lock up meanwhile.
  static constexpr std::chrono::milliseconds kStartGrace{4};
  /// The same when code was written since: that program counter is surely stale, and on a busy
  /// machine the reset may come late.
  static constexpr std::chrono::milliseconds kStaleGrace{1000};

  /// Both must outlive this object.
  CoreDebug(const BoardType& type, Machine& machine) : type_(type), machine_(machine) {}

  /// Called whenever the core starts from its reset vector.
  std::function<void()> on_boot;
  /// Called by every reset, before the core looks at its vectors.
  std::function<Status()> on_reset;
  /// Called before QEMU's CPU goes on: its memory must be up to date.
  std::function<Status()> before_run;
  /// Takes over code that QEMU cannot run; nullptr when there is none.
  HostedCode* hosted = nullptr;

  /// Power came on with blank memory: locked up.
  void PowerOnReset();
  /// QEMU was started anew after the guest locked up.
  void LockUp();
  /// A reset by AIRCR or the reset pin: stops at the vector when the debugger catches it, else
  /// runs.
  Status Reset();

  /// Words of the registers above; nothing, or false, when the address belongs to QEMU.
  Result<std::optional<uint32_t>> Read(uint32_t address);
  Result<bool> Write(uint32_t address, uint32_t value);
  /// Tells of bytes that the debugger wrote into memory.
  void NoteWrite(uint32_t address, std::span<const uint8_t> bytes) {
    breakpoints_.NoteWrite(address, bytes);
  }

  /// Tells that the debugger changed the program.
  void NoteCodeChange() { code_changed_ = true; }

  /// When a start is pending: the time to call StartNow().
  std::optional<Clock::time_point> start_due() const { return start_due_; }
  Status StartNow();

  // What faults do to a running program, behind the debugger's back. False, and nothing happens,
  // when the core does not run or is in an exception handler.
  /// Stops for good: until a reset the core seems to run, and nothing does.
  Result<bool> Hang();
  /// The next instruction raises a usage fault (INVSTATE) where the program is.
  Result<bool> ClearThumb();
  /// The stack goes on at the low end of RAM, with the innermost frames on it: it returns as it
  /// would have, but a call some levels deeper overflows it.
  Result<bool> ExhaustStack();

  /// Lets hosted code go on; called around the debugger's accesses to RAM.
  Status RunHosted();

  CoreState state() const;
  /// Notices a core that stopped, or reset itself, since the last look.
  Status Poll();

 private:
  Status WriteDhcsr(uint32_t value);
  uint32_t ReadDhcsr();
  Status Halt();
  Status Step();
  Status Go();
  Status ScheduleStart();
  /// Changes the stopped core in the middle of the program.
  Result<bool> Tamper(const std::function<Status()>& change);
  Status MoveStack();
  bool InRam(uint32_t address) const;
  void Stopped(StopReason reason);
  /// DCRSR: moves one register between the core and DCRDR.
  Status TransferRegister(uint32_t selector, bool write);
  Result<bool> HasVectors();
  Result<bool> BlankAt(uint32_t pc);
  /// Of hosted code and hang faults, before a reset.
  void ForgetRun();

  const BoardType& type_;
  Machine& machine_;
  Breakpoints breakpoints_;

  uint32_t control_ = 0;  // C_DEBUGEN, C_STEP, C_MASKINTS
  uint32_t dcrdr_ = 0;
  uint32_t demcr_ = 0;
  uint32_t dfsr_ = 0;
  uint32_t psp_ = 0;
  uint32_t special_ = 0;  // CONTROL, FAULTMASK, BASEPRI, PRIMASK
  bool halted_ = false;
  bool locked_up_ = true;
  bool reset_seen_ = false;    // since DHCSR was read last
  bool retired_ = false;       // ran since DHCSR was read last
  bool code_changed_ = false;  // since the last reset, and no program counter was written since
  bool hung_ = false;          // by a fault: runs no more until a reset
  bool hosting_ = false;       // hosted code stands for the CPU, which is stopped
  std::optional<Clock::time_point> start_due_;
};

}  // namespace tinyrig::agent::vboard
