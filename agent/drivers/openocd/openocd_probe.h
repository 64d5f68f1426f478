#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "agent/drivers/openocd/tool.h"
#include "agent/instruments/probe.h"

namespace tinyrig::agent::openocd {

enum class Mode {
  kLongLived,  ///< One process for many calls; holds the adapter until Release().
  kOneShot,    ///< One process a call.
};

/// A probe driven by the stock OpenOCD. An adapter that was unplugged works again when it is back.
class OpenOcdProbe : public Probe {
 public:
  /// `environment` is all the child gets besides PATH. Memory is dumped into `work_dir`.
  OpenOcdProbe(Adapter adapter, Mode mode, std::map<std::string, std::string> environment,
               std::filesystem::path work_dir);

  Awaitable<Result<ProbeIdentity>> Identify(Deadline deadline) override;
  Awaitable<Result<FlashTarget>> PrepareFlash(Deadline deadline) override;
  Awaitable<Result<FlashReport>> Flash(FlashRequest request, Deadline deadline) override;
  Awaitable<Result<std::vector<std::vector<uint8_t>>>> ReadMemory(std::vector<MemoryRange> ranges,
                                                                  Deadline deadline) override;
  Awaitable<Status> Reset(Deadline deadline) override;
  LiveMemory* live_memory() override { return live_; }
  void Release() override { tool_->Release(); }

 private:
  /// What a script that reached its end logged.
  Awaitable<Result<std::string>> Run(Result<Script> script, Deadline deadline);
  Result<FlashWork> WorkOf(const FlashRequest& request, bool reset) const;

  Adapter adapter_;
  std::filesystem::path work_dir_;
  std::unique_ptr<Tool> tool_;
  LiveMemory* live_ = nullptr;  ///< The tool's, when it stays.
  /// Of the board's kind, so asked for once.
  std::optional<std::vector<FlashBank>> banks_;
  bool prepared_ = false;  ///< PrepareFlash() was the last call.
};

}  // namespace tinyrig::agent::openocd
