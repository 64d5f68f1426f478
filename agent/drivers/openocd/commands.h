#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/drivers/openocd/flash_banks.h"
#include "agent/instruments/probe.h"
#include "proto/status/status.h"

/// Command lines and Tcl scripts of the stock OpenOCD. Pure: no process, no file.
namespace tinyrig::agent::openocd {

struct Adapter {
  std::string config;  ///< Path of the configuration file.
  std::string serial;  ///< Empty: whatever adapter the configuration finds.
  uint32_t uid_address = 0;
  /// Identity that the debug port must have, 0: any. OpenOCD's own -expected-id is not enforced on
  /// SWD, so the scripts compare before anything is written.
  uint32_t dpidr = 0;
};

/// Markers that the scripts log and output.h looks for.
inline constexpr char kWrongDpidrMarker[] = "tinyrig dpidr:";  ///< Only when it is wrong.
inline constexpr char kDpMarker[] = "tinyrig dp:";
inline constexpr char kUidMarker[] = "tinyrig uid:";
inline constexpr char kStateMarker[] = "tinyrig state:";
inline constexpr char kBankMarker[] = "tinyrig bank:";  ///< Then what `flash info` printed.
inline constexpr char kMailboxMarker[] = "tinyrig mailbox:";
inline constexpr char kTimeMarker[] = "tinyrig time:";  ///< A name, then milliseconds.
inline constexpr char kDoneMarker[] = "tinyrig done";

/// Tcl commands, one after the other; the first that fails ends the script.
using Script = std::vector<std::string>;

/// How OpenOCD answers between its start and its end.
enum class Service {
  kNone,  ///< It runs what its command line says.
  kPipe,  ///< Its Tcl service on standard input and output: no port that could collide.
};

/// The command line up to and with `init`, "openocd" first.
/// Errors of all: kInvalidArgument: a path or serial that Tcl could take for something else.
Result<std::vector<std::string>> StartCommand(const Adapter& adapter, Service service);

/// The debug port answers, is the one that the bench file names, and so does the core behind it.
/// All scripts below begin with it and end with kDoneMarker.
Script ContactScript(const Adapter& adapter);
Result<Script> IdentifyScript(const Adapter& adapter);
/// Resets and halts. `banks`: also prints the flash banks.
Result<Script> PrepareScript(const Adapter& adapter, bool banks);

/// What FlashScript() does, worked out.
struct FlashWork {
  bool reset = true;  ///< Else the core is halted after a reset already.
  std::vector<EraseRange> erase;
  std::vector<FlashSegment> write;   ///< Parts of the segments; flash is erased where they go.
  std::vector<FlashSegment> verify;  ///< The segments.
};
Result<Script> FlashScript(const Adapter& adapter, const std::vector<FlashBank>& banks,
                           const FlashWork& work, const FlashRequest& request);
Result<Script> ReadScript(const Adapter& adapter, const std::vector<MemoryRange>& ranges,
                          const std::vector<std::filesystem::path>& files);
Result<Script> ResetScript(const Adapter& adapter);

/// One Tcl command that does all steps in their order; its result are the words read, in hex.
std::string AccessCommand(const std::vector<MemoryAccess>& steps);

}  // namespace tinyrig::agent::openocd
