#pragma once

#include <cstdint>

/// What a board accepts in Start. Client and server refuse more before a board is touched.
namespace tinyrig::device {

inline constexpr uint32_t kMaxWarmup = 1'000;         ///< Runs of a vector before it is timed.
inline constexpr uint32_t kMaxRepetitions = 100'000;  ///< Timed runs of a vector.

}  // namespace tinyrig::device
