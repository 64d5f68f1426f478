#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "server/cli/bench/bench_draft.h"
#include "server/cli/bench/machine.h"

/// Which serial port belongs to which probe, as far as looking at the machine tells.
namespace tinyrig::cli {

/// A serial port that no probe brings with it.
struct LoosePort {
  std::string path;  ///< "/dev/ttyUSB0"
  std::string
      stable;        ///< The same by serial number or USB port; `path` when there is no such name.
  std::string what;  ///< "FTDI FT232R at USB 1-3"
};

struct Pairing {
  std::vector<BoardDraft> boards;  ///< One a probe; without a port unless the probe brings it.
  std::vector<LoosePort> loose;
};

/// Names below /dev/serial are looked for below `root`.
Pairing PairUp(const Machine& machine, const std::filesystem::path& root);

/// A name in /dev/serial that stands for the same device after a restart: by serial number, or by
/// USB port where serial numbers tell nothing apart. `path` itself when udev made none.
std::string StablePortName(const std::filesystem::path& root, const std::string& path,
                           bool serial_is_unique);

}  // namespace tinyrig::cli
