#pragma once

#include <cstdint>
#include <random>

namespace tinyrig::zoo {

/// Random numbers that are the same on every host: std's engine, not its distributions.
class Seeded {
 public:
  explicit Seeded(uint32_t seed) : engine_(seed) {}
  /// In [low, high].
  int32_t In(int32_t low, int32_t high) {
    const auto count = static_cast<uint32_t>(high - low) + 1;
    return low + static_cast<int32_t>(engine_() % count);
  }
  /// In [low, high), in 65,536 steps.
  double Real(double low, double high) {
    return low + (high - low) * static_cast<double>(engine_() >> 16) / 65536.0;
  }
  /// A weight: the sum of three, so that small ones are frequent. In [-126, 126].
  int8_t Weight() { return static_cast<int8_t>(In(-42, 42) + In(-42, 42) + In(-42, 42)); }

 private:
  std::mt19937 engine_;
};

/// Of Seeded::Weight(): three times (85 * 85 - 1) / 12.
inline constexpr double kWeightVariance = 3.0 * (85.0 * 85.0 - 1.0) / 12.0;

}  // namespace tinyrig::zoo
