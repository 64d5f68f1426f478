#include "agent/config/power_config.h"

#include <algorithm>

namespace tinyrig::agent {
namespace {

const YamlMap::Keys kAnyKeys{{"driver"},
                             {"control", "hub", "usb3_hub", "port", "on", "off", "cycle"}};
const YamlMap::Keys kVirtualKeys{{"driver", "control"}, {}};
const YamlMap::Keys kUhubctlKeys{{"driver", "hub", "port"}, {"usb3_hub"}};
const YamlMap::Keys kCommandKeys{{"driver", "on", "off"}, {"cycle"}};

const YamlMap::Keys& KeysOf(const std::string& driver) {
  if (driver == "virtual") return kVirtualKeys;
  if (driver == "uhubctl") return kUhubctlKeys;
  if (driver == "command") return kCommandKeys;
  return kAnyKeys;  // The registry says which drivers there are.
}

void Replace(std::string& text, std::string_view what, const std::string& with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.replace(at, what.size(), with);
    at += with.size();
  }
}

Result<std::vector<std::string>> ReadArguments(const YamlMap& map, std::string_view key,
                                               const std::string& id, const std::string& serial) {
  TRY_ASSIGN(std::vector<std::string> arguments, map.List(key));
  for (std::string& argument : arguments) {
    Replace(argument, "{board}", id);
    Replace(argument, "{serial}", serial);
  }
  return arguments;
}

Result<std::string> ReadHub(const YamlMap& map, std::string_view key) {
  TRY_ASSIGN(std::string hub, map.Text(key));
  const bool plain = std::ranges::all_of(
      hub, [](char c) { return (c >= '0' && c <= '9') || c == '-' || c == '.'; });
  if (!plain || hub.starts_with('-')) {
    return map.ErrorAt(key, "a hub is named by its place, as 'uhubctl' lists it: 1-1.4");
  }
  return hub;
}

}  // namespace

Result<PowerConfig> ReadPower(const YamlMap& board, const std::string& id,
                              const std::string& serial) {
  PowerConfig power;
  TRY_ASSIGN(const YamlMap any, board.Map("power", kAnyKeys));
  TRY_ASSIGN(power.driver, any.Text("driver"));
  TRY_ASSIGN(const YamlMap map, board.Map("power", KeysOf(power.driver)));
  if (power.driver == "virtual") {
    TRY_ASSIGN(power.control, map.Text("control"));
  } else if (power.driver == "uhubctl") {
    constexpr uint32_t kMostPorts = 16;
    TRY_ASSIGN(power.hub, ReadHub(map, "hub"));
    TRY_ASSIGN(power.port, map.Number("port", 1, kMostPorts));
    if (map.Has("usb3_hub")) {
      TRY_ASSIGN(power.usb3_hub, ReadHub(map, "usb3_hub"));
    }
  } else if (power.driver == "command") {
    TRY_ASSIGN(power.on, ReadArguments(map, "on", id, serial));
    TRY_ASSIGN(power.off, ReadArguments(map, "off", id, serial));
    if (map.Has("cycle")) {
      TRY_ASSIGN(power.cycle, ReadArguments(map, "cycle", id, serial));
    }
  }
  return power;
}

}  // namespace tinyrig::agent
