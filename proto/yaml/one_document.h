#pragma once

#include <yaml-cpp/yaml.h>

#include <string>
#include <string_view>

#include "proto/status/status.h"

namespace tinyrig {

/// Parses text that a person wrote, which must be exactly one YAML document; an empty text is a
/// null node. Bounded in time and memory for any text.
/// Errors: kInvalidArgument, "FILE:LINE: what; what to try".
Result<YAML::Node> LoadOneYamlDocument(std::string_view text, std::string_view file);

}  // namespace tinyrig
