#include "agent/virtual/uart_noise.h"

namespace tinyrig::agent::vboard {

uint64_t SeededRandom::Next() {
  state_ += 0x9E3779B97F4A7C15;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

bool SeededRandom::Happens(double rate) {
  return static_cast<double>(Next() >> 11) * 0x1p-53 < rate;
}

std::vector<uint8_t> SeededRandom::Bytes(size_t count) {
  std::vector<uint8_t> bytes(count);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(Next());
  return bytes;
}

void UartNoise::Reseed() {
  for (const uint64_t direction : {0, 1}) {
    const auto seed = [&](Fault fault) {
      return static_cast<uint64_t>(faults_.Value(fault, "seed")) * 2 + direction;
    };
    drop_[direction] = SeededRandom(seed(Fault::kUartDrop));
    flip_[direction] = SeededRandom(seed(Fault::kUartFlip));
  }
}

double UartNoise::Rate(Fault fault, Direction direction) const {
  const char* side = direction == Direction::kToHost ? "to_host" : "to_board";
  return faults_.Value(fault, side) == 0 ? 0 : faults_.Value(fault, "rate");
}

std::vector<uint8_t> UartNoise::Apply(Direction direction, std::span<const uint8_t> bytes) {
  const double drop_rate = Rate(Fault::kUartDrop, direction);
  const double flip_rate = Rate(Fault::kUartFlip, direction);
  std::vector<uint8_t> left(bytes.begin(), bytes.end());
  if (drop_rate == 0 && flip_rate == 0) return left;
  const auto index = static_cast<size_t>(direction);
  left.clear();
  for (uint8_t byte : bytes) {
    const bool drop = drop_[index].Happens(drop_rate);
    const bool flip = flip_[index].Happens(flip_rate);
    if (drop) {
      ++dropped_;
      continue;
    }
    if (flip) {
      byte ^= static_cast<uint8_t>(1u << (flip_[index].Next() % 8));
      ++flipped_;
    }
    left.push_back(byte);
  }
  return left;
}

}  // namespace tinyrig::agent::vboard
