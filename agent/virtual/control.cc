#include "agent/virtual/control.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace tinyrig::agent::vboard {
namespace {

using Json = nlohmann::json;

Status Invalid(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

Result<std::string> Text(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end()) return Invalid(fmt::format("the key \"{}\" is missing", key));
  if (!it->is_string()) return Invalid(fmt::format("\"{}\" must be a string", key));
  return it->get<std::string>();
}

Status OnlyKeys(const Json& object, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(known, std::string_view(key)) != known.end()) continue;
    return Invalid(
        fmt::format("the key \"{}\" is unknown here; known are: {}", key, fmt::join(known, ", ")));
  }
  return OkStatus();
}

Result<ControlCommand> ParsePower(const Json& object) {
  TRY(OnlyKeys(object, {"cmd", "state"}));
  TRY_ASSIGN(const std::string state, Text(object, "state"));
  constexpr std::array kNames = {std::string_view("on"), std::string_view("off"),
                                 std::string_view("cycle")};
  const auto it = std::ranges::find(kNames, std::string_view(state));
  if (it == kNames.end()) {
    return Invalid(fmt::format("power state '{}' is unknown; use on, off or cycle", state));
  }
  return ControlCommand(PowerCommand{static_cast<PowerState>(it - kNames.begin())});
}

Result<ControlCommand> ParseStatus(const Json& object) {
  TRY(OnlyKeys(object, {"cmd"}));
  return ControlCommand(StatusCommand{});
}

Result<ControlCommand> ParseFault(const Json& object) {
  TRY_ASSIGN(const std::string name, Text(object, "name"));
  TRY_ASSIGN(const FaultSpec* spec, FindFault(name));
  FaultCommand command{spec, {}};
  for (const auto& [key, value] : object.items()) {
    if (key == "cmd" || key == "name") continue;
    if (!value.is_number()) return Invalid(fmt::format("\"{}\" must be a number", key));
    command.parameters[key] = value.get<double>();
  }
  return ControlCommand(std::move(command));
}

Result<ControlCommand> ParseClear(const Json& object) {
  TRY(OnlyKeys(object, {"cmd", "name"}));
  if (!object.contains("name")) return ControlCommand(ClearCommand{nullptr});
  TRY_ASSIGN(const std::string name, Text(object, "name"));
  TRY_ASSIGN(const FaultSpec* spec, FindFault(name));
  return ControlCommand(ClearCommand{spec});
}

struct Verb {
  std::string_view name;
  Result<ControlCommand> (*parse)(const Json&);
};
constexpr std::array kVerbs = {Verb{"power", ParsePower}, Verb{"status", ParseStatus},
                               Verb{"fault", ParseFault}, Verb{"clear", ParseClear}};

}  // namespace

Result<ControlCommand> ParseControl(std::string_view line) {
  const Json object = Json::parse(line, nullptr, false);
  if (!object.is_object()) {
    return Invalid("the line is no JSON object; send for example {\"cmd\":\"status\"}");
  }
  TRY_ASSIGN(const std::string name, Text(object, "cmd"));
  const auto it = std::ranges::find(kVerbs, std::string_view(name), &Verb::name);
  if (it != kVerbs.end()) return it->parse(object);
  return Invalid(fmt::format("command '{}' is unknown; use power, status, fault or clear", name));
}

std::string ControlError(const Status& status) {
  const Json answer = {
      {"ok", false}, {"code", CodeName(status.code())}, {"error", status.message()}};
  return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace tinyrig::agent::vboard
