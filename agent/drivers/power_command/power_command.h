#pragma once

#include <string>
#include <vector>

#include "agent/instruments/power_switch.h"

namespace tinyrig::agent::power_command {

/// A supply that a program of the user's switches: a relay board, a PDU, a smart plug. Programs are
/// started directly, without a shell, with PATH and nothing else in their environment.
class CommandPower : public PowerSwitch {
 public:
  struct Commands {
    std::vector<std::string> on;
    std::vector<std::string> off;
    std::vector<std::string> cycle;  ///< Empty: off, wait, on.
  };
  static constexpr milliseconds kOffTime{2000};

  explicit CommandPower(Commands commands, milliseconds off_time = kOffTime)
      : commands_(std::move(commands)), off_time_(off_time) {}

  Awaitable<Status> On(Deadline deadline) override { return Run("on", commands_.on, deadline); }
  Awaitable<Status> Off(Deadline deadline) override { return Run("off", commands_.off, deadline); }
  Awaitable<Status> Cycle(Deadline deadline) override;

 private:
  static Awaitable<Status> Run(std::string what, std::vector<std::string> argv, Deadline deadline);

  const Commands commands_;
  const milliseconds off_time_;
};

}  // namespace tinyrig::agent::power_command
