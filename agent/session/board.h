#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/instruments/link.h"
#include "agent/instruments/power_switch.h"
#include "agent/instruments/probe.h"
#include "agent/state/flash_record.h"

namespace tinyrig::agent {

/// One board of the bench with its instruments. Lives as long as the agent; at most one attempt
/// uses it at a time.
struct Board {
  std::string id;
  std::string type;
  std::string probe_serial;
  std::map<std::string, std::string> labels;
  std::unique_ptr<Probe> probe;
  std::unique_ptr<LinkPort> link;
  std::unique_ptr<PowerSwitch> power;  ///< Null when the board has none.
  /// Not empty: the board cannot take jobs, and why.
  std::string broken;
  /// An attempt is using the board and its link.
  bool busy = false;
  /// The last attempt left the board in an unknown state: the next one power-cycles it first.
  bool needs_power_cycle = false;
  /// Read through the probe, once known. A later difference means another board behind the probe.
  std::string mcu_uid;
  /// What is known to be in its program memory.
  FlashRecord flash;
  /// What the probe last wrote into the board's mailbox; 0 before the first time.
  uint32_t mailbox_word = 0;
};

/// All boards of the bench, in the order of the bench file.
using Boards = std::vector<std::unique_ptr<Board>>;

}  // namespace tinyrig::agent
