#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/status/status.h"
#include "server/cli/bench/machine.h"
#include "server/cli/bench/tools.h"

/// What `tinyrig doctor` says. Pure: a machine as scanned in, findings out.
namespace tinyrig::cli {

enum class Level : uint8_t {
  kOk,
  kNote,     ///< Worth knowing; nothing is blocked.
  kProblem,  ///< Something will not work until it is done.
};

struct Finding {
  Level level = Level::kOk;
  std::string check;  ///< "tool", "probe", "permission", "busy", "identity", "bench", "service"
  std::string what;
  std::string where;  ///< A path, a USB port, a board; may be empty.
  std::string todo;   ///< Empty when there is nothing to do.
};

/// What a bench file says of the instruments of one board, as far as doctor compares it.
struct BenchBoard {
  std::string id;
  std::string serial;  ///< Of the probe.
  std::vector<std::string> ports;
  bool is_virtual = false;  ///< Its probe is a program.
};

/// Reads those parts; whether the file is valid is for tinyrig-agent to say.
/// Errors: kInvalidArgument for text that is not YAML or has no list of boards.
Result<std::vector<BenchBoard>> ReadBenchBoards(std::string_view yaml, std::string_view file);

/// Programs that doctor looks for, in order.
std::vector<std::string> ToolNames();

std::vector<Finding> CheckTools(const std::vector<Tool>& tools);
/// Probes, permissions, other users, serial numbers.
std::vector<Finding> CheckMachine(const Machine& machine);
/// Compares with what is there; ports are looked for below `root`.
std::vector<Finding> CheckBench(const Machine& machine, const std::vector<BenchBoard>& boards,
                                const std::filesystem::path& root);

}  // namespace tinyrig::cli
