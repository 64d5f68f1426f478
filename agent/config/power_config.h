#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/config/yaml_map.h"
#include "proto/status/status.h"

namespace tinyrig::agent {

/// How a board's supply is switched: the fields of one driver are set, the others empty.
struct PowerConfig {
  std::string driver;   ///< Empty: not at all.
  std::string control;  ///< "virtual": the board's control socket.

  std::string hub;       ///< "uhubctl": location of the hub, "1-1.4".
  std::string usb3_hub;  ///< The same hub as the USB 3 side sees it, "2-1.4"; empty: none.
  uint32_t port = 0;     ///< Port of the hub, from 1.

  /// "command": programs with their arguments; {board} and {serial} are filled in already. Without
  /// `cycle`: off, wait, on.
  std::vector<std::string> on;
  std::vector<std::string> off;
  std::vector<std::string> cycle;
};

/// Reads the key `power` of a board. Errors: those of YamlMap, and a key that belongs to another
/// driver.
Result<PowerConfig> ReadPower(const YamlMap& board, const std::string& id,
                              const std::string& probe_serial);

}  // namespace tinyrig::agent
