#pragma once

#include <fmt/ranges.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tinyrig::cli {

/// "1x49x10x1".
inline std::string ShapeText(const std::vector<uint32_t>& shape) {
  return fmt::format("{}", fmt::join(shape, "x"));
}

}  // namespace tinyrig::cli
