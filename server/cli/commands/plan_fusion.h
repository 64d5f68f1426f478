#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "proto/status/status.h"
#include "server/cli/commands/plan_picture.h"

namespace tinyrig::cli {

struct FusionOptions {
  std::string setting;         ///< As ParseFusionSetting() reads it.
  std::string cost = "exact";  ///< As CostPreset() reads it.
};

/// What `plan MODEL --fusion` prints: blocks, RAM by part, MACs. Gives the exit code; a limit that
/// no plan keeps is kExitInfeasible, with the reason on stderr. Also draws it, but a front: that is
/// many plans, and a drawing shows one (kInvalidArgument).
Result<int> ShowFusionPlan(const std::string& path, std::span<const std::byte> tflite,
                           const FusionOptions& options, const PictureFiles& pictures, bool json);

}  // namespace tinyrig::cli
