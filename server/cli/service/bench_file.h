#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/status/status.h"

/// The virtual bench of a local service: which boards, and the file that tells the agent about
/// them.
namespace tinyrig::cli {

/// A kind of virtual board as `tinyrig up --virtual` names it.
struct VirtualKind {
  std::string_view name;            ///< "m4"
  std::string_view board_type;      ///< "virtual_m4"
  std::string_view openocd_config;  ///< "virtual_m4.cfg"; empty: a process that the agent starts.
  uint32_t uid_address = 0;         ///< Where the factory's unique id lies.
  uint32_t dpidr = 0;               ///< What its debug port says it is.

  /// Whether a tinyrig-vboard plays it.
  bool emulated() const { return !openocd_config.empty(); }
};
std::span<const VirtualKind> VirtualKinds();
/// The kind that has this name or board type; null when there is none.
const VirtualKind* FindVirtualKind(std::string_view name);

struct VirtualBoard {
  std::string id;      ///< "m4-1"
  std::string serial;  ///< Of its probe: "VB0001"
  const VirtualKind* kind = nullptr;
  std::string folder;  ///< Private to the board: sockets and pty.
};

/// Boards from "m4,m4" (or board types; "none" = no board), numbered in order, with folders below
/// `socket_folder`. Errors: kInvalidArgument for an unknown kind or more than 64 boards.
Result<std::vector<VirtualBoard>> PlanBoards(const std::string& kinds,
                                             const std::string& socket_folder);

/// The agent's bench file (agent/README.md) for these boards.
std::string BenchFile(const std::vector<VirtualBoard>& boards, const std::string& server_address,
                      const std::string& agent_state, const std::string& probe_library);

}  // namespace tinyrig::cli
