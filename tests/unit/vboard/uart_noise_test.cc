#include "agent/virtual/uart_noise.h"

#include <gtest/gtest.h>

#include <numeric>

namespace tinyrig::agent::vboard {
namespace {

std::vector<uint8_t> Ramp(size_t size) {
  std::vector<uint8_t> bytes(size);
  std::iota(bytes.begin(), bytes.end(), uint8_t{0});
  return bytes;
}

class UartNoiseTest : public ::testing::Test {
 protected:
  void Fault(const char* name, const FaultParameters& parameters) {
    ASSERT_TRUE(faults_.Apply(**FindFault(name), parameters).ok());
    noise_.Reseed();
  }
  FaultSet faults_;
  UartNoise noise_{faults_};
};

TEST_F(UartNoiseTest, CleanLineChangesNothing) {
  EXPECT_EQ(noise_.Apply(Direction::kToHost, Ramp(1000)), Ramp(1000));
  EXPECT_EQ(noise_.dropped() + noise_.flipped(), 0u);
}

TEST_F(UartNoiseTest, ChunksDoNotMatter) {
  Fault("uart_drop", {{"rate", 0.1}});
  Fault("uart_flip", {{"rate", 0.1}});
  const auto whole = noise_.Apply(Direction::kToHost, Ramp(1000));
  noise_.Reseed();
  std::vector<uint8_t> parts;
  const auto ramp = Ramp(1000);
  for (size_t at = 0; at < ramp.size();) {
    const size_t size = std::min<size_t>(1 + at % 7, ramp.size() - at);
    const auto part = noise_.Apply(Direction::kToHost, std::span(ramp).subspan(at, size));
    parts.insert(parts.end(), part.begin(), part.end());
    at += size;
  }
  EXPECT_EQ(parts, whole);
}

TEST_F(UartNoiseTest, RatesAreMet) {
  Fault("uart_drop", {{"rate", 0.25}, {"seed", 11}});
  EXPECT_NEAR(static_cast<double>(noise_.Apply(Direction::kToHost, Ramp(100000)).size()), 75000,
              700);
  Fault("uart_drop", {{"rate", 1}});
  EXPECT_TRUE(noise_.Apply(Direction::kToHost, Ramp(1000)).empty());
}

TEST_F(UartNoiseTest, DirectionsAreChosen) {
  Fault("uart_drop", {{"rate", 1}, {"to_host", 0}});
  EXPECT_EQ(noise_.Apply(Direction::kToHost, Ramp(10)).size(), 10u);
  EXPECT_EQ(noise_.Apply(Direction::kToBoard, Ramp(10)).size(), 0u);
  EXPECT_EQ(noise_.dropped(), 10u);
}

TEST_F(UartNoiseTest, SeedsDiffer) {
  Fault("uart_flip", {{"rate", 0.5}, {"seed", 1}});
  const auto first = noise_.Apply(Direction::kToHost, Ramp(100));
  Fault("uart_flip", {{"rate", 0.5}, {"seed", 2}});
  EXPECT_NE(noise_.Apply(Direction::kToHost, Ramp(100)), first);
}

// Written down once: a fault campaign of today must be repeatable tomorrow.
TEST(SeededRandom, SequenceIsFixed) {
  SeededRandom random(0);
  EXPECT_EQ(random.Next(), 0xE220A8397B1DCDAFu);
  EXPECT_EQ(random.Next(), 0x6E789E6AA1B965F4u);
}

}  // namespace
}  // namespace tinyrig::agent::vboard
