#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/power_config.h"
#include "proto/channel/channel.h"
#include "proto/status/status.h"

namespace tinyrig::agent {

struct ProbeConfig {
  std::string driver;
  std::string config;  ///< OpenOCD config: a path, or a name below share/tinyrig/openocd.
  std::string serial;
  uint32_t uid_address = 0;  ///< Where the MCU's 12-byte unique id is read.
  uint32_t dpidr = 0;        ///< What the debug port must identify itself as; 0: not checked.
  bool one_shot = false;     ///< A process for every use of the probe, instead of one that stays.
  std::map<std::string, std::string> env;  ///< All of the child's environment besides PATH.
  std::string folder;                      ///< "native": where the board's files are.
};

/// `link: {driver: uart, port: P}`, or `link: {in: {...}, out: {...}}` with a driver for each
/// direction, seen from the host.
struct LinkConfig {
  std::string driver;  ///< Of the cable; empty when there is none.
  std::string port;    ///< Of the cable.
  uint32_t baud_hz = 115200;
  bool probe_in = false;   ///< From the board through its RAM and the probe, not the cable.
  bool probe_out = false;  ///< The same, to the board.
};

struct BoardConfig {
  std::string id;
  std::string type;
  ProbeConfig probe;
  LinkConfig link;
  PowerConfig power;
  std::map<std::string, std::string> labels;  ///< What campaigns may ask for: "rack" -> "3".
};

struct BenchConfig {
  std::string bench;
  std::string server;               ///< gRPC address; empty when not given.
  ChannelSecurity security;         ///< `tls: {ca, cert, key}` and `token_file`.
  std::filesystem::path state_dir;  ///< Empty when not given.
  std::vector<BoardConfig> boards;
};

/// Names become file names and appear in tables: at most 64 letters, digits, '-', '_' or '.', and a
/// letter or digit first.
bool IsPlainName(std::string_view text);

/// Reads a bench file. Strict: an unknown or repeated key, a wrong type, a board id, serial or port
/// used twice is an error "file:line: what; what to try". Errors: kInvalidArgument.
Result<BenchConfig> ParseBenchFile(std::string_view yaml, std::string_view file);

}  // namespace tinyrig::agent
