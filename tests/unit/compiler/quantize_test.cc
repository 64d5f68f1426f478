#include "firmware/compiler/lowering/quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tinyrig::compiler {
namespace {

TEST(QuantizeMultiplierTest, SplitsIntoFractionAndExponent) {
  EXPECT_EQ(*QuantizeMultiplier(0.5), (Multiplier{1 << 30, 0}));
  EXPECT_EQ(*QuantizeMultiplier(1.0), (Multiplier{1 << 30, 1}));
  EXPECT_EQ(*QuantizeMultiplier(0.75 / 256), (Multiplier{3 << 29, -8}));
  EXPECT_EQ(*QuantizeMultiplier(0), (Multiplier{0, 0}));
  EXPECT_EQ(*QuantizeMultiplier(-0.75), (Multiplier{-(3 << 29), 0}));
  // Rounds up to the next power of two instead of leaving the range.
  EXPECT_EQ(*QuantizeMultiplier(std::nextafter(1.0, 0.0)), (Multiplier{1 << 30, 1}));
  // Too small for any shift: nothing is left.
  EXPECT_EQ(*QuantizeMultiplier(std::ldexp(1.0, -40)), (Multiplier{0, 0}));
}

TEST(QuantizeMultiplierTest, RefusesWhatCannotBe) {
  const double kBad[] = {std::numeric_limits<double>::infinity(),
                         std::numeric_limits<double>::quiet_NaN(), std::ldexp(1.0, 31),
                         -std::ldexp(1.0, 31)};
  for (double real : kBad) {
    EXPECT_FALSE(QuantizeMultiplier(real).ok()) << real;
  }
}

TEST(QuantizeActivationTest, BoundsOfEachActivation) {
  const auto range = [](Activation activation, float scale, int32_t zero) {
    const auto result = QuantizeActivation(activation, scale, zero);
    return std::pair<int, int>(result->min, result->max);
  };
  EXPECT_EQ(range(Activation::kNone, 0.1f, 5), std::pair(-128, 127));
  EXPECT_EQ(range(Activation::kRelu, 0.1f, 5), std::pair(5, 127));
  EXPECT_EQ(range(Activation::kRelu6, 0.1f, 5), std::pair(5, 65));
  EXPECT_EQ(range(Activation::kRelu6, 6.0f / 255, -128), std::pair(-128, 127));
  EXPECT_EQ(range(Activation::kReluN1To1, 0.1f, 0), std::pair(-10, 10));
  EXPECT_EQ(range(Activation::kRelu6, 1e-30f, 0), std::pair(0, 127));
  EXPECT_EQ(QuantizeActivation(Activation::kTanh, 0.1f, 0).error().code(), Code::kUnimplemented);
}

TEST(PlaceWindowTest, SameAndValid) {
  const auto place = [](Padding padding, uint32_t in, uint32_t kernel, uint32_t stride,
                        uint32_t dilation) {
    const auto result = PlaceWindow(padding, in, kernel, stride, dilation);
    return std::pair(result->output, result->pad);
  };
  EXPECT_EQ(place(Padding::kSame, 49, 10, 2, 1), std::pair(25u, 4u));
  EXPECT_EQ(place(Padding::kSame, 96, 3, 2, 1), std::pair(48u, 0u));
  EXPECT_EQ(place(Padding::kSame, 5, 3, 1, 2), std::pair(5u, 2u));
  EXPECT_EQ(place(Padding::kSame, 2, 1, 4, 1), std::pair(1u, 0u));
  EXPECT_EQ(place(Padding::kValid, 7, 3, 2, 1), std::pair(3u, 0u));
  EXPECT_EQ(place(Padding::kValid, 7, 3, 1, 3), std::pair(1u, 0u));
  EXPECT_FALSE(PlaceWindow(Padding::kValid, 2, 3, 1, 1).ok());
}

TEST(QuantizeSoftmaxTest, KnownScales) {
  const auto scaling = QuantizeSoftmax(1.0f, 0.125f);
  ASSERT_TRUE(scaling.ok());
  EXPECT_EQ(scaling->multiplier, 1 << 30);
  EXPECT_EQ(scaling->left_shift, 24);
  EXPECT_EQ(scaling->diff_min, -124);
  EXPECT_EQ(QuantizeSoftmax(1.0f, 1e-12f).error().code(), Code::kUnimplemented);
  EXPECT_TRUE(QuantizeSoftmax(1e30f, 1e8f).ok());
}

}  // namespace
}  // namespace tinyrig::compiler
