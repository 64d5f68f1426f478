#pragma once

#include <fmt/ranges.h>

#include <cstdint>
#include <string>
#include <vector>

/// What commands that show a model have in common.
namespace tinyrig::cli {

inline constexpr uint64_t kMaxModelBytes = 256 << 20;  ///< Of a model file.

/// "1x49x10x1".
inline std::string ShapeText(const std::vector<uint32_t>& shape) {
  return fmt::format("{}", fmt::join(shape, "x"));
}

}  // namespace tinyrig::cli
