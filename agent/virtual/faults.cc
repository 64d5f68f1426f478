#include "agent/virtual/faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tinyrig::agent::vboard {
namespace {

constexpr std::string_view kAfterTransfers = "after_transfers";
constexpr FaultParameter kSeed{"seed", 0, 4294967295.0, 1, true};

constexpr std::array kAfter = {FaultParameter{kAfterTransfers, 0, 1e9, 0, true}};
constexpr std::array kNoise = {FaultParameter{"rate", 0, 1, 0.01, false}, kSeed,
                               FaultParameter{"to_host", 0, 1, 1, true},
                               FaultParameter{"to_board", 0, 1, 1, true}};
constexpr std::array kStall = {FaultParameter{"ms", 1, 600000, 1000, true}};
constexpr std::array kGarbage = {FaultParameter{"bytes", 1, 65536, 64, true}, kSeed};

constexpr std::array<FaultSpec, kFaultCount> kTable = {{
    {Fault::kProbeAbsent, "probe_absent", "the probe is unplugged: nobody finds it", {}},
    {Fault::kProbeFrozen, "probe_frozen", "the probe is found but answers nothing", {}},
    {Fault::kNoAck, "no_ack", "no acknowledge from the debug port, after a number of transfers",
     kAfter},
    {Fault::kFlashLost, "flash_lost", "writes to code memory vanish without an error", {}},
    {Fault::kFlashLies,
     "flash_lies",
     "writes to code memory vanish, but read back as if they had happened",
     {}},
    {Fault::kUartDrop, "uart_drop", "serial bytes get lost, each with probability rate", kNoise},
    {Fault::kUartFlip, "uart_flip", "one bit of a serial byte flips, with probability rate",
     kNoise},
    {Fault::kUartStall, "uart_stall", "the serial line stands still for ms, once", kStall},
    {Fault::kUartGarbageAtBoot, "uart_garbage_at_boot",
     "random bytes reach the host whenever the core starts from reset", kGarbage},
    {Fault::kPowerOff, "power_off",
     "the board loses power, after a number of transfers; clearing it powers on again", kAfter},
}};

std::string ParameterNames(const FaultSpec& spec) {
  std::string names;
  for (const FaultParameter& parameter : spec.parameters) {
    names += names.empty() ? "" : ", ";
    names += parameter.name;
  }
  return names.empty() ? "none" : names;
}

Status CheckParameter(const FaultSpec& spec, std::string_view name, double value) {
  const auto it = std::ranges::find(spec.parameters, name, &FaultParameter::name);
  if (it == spec.parameters.end()) {
    return {Code::kInvalidArgument, fmt::format("fault {} has no parameter '{}'; it takes: {}",
                                                spec.name, name, ParameterNames(spec))};
  }
  const bool whole_ok = !it->whole || std::floor(value) == value;
  if (value >= it->minimum && value <= it->maximum && whole_ok) return OkStatus();
  return {Code::kInvalidArgument,
          fmt::format("fault {}: {} = {} is not {} from {} to {}", spec.name, name, value,
                      it->whole ? "a whole number" : "a number", it->minimum, it->maximum)};
}

}  // namespace

std::span<const FaultSpec> FaultTable() { return kTable; }

Result<const FaultSpec*> FindFault(std::string_view name) {
  const auto it = std::ranges::find(kTable, name, &FaultSpec::name);
  if (it != kTable.end()) return &*it;
  std::string names;
  for (const FaultSpec& spec : kTable) {
    names += names.empty() ? "" : ", ";
    names += spec.name;
  }
  return {Code::kNotFound, fmt::format("no fault is called '{}'; there are: {}", name, names)};
}

Status FaultSet::Apply(const FaultSpec& spec, const FaultParameters& parameters) {
  FaultParameters values;
  for (const FaultParameter& parameter : spec.parameters) {
    values.emplace(parameter.name, parameter.preset);
  }
  for (const auto& [name, value] : parameters) {
    TRY(CheckParameter(spec, name, value));
    values[name] = value;
  }
  active_[Index(spec.fault)] = std::move(values);
  return OkStatus();
}

void FaultSet::Clear(Fault fault) { active_[Index(fault)].reset(); }

double FaultSet::Value(Fault fault, std::string_view parameter) const {
  const auto& values = active(fault);
  if (!values) return 0;
  const auto it = values->find(parameter);
  return it == values->end() ? 0 : it->second;
}

size_t FaultSet::Spend(Fault fault, size_t wanted) {
  auto& values = active_[Index(fault)];
  if (!values) return wanted;
  const auto it = values->find(kAfterTransfers);
  if (it == values->end()) return wanted;
  const size_t passed = std::min(wanted, static_cast<size_t>(it->second));
  it->second -= static_cast<double>(passed);
  return passed;
}

bool FaultSet::Struck(Fault fault) const { return on(fault) && Value(fault, kAfterTransfers) == 0; }

}  // namespace tinyrig::agent::vboard
