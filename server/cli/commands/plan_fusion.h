#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "proto/status/status.h"

namespace tinyrig::cli {

struct FusionOptions {
  std::string setting;         ///< As ParseFusionSetting() reads it.
  std::string cost = "exact";  ///< As CostPreset() reads it.
};

/// What `plan MODEL --fusion` prints: blocks, RAM by part, MACs. Gives the exit code; a limit that
/// no plan keeps is kExitInfeasible, with the reason on stderr.
Result<int> ShowFusionPlan(const std::string& path, std::span<const std::byte> tflite,
                           const FusionOptions& options, bool json);

}  // namespace tinyrig::cli
