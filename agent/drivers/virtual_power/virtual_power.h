#pragma once

#include <string>

#include "agent/instruments/power_switch.h"

namespace tinyrig::agent::virtual_power {

/// The power switch of a virtual board, behind its control socket: one JSON object a line each way.
class VirtualPowerSwitch : public PowerSwitch {
 public:
  explicit VirtualPowerSwitch(std::string control_socket) : path_(std::move(control_socket)) {}

  Awaitable<Status> On(Deadline deadline) override { return Set("on", deadline); }
  Awaitable<Status> Off(Deadline deadline) override { return Set("off", deadline); }
  Awaitable<Status> Cycle(Deadline deadline) override { return Set("cycle", deadline); }

 private:
  Awaitable<Status> Set(std::string state, Deadline deadline);
  Awaitable<Status> Ask(std::string state);

  std::string path_;
};

}  // namespace tinyrig::agent::virtual_power
