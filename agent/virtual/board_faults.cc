// Faults: turned on and off, and those that strike the running program.

#include <spdlog/spdlog.h>

#include <utility>

#include "agent/virtual/board.h"

namespace tinyrig::agent::vboard {

Status Board::Run(const FaultCommand& command) {
  TRY(faults_.Apply(*command.spec, command.parameters));
  return StartFault(command.spec->fault);
}

Status Board::StartFault(Fault fault) {
  switch (fault) {
    case Fault::kProbeAbsent:
      dap_server_.DropClient();
      jtag_server_.DropClient();
      break;
    case Fault::kProbeSerial:
      UpdateProbeSerial();
      dap_server_.DropClient();  // as plugged in anew
      break;
    case Fault::kIdCode:
    case Fault::kWrongBoard:
      return target_.ApplyIdentity();
    case Fault::kClockChanged:
      return Repower();
    case Fault::kUartDrop:
    case Fault::kUartFlip:
      uart_.ReseedNoise();
      break;
    case Fault::kUartStall:
      StallWhenDue();
      break;
    default:
      break;  // the others act where they are asked for
  }
  return OkStatus();
}

void Board::NoteUartBytes(size_t bytes) {
  for (const Fault fault : FirmwareFaults()) faults_.Spend(fault, bytes, kAfterUartBytes);
  if (!faults_.Struck(Fault::kUartStall)) {
    faults_.Spend(Fault::kUartStall, bytes, kAfterUartBytes);
    StallWhenDue();
  }
  StrikeFirmware();
}

void Board::StallWhenDue() {
  if (!faults_.Struck(Fault::kUartStall)) return;
  faults_.Use(Fault::kUartStall);
  uart_.Stall(
      std::chrono::milliseconds(static_cast<int64_t>(faults_.Value(Fault::kUartStall, "ms"))));
}

Status Board::Repower() {
  if (!target_.powered()) return OkStatus();
  target_.PowerOff();
  return target_.PowerOn();
}

void Board::UpdateProbeSerial() {
  const bool wrong = faults_.on(Fault::kProbeSerial);
  dap_server_.serial = wrong ? "X" + options_.serial : options_.serial;
}

Status Board::Run(const ClearCommand& command) {
  if (command.spec) return ClearFault(command.spec->fault);
  for (const FaultSpec& spec : FaultTable()) TRY(ClearFault(spec.fault));
  return OkStatus();
}

Status Board::ClearFault(Fault fault) {
  if (fault == Fault::kFwResetStorm) resets_left_ = 0;
  if (!faults_.on(fault)) return OkStatus();
  const bool took_power = faults_.Struck(Fault::kPowerOff);
  faults_.Clear(fault);
  switch (fault) {
    case Fault::kProbeSerial:
      UpdateProbeSerial();
      return OkStatus();
    case Fault::kProbeKilled:
      return std::exchange(probe_killed_, false) ? ListenForProbes() : OkStatus();
    case Fault::kIdCode:
    case Fault::kWrongBoard:
      return target_.ApplyIdentity();
    case Fault::kClockChanged:
      return Repower();
    case Fault::kPowerOff:
      return took_power ? PowerOn() : OkStatus();
    case Fault::kFlashLies:
      target_.memory().ForgetLies();
      return OkStatus();
    case Fault::kUartStall:
    case Fault::kUartDelay:
      uart_.Stall(std::chrono::milliseconds(0));
      return OkStatus();
    default:
      return OkStatus();
  }
}

void Board::StrikeFirmware() {
  if (!target_.powered()) return;
  for (const Fault fault : FirmwareFaults()) {
    if (!faults_.Struck(fault)) continue;
    const Result<bool> struck = Strike(fault);
    if (!struck.ok()) {
      spdlog::warn("fault on the firmware: {}", struck.status().ToString());
      target_.Settle();
    } else if (*struck) {
      faults_.Use(fault);
    }
  }
}

Result<bool> Board::Strike(Fault fault) {
  switch (fault) {
    case Fault::kFwHang:
      return target_.core().Hang();
    case Fault::kFwHardFault:
      return target_.core().ClearThumb();
    case Fault::kFwStackOverflow:
      return target_.core().ExhaustStack();
    case Fault::kFwResetStorm:
      if (resets_left_ > 0 || target_.core().state() != CoreState::kRunning) return false;
      resets_left_ = static_cast<uint32_t>(faults_.Value(fault, "resets"));
      storm_period_ = std::chrono::milliseconds(static_cast<int64_t>(faults_.Value(fault, "ms")));
      ResetAgain();
      return true;
    default:
      return false;
  }
}

// From the event loop, not from within whatever struck.
void Board::ResetAgain() {
  storm_timer_.expires_after(storm_period_);
  storm_timer_.async_wait([this](boost::system::error_code error) {
    if (error || resets_left_ == 0) return;
    --resets_left_;
    if (target_.powered() && !target_.core().Reset().ok()) target_.Settle();
    if (resets_left_ > 0) ResetAgain();
  });
}

}  // namespace tinyrig::agent::vboard
