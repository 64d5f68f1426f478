#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "agent/drivers/openocd/commands.h"
#include "agent/instruments/probe.h"

namespace tinyrig::agent::openocd {

/// A probe driven by the stock OpenOCD, one process a call. Holds nothing between calls, so a probe
/// that was unplugged works again when it is back.
class OpenOcdProbe : public Probe {
 public:
  /// `environment` is all the child gets besides PATH. Memory is dumped into `work_dir`.
  OpenOcdProbe(Adapter adapter, std::map<std::string, std::string> environment,
               std::filesystem::path work_dir);

  Awaitable<Result<ProbeIdentity>> Identify(Deadline deadline) override;
  Awaitable<Result<FlashReport>> Flash(FlashRequest request, Deadline deadline) override;
  Awaitable<Result<std::vector<std::vector<uint8_t>>>> ReadMemory(std::vector<MemoryRange> ranges,
                                                                  Deadline deadline) override;
  Awaitable<Status> Reset(Deadline deadline) override;

 private:
  /// The output of a run that reached its end.
  Awaitable<Result<std::string>> Run(Result<std::vector<std::string>> argv, Deadline deadline);

  Adapter adapter_;
  std::map<std::string, std::string> environment_;
  std::filesystem::path work_dir_;
};

}  // namespace tinyrig::agent::openocd
