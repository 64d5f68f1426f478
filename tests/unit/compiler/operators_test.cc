#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "firmware/compiler/compile.h"
#include "firmware/compiler/reference_run.h"
#include "tests/unit/compiler/random_net.h"

/// Operators that move values or look them up: small cases computed by hand, and what is refused.
/// Random nets of all operators are compared with TensorFlow Lite in tests/random_nets.
namespace tinyrig::compiler {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Variant kReference{.kernels = runtime::KernelSetId::kReference};

int32_t Code8(Builtin builtin) { return static_cast<int32_t>(builtin); }

/// Tensor after tensor that the observer saw, as int8.
class Tensors : public runtime::OpObserver {
 public:
  void OnOp(const runtime::OpResult& result) override {
    const auto* first = reinterpret_cast<const int8_t*>(result.data.data());
    seen.emplace_back(result.tflite_tensor, std::vector<int>(first, first + result.data.size()));
  }
  std::vector<std::pair<int, std::vector<int>>> seen;
};

/// Runs a model with one int8 input on these values; what it computed, in order.
std::vector<std::pair<int, std::vector<int>>> Compute(const ModelSpec& spec,
                                                      const std::vector<int8_t>& input) {
  const auto compiled = Compile(BuildTflite(spec), kReference);
  if (!compiled.ok()) {
    ADD_FAILURE() << compiled.status().ToString();
    return {};
  }
  Tensors tensors;
  const auto output = RunReference(compiled->blob, std::as_bytes(std::span(input)), &tensors);
  EXPECT_TRUE(output.ok()) << output.status().ToString();
  return tensors.seen;
}

/// input [2, 3] of scale 0.5 and zero point 1 -> `builtin` -> output of `shape`.
ModelSpec OneOp(Builtin builtin, const std::vector<int32_t>& shape, OpOptions options = {}) {
  ModelSpec spec;
  spec.tensors = {Activation8("in", {2, 3}, 0.5f, 1), Activation8("out", shape, 0.5f, 1)};
  spec.ops = {{Code8(builtin), 2, {0}, {1}, std::move(options)}};
  spec.inputs = {0};
  spec.outputs = {1};
  return spec;
}

int32_t Add(ModelSpec& spec, TensorSpec tensor) {
  spec.tensors.push_back(std::move(tensor));
  return static_cast<int32_t>(spec.tensors.size()) - 1;
}

void AddInput(ModelSpec& spec, TensorSpec tensor) {
  spec.ops[0].inputs.push_back(Add(spec, std::move(tensor)));
}

const std::vector<int8_t> kSix = {10, 20, 30, 40, 50, 60};

TEST(OperatorsTest, Transpose) {
  ModelSpec spec = OneOp(Builtin::kTranspose, {3, 2});
  AddInput(spec, Bias32("order", {1, 0}));
  EXPECT_THAT(Compute(spec, kSix)[0].second, ElementsAre(10, 40, 20, 50, 30, 60));
}

TEST(OperatorsTest, PadTakesTheZeroPoint) {
  ModelSpec spec = OneOp(Builtin::kPad, {2, 6});
  TensorSpec pads = Bias32("pads", {0, 0, 1, 2});
  pads.shape = {2, 2};
  AddInput(spec, pads);
  EXPECT_THAT(Compute(spec, kSix)[0].second, ElementsAre(1, 10, 20, 30, 1, 1, 1, 40, 50, 60, 1, 1));
}

TEST(OperatorsTest, StridedSliceBackwardsAndShrinking) {
  ModelSpec spec =
      OneOp(Builtin::kStridedSlice, {3}, StridedSliceOptions{.end_mask = 2, .shrink_axis_mask = 1});
  AddInput(spec, Bias32("begin", {1, -1}));
  AddInput(spec, Bias32("end", {2, 0}));
  AddInput(spec, Bias32("strides", {1, -1}));
  EXPECT_THAT(Compute(spec, kSix)[0].second, ElementsAre(60, 50, 40));
}

TEST(OperatorsTest, ConcatenationOfAConstantIsReportedOnce) {
  ModelSpec spec = OneOp(Builtin::kConcatenation, {2, 5}, ConcatenationOptions{.axis = -1});
  TensorSpec constant = Weights8("c", {2, 1}, {0.5f}, 0, {-1, -2});
  constant.zero_point = {1};
  AddInput(spec, constant);
  spec.ops[0].inputs.push_back(spec.ops[0].inputs[1]);
  const auto seen = Compute(spec, kSix);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].first, 1);
  EXPECT_THAT(seen[0].second, ElementsAre(10, 20, 30, -1, -1, 40, 50, 60, -2, -2));
}

TEST(OperatorsTest, SplitReportsEveryOutput) {
  ModelSpec spec = OneOp(Builtin::kSplit, {2, 1});
  spec.ops[0].inputs = {Add(spec, Bias32("axis", {1})), 0};
  spec.ops[0].outputs = {1, Add(spec, Activation8("b", {2, 1}, 0.5f, 1)),
                         Add(spec, Activation8("c", {2, 1}, 0.5f, 1))};
  spec.outputs = spec.ops[0].outputs;
  const auto seen = Compute(spec, kSix);
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_THAT(seen[0].second, ElementsAre(10, 40));
  EXPECT_THAT(seen[2].second, ElementsAre(30, 60));
}

TEST(OperatorsTest, MulOfAConstantByColumn) {
  ModelSpec spec = OneOp(Builtin::kMul, {2, 3}, AddOptions{});
  spec.tensors[0].zero_point = {0};
  spec.tensors[1].zero_point = {0};
  AddInput(spec, Weights8("c", {3}, {1.0f}, 0, {1, 2, -1}));
  EXPECT_THAT(Compute(spec, kSix)[0].second, ElementsAre(10, 40, -30, 40, 100, -60));
}

TEST(OperatorsTest, MeanAndSumOfRows) {
  ModelSpec spec = OneOp(Builtin::kMean, {2}, ReduceOptions{});
  AddInput(spec, Bias32("axes", {-1}));
  EXPECT_THAT(Compute(spec, kSix)[0].second, ElementsAre(20, 50));
  spec.ops[0].builtin = Code8(Builtin::kSum);
  spec.tensors[1].scale = {2.0f};
  spec.tensors[1].zero_point = {-3};
  // (11 + 20 + 30 - 3) / 4 - 3 and (40 + 50 + 60 - 3) / 4 - 3
  EXPECT_THAT(Compute(spec, {11, 20, 30, 40, 50, 60})[0].second, ElementsAre(12, 34));
}

TEST(OperatorsTest, ResizeNearest) {
  ModelSpec spec = OneOp(Builtin::kResizeNearestNeighbor, {1, 4, 2, 1}, ResizeNearestOptions{});
  spec.tensors[0].shape = {1, 2, 3, 1};
  AddInput(spec, Bias32("size", {4, 2}));
  EXPECT_THAT(Compute(spec, kSix)[0].second, ElementsAre(10, 20, 10, 20, 40, 50, 40, 50));
}

TEST(OperatorsTest, TablesOfActivations) {
  ModelSpec relu = OneOp(Builtin::kRelu6, {2, 3});
  EXPECT_THAT(Compute(relu, {-5, 1, 2, 12, 13, 14})[0].second, ElementsAre(1, 1, 2, 12, 13, 13));
  ModelSpec leaky = OneOp(Builtin::kLeakyRelu, {2, 3}, LeakyReluOptions{0.5f});
  EXPECT_THAT(Compute(leaky, {-19, -9, 1, 3, 5, 127})[0].second, ElementsAre(-9, -4, 1, 3, 5, 127));
  ModelSpec logistic = OneOp(Builtin::kLogistic, {2, 3});
  logistic.tensors[1].scale = {1.0f / 256};
  logistic.tensors[1].zero_point = {-128};
  // 1 / (1 + exp(-x)) for x = -64.5, -1, 0, 0.5, 1, 63
  EXPECT_THAT(Compute(logistic, {-128, -1, 1, 2, 3, 127})[0].second,
              ElementsAre(-128, -59, 0, 31, 59, 127));
}

TEST(OperatorsTest, QuantizeRoundsHalvesAwayFromZeroAndSaturates) {
  ModelSpec spec = OneOp(Builtin::kQuantize, {2, 3});
  spec.tensors[0] = {.name = "in",
                     .shape = {2, 3},
                     .type = 0,
                     .scale = {},
                     .zero_point = {},
                     .axis = 0,
                     .data = {}};
  const float values[] = {0.25f, -0.25f, 0.2499f,
                          1e9f,  -1e30f, std::numeric_limits<float>::quiet_NaN()};
  std::vector<int8_t> input(sizeof(values));
  std::memcpy(input.data(), values, sizeof(values));
  EXPECT_THAT(Compute(spec, input)[0].second, ElementsAre(2, 0, 1, 127, -128, -128));
}

struct Refusal {
  const char* name;
  ModelSpec (*make)();
  const char* says;
};

class OperatorRefusalTest : public testing::TestWithParam<Refusal> {};

TEST_P(OperatorRefusalTest, NamesTheOperator) {
  const auto compiled = Compile(BuildTflite(GetParam().make()), kReference);
  ASSERT_FALSE(compiled.ok());
  EXPECT_THAT(compiled.error().message(), HasSubstr("operator 0 ("));
  EXPECT_THAT(compiled.error().message(), HasSubstr(GetParam().says));
}

const Refusal kRefusals[] = {
    {"Uint8",
     [] {
       ModelSpec spec = OneOp(Builtin::kRelu, {2, 3});
       spec.tensors[0].type = 3;
       return spec;
     },
     "is uint8, not int8; convert the model"},
    {"Int16",
     [] {
       ModelSpec spec = OneOp(Builtin::kRelu, {2, 3});
       spec.tensors[0].type = 7;
       return spec;
     },
     "is int16, not int8; convert the model"},
    {"ComputedOrder",
     [] {
       ModelSpec spec = OneOp(Builtin::kTranspose, {3, 2});
       spec.ops[0].inputs.push_back(0);
       return spec;
     },
     "is computed; only constants"},
    {"OrderTwice",
     [] {
       ModelSpec spec = OneOp(Builtin::kTranspose, {3, 2});
       AddInput(spec, Bias32("order", {1, 1}));
       return spec;
     },
     "dimension 1 twice"},
    {"NegativePad",
     [] {
       ModelSpec spec = OneOp(Builtin::kPad, {2, 3});
       AddInput(spec, Bias32("pads", {0, 0, -1, 1}));
       return spec;
     },
     "negative padding"},
    {"Ellipsis",
     [] {
       return OneOp(Builtin::kStridedSlice, {2, 3}, StridedSliceOptions{.ellipsis_mask = 1});
     },
     "ellipsis"},
    {"ZeroSliceStride",
     [] {
       ModelSpec spec = OneOp(Builtin::kStridedSlice, {2, 3}, StridedSliceOptions{});
       AddInput(spec, Bias32("begin", {0, 0}));
       AddInput(spec, Bias32("end", {2, 3}));
       AddInput(spec, Bias32("strides", {1, 0}));
       return spec;
     },
     "stride of 0"},
    {"ConcatenationScale",
     [] {
       ModelSpec spec = OneOp(Builtin::kConcatenation, {2, 3}, ConcatenationOptions{.axis = 1});
       spec.tensors[1].scale = {0.25f};
       return spec;
     },
     "as ones of 0.25 and 1"},
    {"ConcatenationSize",
     [] {
       return OneOp(Builtin::kConcatenation, {2, 4}, ConcatenationOptions{.axis = 1});
     },
     "inputs of 3 in all for a dimension of 4"},
    {"Broadcast",
     [] {
       ModelSpec spec = OneOp(Builtin::kAdd, {2, 3}, AddOptions{});
       AddInput(spec, Weights8("c", {2}, {1.0f}, 0, {1, 2}));
       return spec;
     },
     "makes [2, 3] of an input of [2]"},
    {"WiderThanItsInputs",
     [] {
       ModelSpec spec = OneOp(Builtin::kAdd, {4, 2, 3}, AddOptions{});
       AddInput(spec, Weights8("c", {3}, {1.0f}, 0, {1, 2, 3}));
       return spec;
     },
     "makes [4, 2, 3] of [2, 3] and [3]"},
    {"MeanAxis",
     [] {
       ModelSpec spec = OneOp(Builtin::kMean, {2}, ReduceOptions{});
       AddInput(spec, Bias32("axes", {2}));
       return spec;
     },
     "dimension 2 of 2"},
    {"TanhScale",
     [] {
       return OneOp(Builtin::kTanh, {2, 3});
     },
     "output scale 0.5"},
};

INSTANTIATE_TEST_SUITE_P(Operators, OperatorRefusalTest, testing::ValuesIn(kRefusals),
                         [](const auto& info) { return std::string(info.param.name); });

/// Nets of all operators: the kernel sets agree on every tensor, each is reported once, and no two
/// buffers that live together share bytes.
TEST(RandomNetTest, VariantsAgreeAndPlansAreSound) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    const ModelSpec spec = RandomNet(seed);
    const auto model = BuildTflite(spec);
    size_t computed = 0;
    for (const OpSpec& op : spec.ops) computed += op.outputs.size();
    Tensors expected;
    for (const char* text :
         {"kernels=reference,fusion=file", "weights=int8,fusion=file", "weights=int16,fusion=file",
          "kernels=reference", "weights=int8", "weights=int16"}) {
      const auto compiled = Compile(model, *ParseVariant(text));
      ASSERT_TRUE(compiled.ok()) << "seed " << seed << ": " << compiled.status().ToString();
      auto runner = ReferenceRunner::Make(compiled->blob);
      ASSERT_TRUE(runner.ok()) << "seed " << seed << ": " << runner.status().ToString();
      std::vector<std::byte> input(runner->input_bytes());
      for (size_t i = 0; i < input.size(); ++i) input[i] = static_cast<std::byte>(i * 73 % 251);
      Tensors actual;
      ASSERT_TRUE(runner->Run(input, &actual).ok());
      if (expected.seen.empty()) expected = actual;
      if (compiled->plan.variant.folds()) {
        size_t folded = 0;
        for (const PassNote& note : compiled->plan.passes) {
          folded += note.folds();
        }
        // In any order, and without what is folded away.
        ASSERT_EQ(actual.seen.size() + folded, computed) << "seed " << seed << ", " << text;
        ASSERT_THAT(actual.seen, ::testing::IsSubsetOf(expected.seen))
            << "seed " << seed << ", " << text;
      } else {
        ASSERT_EQ(actual.seen, expected.seen) << "seed " << seed << ", " << text;
        ASSERT_EQ(actual.seen.size(), computed) << "seed " << seed;
      }
      const auto& buffers = compiled->plan.buffers;
      for (size_t a = 0; a < buffers.size(); ++a) {
        for (size_t b = a + 1; b < buffers.size(); ++b) {
          const bool in_time = buffers[a].first_op <= buffers[b].last_op &&
                               buffers[b].first_op <= buffers[a].last_op;
          const bool in_space = buffers[a].offset < buffers[b].offset + buffers[b].bytes &&
                                buffers[b].offset < buffers[a].offset + buffers[a].bytes;
          ASSERT_FALSE(in_time && in_space) << "seed " << seed;
        }
      }
    }
  }
}

}  // namespace
}  // namespace tinyrig::compiler
