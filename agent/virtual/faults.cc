#include "agent/virtual/faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tinyrig::agent::vboard {
namespace {

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

Result<const FaultSpec*> FindFault(std::string_view name) {
  const auto it = std::ranges::find(FaultTable(), name, &FaultSpec::name);
  if (it != FaultTable().end()) return &*it;
  std::string names;
  for (const FaultSpec& spec : FaultTable()) {
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
  given_[Index(spec.fault)] = values;
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

size_t FaultSet::Spend(Fault fault, size_t wanted, std::string_view counter) {
  auto& values = active_[Index(fault)];
  if (!values) return wanted;
  const auto it = values->find(counter);
  if (it == values->end()) return wanted;
  const size_t passed = std::min(wanted, static_cast<size_t>(it->second));
  it->second -= static_cast<double>(passed);
  return passed;
}

uint8_t FaultSet::SeededBit(Fault fault) const {
  return static_cast<uint8_t>(1u << (static_cast<uint64_t>(Value(fault, "seed")) % 8));
}

bool FaultSet::Struck(Fault fault) const {
  const auto& values = active(fault);
  return values && std::ranges::all_of(*values, [](const auto& value) {
           return !value.first.starts_with("after_") || value.second == 0;
         });
}

void FaultSet::Use(Fault fault) {
  ++strikes_[Index(fault)];
  auto& values = active_[Index(fault)];
  if (!values) return;
  if (const auto count = values->find("count"); count != values->end() && count->second > 0) {
    if (--count->second == 0) values.reset();
    return;
  }
  const auto once = values->find("once");
  if (once == values->end()) return;
  if (once->second != 0) {
    values.reset();
  } else {
    values = given_[Index(fault)];
  }
}

}  // namespace tinyrig::agent::vboard
