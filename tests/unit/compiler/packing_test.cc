#include "firmware/compiler/lowering/packing.h"

#include <gtest/gtest.h>

#include <random>

#include "firmware/runtime/fixed_point.h"
#include "firmware/runtime/kernels/simd/simd.h"

namespace tinyrig::compiler {
namespace {

using runtime::PackedRequant;
using runtime::WeightForm;

int8_t Plain(int64_t acc, const ChannelScale& channel, int32_t zero) {
  const int32_t scaled = runtime::MultiplyByQuantizedMultiplier(
      static_cast<int32_t>(acc), channel.multiplier.multiplier, channel.multiplier.shift);
  return static_cast<int8_t>(std::clamp<int64_t>(int64_t{scaled} + zero, -128, 127));
}

/// `acc` as the packed kernels see it: shifted by the difference of the biases.
int8_t Packed(int64_t acc, const ChannelScale& channel, int32_t sum_zero,
              const PackedRequant& packed) {
  const auto shifted = static_cast<int32_t>(acc - channel.bias + sum_zero + packed.bias);
  return runtime::RequantizePacked(shifted, packed.multiplier, packed.rounding, packed.shift);
}

TEST(PackedRequantTest, EqualsTfliteForEveryReachableAccumulator) {
  std::mt19937 random(11);
  int packed_channels = 0;
  for (int trial = 0; trial < 3000; ++trial) {
    std::vector<int8_t> weights(1 + random() % 12);
    for (auto& weight : weights)
      weight = static_cast<int8_t>(static_cast<int>(random() % 255) - 127);
    ChannelScale channel;
    channel.bias = static_cast<int32_t>(random() % 40001) - 20000;
    channel.multiplier.multiplier = static_cast<int32_t>((1u << 30) + random() % (1u << 30));
    // From factors of 1/2 down to dead channels.
    channel.multiplier.shift = -static_cast<int32_t>(random() % 32);
    if (random() % 50 == 0) channel.multiplier = {0, 0};
    const auto input_zero = static_cast<int32_t>(random() % 256) - 128;
    const auto output_zero = static_cast<int32_t>(random() % 256) - 128;
    const auto table =
        MakePackedRequant(std::span(&channel, 1), weights, input_zero, output_zero, 2);
    if (!table) continue;
    ++packed_channels;
    ASSERT_EQ(table->size(), 2u);

    int64_t sum_zero = 0;
    int64_t magnitude = 0;
    for (int8_t weight : weights) {
      sum_zero += input_zero * weight;
      magnitude += std::abs(weight);
    }
    const int64_t low = channel.bias - sum_zero - 128 * magnitude;
    const int64_t high = channel.bias - sum_zero + 128 * magnitude;
    const int64_t step = std::max<int64_t>(1, (high - low) / 500);
    for (int64_t acc = low; acc <= high; acc += step) {
      ASSERT_EQ(Packed(acc, channel, static_cast<int32_t>(sum_zero), table->front()),
                Plain(acc, channel, output_zero))
          << "acc " << acc << " multiplier " << channel.multiplier.multiplier << " shift "
          << channel.multiplier.shift << " zero " << output_zero;
    }
  }
  EXPECT_GT(packed_channels, 2500);
}

TEST(PackedRequantTest, TiesRoundAwayFromZeroAsTfliteDoes) {
  // Factor 1/2 * 2^-1: every odd multiple of 2 is a tie of the second rounding.
  const ChannelScale channel{0, {1 << 30, -1}};
  const std::vector<int8_t> weights = {127};
  const auto table = MakePackedRequant(std::span(&channel, 1), weights, 0, 0, 2);
  ASSERT_TRUE(table.has_value());
  for (int32_t acc = -300; acc <= 300; ++acc) {
    EXPECT_EQ(Packed(acc, channel, 0, table->front()), Plain(acc, channel, 0)) << acc;
  }
}

TEST(PackedRequantTest, RefusesWhatWouldNotBeExact) {
  const std::vector<int8_t> weights(1000, 127);
  const ChannelScale half{0, {1 << 30, 0}};
  EXPECT_FALSE(MakePackedRequant(std::span(&half, 1), weights, 0, 0, 2).has_value());
  const ChannelScale overflow{INT32_MAX, {1 << 30, -8}};
  EXPECT_FALSE(MakePackedRequant(std::span(&overflow, 1), weights, 0, 0, 2).has_value());
}

TEST(PackConvWeightsTest, InterleavesPairsOfChannels) {
  // Three channels of five values: a = 1..5, b = 11..15, c = 21..25.
  const std::vector<int8_t> weights = {1, 2, 3, 4, 5, 11, 12, 13, 14, 15, 21, 22, 23, 24, 25};
  const auto narrow = PackConvWeights(weights, 3, WeightForm::kPackedInt8);
  const std::vector<int> expected = {1,  11, 2,  12, 3,  13, 4,  14, 5,  15, 0, 0, 0, 0, 0, 0,
                                     21, 0,  22, 0,  23, 0,  24, 0,  25, 0,  0, 0, 0, 0, 0, 0};
  ASSERT_EQ(narrow.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(static_cast<int>(narrow[i]), expected[i]);

  const auto wide = PackConvWeights(weights, 3, WeightForm::kPackedInt16);
  const std::vector<int> start = {1, 2, 11, 12, 3, 4, 13, 14, 5, 0, 15, 0};
  ASSERT_EQ(wide.size(), 2 * expected.size());
  for (size_t i = 0; i < start.size(); ++i) {
    EXPECT_EQ(static_cast<int>(wide[2 * i]), start[i]) << i;
    EXPECT_EQ(static_cast<int>(wide[2 * i + 1]), 0);
  }
}

TEST(PackDepthwiseWeightsTest, PadsRowsAndChannels) {
  const std::vector<int8_t> weights = {1, 2, 3, -4, 5, 6};  // One channel, 2 rows of 3.
  const auto packed = PackDepthwiseWeights(weights, 1, 2, 3, WeightForm::kPackedInt16);
  ASSERT_EQ(packed.size(), 4u * 8 * 2);
  const std::vector<int> expected = {1, 2, 3, 0, -4, 5, 6, 0};
  for (size_t i = 0; i < expected.size(); ++i) {
    int16_t value;
    std::memcpy(&value, packed.data() + 2 * i, 2);
    EXPECT_EQ(value, expected[i]) << i;
  }
}

}  // namespace
}  // namespace tinyrig::compiler
