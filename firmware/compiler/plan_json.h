#pragma once

#include <nlohmann/json_fwd.hpp>

#include "firmware/compiler/model_info.h"
#include "firmware/compiler/plan.h"

namespace tinyrig::compiler {

/// A plan for programs. Keys are the fields' names; `variant` is its canonical text. Byte counts
/// are plain numbers.
nlohmann::ordered_json ToJson(const Plan& plan);

/// The same for what `tinyrig model` shows.
nlohmann::ordered_json ToJson(const ModelInfo& info);

}  // namespace tinyrig::compiler
