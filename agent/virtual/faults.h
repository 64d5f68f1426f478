#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proto/status/status.h"

namespace tinyrig::agent::vboard {

/// Everything that can be made to go wrong. A new fault is a value here, a row in faults.cc and
/// one line where it acts.
enum class Fault : uint8_t {
  kProbeAbsent,
  kProbeFrozen,
  kNoAck,
  kFlashLost,
  kFlashLies,
  kUartDrop,
  kUartFlip,
  kUartStall,
  kUartGarbageAtBoot,
  kPowerOff,
};
inline constexpr size_t kFaultCount = 10;

/// One numeric parameter of a fault.
struct FaultParameter {
  std::string_view name;
  double minimum;
  double maximum;
  double preset;  ///< Value when it is not given.
  bool whole;     ///< Refuses fractions.
};

struct FaultSpec {
  Fault fault;
  std::string_view name;    ///< As on the control socket.
  std::string_view effect;  ///< One line for people.
  std::span<const FaultParameter> parameters;
};

/// All faults, indexed by Fault.
std::span<const FaultSpec> FaultTable();

/// The row of that name. Errors: kNotFound, naming those that exist.
Result<const FaultSpec*> FindFault(std::string_view name);

/// Parameters by name, as they came from the control socket.
using FaultParameters = std::map<std::string, double, std::less<>>;

/// The faults of one board that are on now, each with its parameters.
class FaultSet {
 public:
  /// Turns a fault on, or on again with other parameters. Missing parameters take their preset.
  /// Errors: kInvalidArgument for an unknown parameter or a value out of range; the fault then
  /// stays as it was.
  Status Apply(const FaultSpec& spec, const FaultParameters& parameters);
  void Clear(Fault fault);

  bool on(Fault fault) const { return active_[Index(fault)].has_value(); }
  /// Value of a parameter of a fault that is on; 0 when it is off or has no such parameter.
  double Value(Fault fault, std::string_view parameter) const;
  /// For faults with `after_transfers`: how many of `wanted` transfers still pass; counts them.
  /// All, when the fault is off.
  size_t Spend(Fault fault, size_t wanted);
  /// True when a fault is on and its `after_transfers` are used up.
  bool Struck(Fault fault) const;
  /// Parameters of a fault that is on, for status replies.
  const std::optional<FaultParameters>& active(Fault fault) const { return active_[Index(fault)]; }

 private:
  static size_t Index(Fault fault) { return static_cast<size_t>(fault); }

  std::array<std::optional<FaultParameters>, kFaultCount> active_;
};

}  // namespace tinyrig::agent::vboard
