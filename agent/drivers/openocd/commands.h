#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/instruments/probe.h"
#include "proto/status/status.h"

/// Command lines of the stock OpenOCD. Pure: no process, no file.
namespace tinyrig::agent::openocd {

struct Adapter {
  std::string config;  ///< Path of the configuration file.
  std::string serial;  ///< Empty: whatever adapter the configuration finds.
  uint32_t uid_address = 0;
  /// Identity that the debug port must have, 0: any. OpenOCD's own -expected-id is not enforced on
  /// SWD, so the commands compare before anything is written.
  uint32_t dpidr = 0;
};

/// Markers that the commands print and output.h looks for.
inline constexpr char kDpidrMarker[] = "tinyrig dpidr:";  ///< Only when it is wrong.
inline constexpr char kUidMarker[] = "tinyrig uid:";
inline constexpr char kStateMarker[] = "tinyrig state:";
inline constexpr char kMailboxMarker[] = "tinyrig mailbox:";
inline constexpr char kDoneMarker[] = "tinyrig done";

/// All give the whole argv, "openocd" first.
/// Errors: kInvalidArgument: a path or serial that Tcl could take for something else.
Result<std::vector<std::string>> IdentifyCommand(const Adapter& adapter);
Result<std::vector<std::string>> FlashCommand(const Adapter& adapter, const FlashRequest& request);
Result<std::vector<std::string>> ReadCommand(const Adapter& adapter,
                                             const std::vector<MemoryRange>& ranges,
                                             const std::vector<std::filesystem::path>& files);
Result<std::vector<std::string>> ResetCommand(const Adapter& adapter);

}  // namespace tinyrig::agent::openocd
