#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agent/virtual/faults.h"

namespace tinyrig::agent::vboard {

/// Direction of serial bytes.
enum class Direction : uint8_t { kToHost, kToBoard };

/// A small seeded generator (SplitMix64): the same seed gives the same faults on every machine.
class SeededRandom {
 public:
  explicit SeededRandom(uint64_t seed = 0) : state_(seed) {}
  uint64_t Next();
  /// True with probability `rate`.
  bool Happens(double rate);
  std::vector<uint8_t> Bytes(size_t count);

 private:
  uint64_t state_;
};

/// Drops and flips serial bytes as the faults uart_drop and uart_flip ask for.
/// The n-th byte of a direction since Reseed() meets the same fate whatever the chunks were.
class UartNoise {
 public:
  /// `faults` must outlive this object.
  explicit UartNoise(const FaultSet& faults) : faults_(faults) { Reseed(); }

  /// Starts the sequences again, from the seeds of the faults that are on.
  void Reseed();
  /// What is left of `bytes` on this line.
  std::vector<uint8_t> Apply(Direction direction, std::span<const uint8_t> bytes);

  uint64_t dropped() const { return dropped_; }
  uint64_t flipped() const { return flipped_; }

 private:
  double Rate(Fault fault, Direction direction) const;

  const FaultSet& faults_;
  SeededRandom drop_[2];
  SeededRandom flip_[2];
  uint64_t dropped_ = 0;
  uint64_t flipped_ = 0;
};

}  // namespace tinyrig::agent::vboard
