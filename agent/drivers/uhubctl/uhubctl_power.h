#pragma once

#include <string>
#include <vector>

#include "agent/drivers/uhubctl/protocol.h"
#include "agent/instruments/power_switch.h"

namespace tinyrig::agent::uhubctl {

/// Where uhubctl is; Debian keeps it in /usr/sbin. Its bare name when it is nowhere.
std::string FindProgram();

/// A port of a USB hub that switches its power, through the program uhubctl. A USB 3 hub is two
/// hubs, one a speed, that share the power of a socket: both ports are given, and both are
/// switched, for a socket is dark only when both halves are off.
class UhubctlPower : public PowerSwitch {
 public:
  /// RAM is lost long before; capacitors and ST-LINKs take their time.
  static constexpr milliseconds kOffTime{2000};

  explicit UhubctlPower(std::vector<Port> ports, std::string program = FindProgram(),
                        milliseconds off_time = kOffTime)
      : ports_(std::move(ports)), program_(std::move(program)), off_time_(off_time) {}

  Awaitable<Status> On(Deadline deadline) override { return Set(true, deadline); }
  Awaitable<Status> Off(Deadline deadline) override { return Set(false, deadline); }
  Awaitable<Status> Cycle(Deadline deadline) override;

 private:
  Awaitable<Status> Set(bool on, Deadline deadline);

  const std::vector<Port> ports_;
  const std::string program_;
  const milliseconds off_time_;
};

}  // namespace tinyrig::agent::uhubctl
