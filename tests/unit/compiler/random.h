#pragma once

#include <cstdint>

namespace tinyrig::compiler {

/// Random numbers that are the same on every host; std's distributions are not.
class Random {
 public:
  explicit Random(uint32_t seed) : state_(seed * 2654435761u + 1) {}
  /// In [low, high].
  int32_t In(int32_t low, int32_t high) {
    return low + static_cast<int32_t>(Next() % static_cast<uint32_t>(high - low + 1));
  }
  bool OneIn(int32_t n) { return In(1, n) == 1; }
  /// 2^-(low..high), not a power of two.
  float Scale(int32_t low, int32_t high) {
    return (1.0f + static_cast<float>(In(0, 1000)) / 1100.0f) /
           static_cast<float>(1 << In(low, high));
  }

 private:
  uint32_t Next() {
    state_ = state_ * 1664525u + 1013904223u;
    return state_ >> 8;
  }

  uint32_t state_;
};

}  // namespace tinyrig::compiler
