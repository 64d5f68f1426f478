#include "agent/virtual/jtag_tap.h"

#include <array>
#include <utility>

namespace tinyrig::agent::vboard {
namespace {

constexpr uint8_t kAbort = 0x8, kDpAcc = 0xA, kApAcc = 0xB, kIdCode = 0xE, kBypass = 0xF;
constexpr uint32_t kInstructionBits = 4, kAccessBits = 35;
constexpr uint64_t kCaptureIrValue = 1;
constexpr uint64_t kAckOkFault = 2, kAckWait = 1;

}  // namespace

JtagTap::State JtagTap::Next(State state, bool tms) {
  using enum State;
  // Of each state in order: where TMS 0 and TMS 1 lead.
  static constexpr std::array<std::array<State, 2>, 16> kNext = {{
      {kIdle, kReset},
      {kIdle, kSelectDr},
      {kCaptureDr, kSelectIr},
      {kShiftDr, kExit1Dr},
      {kShiftDr, kExit1Dr},
      {kPauseDr, kUpdateDr},
      {kPauseDr, kExit2Dr},
      {kShiftDr, kUpdateDr},
      {kIdle, kSelectDr},
      {kCaptureIr, kReset},
      {kShiftIr, kExit1Ir},
      {kShiftIr, kExit1Ir},
      {kPauseIr, kUpdateIr},
      {kPauseIr, kExit2Ir},
      {kShiftIr, kUpdateIr},
      {kIdle, kSelectDr},
  }};
  return kNext[static_cast<size_t>(state)][tms ? 1 : 0];
}

void JtagTap::Reset() {
  state_ = State::kReset;
  instruction_ = kIdCode;
  shift_ = 0;
  length_ = 1;
  pending_ = discard_ = false;
}

bool JtagTap::Tdo() const {
  if (listening && !listening()) return true;
  const bool shifting = state_ == State::kShiftDr || state_ == State::kShiftIr;
  return !shifting || (shift_ & 1);
}

void JtagTap::Write(bool tck, bool tms, bool tdi) {
  const bool was_high = std::exchange(tck_, tck);
  if (!tck || was_high || (listening && !listening())) return;
  if (state_ == State::kShiftDr || state_ == State::kShiftIr) {
    shift_ = (shift_ >> 1) | uint64_t{tdi} << (length_ - 1);
  }
  Enter(Next(state_, tms));
}

void JtagTap::Enter(State state) {
  state_ = state;
  switch (state) {
    case State::kReset:
      Reset();
      break;
    case State::kCaptureDr:
      CaptureData();
      break;
    case State::kUpdateDr:
      UpdateData();
      break;
    case State::kCaptureIr:
      shift_ = kCaptureIrValue;
      length_ = kInstructionBits;
      break;
    case State::kUpdateIr:
      instruction_ = static_cast<uint8_t>(shift_ & 0xF);
      break;
    default:
      break;
  }
}

void JtagTap::CaptureData() {
  switch (instruction_) {
    case kDpAcc:
    case kApAcc:
      if (pending_) Execute();
      discard_ = pending_;
      length_ = kAccessBits;
      shift_ = discard_ ? kAckWait : uint64_t{result_} << 3 | kAckOkFault;
      break;
    case kAbort:
      length_ = kAccessBits;
      shift_ = 0;
      break;
    case kIdCode:
      length_ = 32;
      shift_ = idcode ? idcode() : 0;
      break;
    case kBypass:
    default:  // unused instructions behave as BYPASS
      length_ = 1;
      shift_ = 0;
      break;
  }
}

void JtagTap::UpdateData() {
  if (instruction_ == kAbort) pending_ = false;
  if (instruction_ != kDpAcc && instruction_ != kApAcc) return;
  if (std::exchange(discard_, false)) return;
  access_ = {instruction_ == kApAcc, (shift_ & 1) != 0, static_cast<uint8_t>((shift_ & 6) << 1),
             static_cast<uint32_t>(shift_ >> 3)};
  Execute();
}

void JtagTap::Execute() {
  uint32_t value = access_.value;
  const Ack ack = port_.JtagAccess(access_.access_port, access_.read, access_.address, value);
  pending_ = ack == Ack::kWait;
  if (!pending_) result_ = access_.read ? value : 0;
}

}  // namespace tinyrig::agent::vboard
