#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "firmware/compiler/compile.h"
#include "firmware/compiler/reference_run.h"
#include "tests/unit/compiler/model_builder.h"

/// SOFTMAX against real numbers: the fixed-point form is exact to one step. (Byte-exactness against
/// TensorFlow Lite is what tests/golden checks.)
namespace tinyrig::runtime {
namespace {

compiler::ModelSpec SoftmaxModel(int32_t rows, int32_t depth, float scale) {
  compiler::ModelSpec spec;
  spec.tensors = {compiler::Activation8("in", {rows, depth}, scale, 7),
                  compiler::Activation8("out", {rows, depth}, 1.0f / 256, -128)};
  spec.ops = {
      {static_cast<int32_t>(compiler::Builtin::kSoftmax), 2, {0}, {1}, compiler::SoftmaxOptions{}}};
  spec.inputs = {0};
  spec.outputs = {1};
  return spec;
}

TEST(SoftmaxTest, FollowsTheRealFunction) {
  std::mt19937 random(1);
  for (const float scale : {0.001f, 0.02f, 0.1f, 0.5f, 3.0f, 40.0f}) {
    for (const int32_t depth : {1, 2, 10, 300}) {
      constexpr int32_t kRows = 3;
      const auto compiled = compiler::Compile(
          compiler::BuildTflite(SoftmaxModel(kRows, depth, scale)), compiler::Variant{});
      ASSERT_TRUE(compiled.ok()) << compiled.status().ToString();
      std::vector<int8_t> input(static_cast<size_t>(kRows * depth));
      for (auto& value : input) value = static_cast<int8_t>(random());
      const auto output = compiler::RunReference(compiled->blob, std::as_bytes(std::span(input)));
      ASSERT_TRUE(output.ok()) << output.status().ToString();
      for (int32_t row = 0; row < kRows; ++row) {
        const int8_t* values = input.data() + row * depth;
        const int8_t greatest = *std::max_element(values, values + depth);
        double sum = 0;
        for (int32_t i = 0; i < depth; ++i) sum += std::exp(scale * (values[i] - greatest));
        for (int32_t i = 0; i < depth; ++i) {
          const double share = std::exp(scale * (values[i] - greatest)) / sum;
          const double expected = std::min(127.0, std::round(share * 256) - 128);
          const auto actual =
              static_cast<int8_t>(output->bytes[static_cast<size_t>(row * depth + i)]);
          EXPECT_NEAR(actual, expected, 1) << "scale " << scale << ", depth " << depth;
        }
      }
    }
  }
}

}  // namespace
}  // namespace tinyrig::runtime
