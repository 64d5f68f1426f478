#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "agent/virtual/faults.h"
#include "proto/status/status.h"

namespace tinyrig::agent::vboard {

/// Commands of the control socket: one JSON object a line, answered by one JSON line.
///   {"cmd":"power","state":"on"|"off"|"cycle"}
///   {"cmd":"status"}
///   {"cmd":"fault","name":NAME, PARAMETER:NUMBER...}
///   {"cmd":"clear"}  or  {"cmd":"clear","name":NAME}
/// Answers: {"ok":true,...} or {"ok":false,"code":"NOT_FOUND","error":"what and what to try"}.
enum class PowerState : uint8_t { kOn, kOff, kCycle };

struct PowerCommand {
  PowerState state;
};
struct StatusCommand {};
struct FaultCommand {
  const FaultSpec* spec;
  FaultParameters parameters;  ///< Not checked against the table yet.
};
struct ClearCommand {
  const FaultSpec* spec;  ///< nullptr clears all.
};
using ControlCommand = std::variant<PowerCommand, StatusCommand, FaultCommand, ClearCommand>;

/// Longest line a client may send, in bytes.
inline constexpr size_t kMaxControlLine = 4096;

/// Reads one line. Errors: kInvalidArgument for bad JSON, unknown keys, wrong types or missing
/// fields, kNotFound for an unknown fault; the message names what would be right.
Result<ControlCommand> ParseControl(std::string_view line);

/// The answer line to a failed command, without line end.
std::string ControlError(const Status& status);

}  // namespace tinyrig::agent::vboard
