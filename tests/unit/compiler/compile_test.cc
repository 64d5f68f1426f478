#include "firmware/compiler/compile.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "firmware/compiler/plan_json.h"
#include "firmware/compiler/reference_run.h"
#include "proto/device/fnv1a.h"
#include "tests/unit/compiler/model_builder.h"

namespace tinyrig::compiler {
namespace {

using runtime::KernelSetId;
using runtime::WeightForm;

const Variant kReference{.kernels = KernelSetId::kReference};
const Variant kDspInt8{.kernels = KernelSetId::kDsp, .weights = WeightForm::kPackedInt8};
const Variant kDspInt16{.kernels = KernelSetId::kDsp, .weights = WeightForm::kPackedInt16};

std::vector<std::byte> RandomInput(size_t bytes, uint32_t seed) {
  std::vector<std::byte> input(bytes);
  for (auto& byte : input) {
    seed = seed * 1664525u + 1013904223u;
    byte = static_cast<std::byte>(seed >> 24);
  }
  return input;
}

class Hashes : public runtime::OpObserver {
 public:
  void OnOp(const runtime::OpResult& result) override {
    by_op.push_back(device::Fnv1a32(result.data.data(), result.data.size()));
  }
  std::vector<uint32_t> by_op;
};

TEST(CompileTest, IsDeterministic) {
  const auto model = BuildTflite(SmallModel());
  EXPECT_EQ(Compile(model, kDspInt8)->blob, Compile(model, kDspInt8)->blob);
}

TEST(CompileTest, PlanAddsUp) {
  const auto compiled = Compile(BuildTflite(SmallModel()), kDspInt8);
  ASSERT_TRUE(compiled.ok()) << compiled.status().ToString();
  const Plan& plan = compiled->plan;
  EXPECT_EQ(plan.blob_bytes, compiled->blob.size());
  EXPECT_EQ(plan.ops.size(), 4u);
  EXPECT_EQ(plan.ops[1].note, "a view: nothing is computed");
  EXPECT_GE(plan.arena_bytes, plan.arena_lower_bound_bytes);
  EXPECT_EQ(plan.ops[0].form, "packed int8");
  EXPECT_EQ(plan.inputs[0].bytes, 32u);
  uint64_t macs = 0;
  for (const auto& op : plan.ops) macs += op.macs;
  EXPECT_EQ(plan.macs, macs);
  const auto json = ToJson(plan);
  EXPECT_EQ(json["variant"], "kernels=dsp,weights=int8");
  EXPECT_EQ(json["arena_bytes"], plan.arena_bytes);
  EXPECT_EQ(json["buffers"].size(), plan.buffers.size());
}

TEST(CompileTest, CountsTheArenaWithoutInputAndOutput) {
  const auto compiled = Compile(BuildTflite(SmallModel()), kReference);
  ASSERT_TRUE(compiled.ok()) << compiled.status().ToString();
  // Features and logits; the input has 32, the scores have 2.
  EXPECT_EQ(compiled->plan.arena_without_io_bytes, 48u + 2u);
  EXPECT_LT(compiled->plan.arena_without_io_bytes, compiled->plan.arena_bytes);
}

TEST(CompileTest, WiderWeightsCostFlashOnly) {
  const auto model = BuildTflite(SmallModel());
  const auto narrow = Compile(model, kDspInt8);
  const auto wide = Compile(model, kDspInt16);
  EXPECT_EQ(wide->plan.weights_bytes, 2 * narrow->plan.weights_bytes);
  EXPECT_EQ(wide->plan.arena_bytes, narrow->plan.arena_bytes);
}

TEST(CompileTest, TheSamePlaceIsNeverUsedTwiceAtOneTime) {
  for (uint32_t seed = 0; seed < 100; ++seed) {
    const auto compiled = Compile(BuildTflite(RandomModel(seed)), kDspInt8);
    ASSERT_TRUE(compiled.ok()) << seed << ": " << compiled.status().ToString();
    const auto& buffers = compiled->plan.buffers;
    for (size_t a = 0; a < buffers.size(); ++a) {
      EXPECT_LE(buffers[a].offset + buffers[a].bytes, compiled->plan.arena_bytes);
      for (size_t b = a + 1; b < buffers.size(); ++b) {
        const bool in_time =
            buffers[a].first_op <= buffers[b].last_op && buffers[b].first_op <= buffers[a].last_op;
        const bool in_space = buffers[a].offset < buffers[b].offset + buffers[b].bytes &&
                              buffers[b].offset < buffers[a].offset + buffers[a].bytes;
        EXPECT_FALSE(in_time && in_space) << "seed " << seed;
      }
    }
  }
}

/// An input that two operators read must survive the first, also where that one could work in
/// place.
TEST(CompileTest, InPlaceOperatorsKeepWhatIsReadLater) {
  for (const Variant& variant : {kReference, kDspInt8}) {
    ModelSpec spec;
    spec.tensors = {
        Activation8("input", {1, 4, 4, 4}, 0.05f, 0),
        Weights8("w", {1, 3, 3, 4}, {0.01f}, 3, std::vector<int8_t>(36, 77)),
        Activation8("dw", {1, 4, 4, 4}, 0.05f, 0),
        Activation8("sum", {1, 4, 4, 4}, 0.05f, 0),
    };
    ConvOptions same;
    same.padding = Padding::kSame;
    spec.ops = {{static_cast<int32_t>(Builtin::kDepthwiseConv2D), 3, {0, 1, -1}, {2}, same},
                {static_cast<int32_t>(Builtin::kAdd), 2, {0, 2}, {3}, AddOptions{}}};
    spec.inputs = {0};
    spec.outputs = {3};
    const auto compiled = Compile(BuildTflite(spec), variant);
    ASSERT_TRUE(compiled.ok()) << compiled.status().ToString();
    EXPECT_GE(compiled->plan.arena_bytes, 128u);
    const auto output = RunReference(compiled->blob, RandomInput(64, 5));
    const auto expected =
        RunReference(Compile(BuildTflite(spec), kReference)->blob, RandomInput(64, 5));
    EXPECT_EQ(output->bytes, expected->bytes);
  }
}

/// The dsp kernels and both weight forms against the reference, operator by operator, on odd
/// shapes, strides, paddings, dilations, batches, depth multipliers and scales.
class RandomModelTest : public testing::TestWithParam<uint32_t> {};

TEST_P(RandomModelTest, AllVariantsGiveTheSameBytes) {
  for (uint32_t seed = GetParam(); seed < GetParam() + 250; ++seed) {
    const auto model = BuildTflite(RandomModel(seed));
    const auto plain = Compile(model, kReference);
    ASSERT_TRUE(plain.ok()) << "seed " << seed << ": " << plain.status().ToString();
    auto runner = ReferenceRunner::Make(plain->blob);
    ASSERT_TRUE(runner.ok()) << "seed " << seed << ": " << runner.status().ToString();
    const auto input = RandomInput(runner->input_bytes(), seed);
    Hashes expected;
    ASSERT_TRUE(runner->Run(input, &expected).ok());
    for (const Variant& variant : {kDspInt8, kDspInt16}) {
      const auto compiled = Compile(model, variant);
      ASSERT_TRUE(compiled.ok()) << "seed " << seed << ": " << compiled.status().ToString();
      Hashes actual;
      const auto output = RunReference(compiled->blob, input, &actual);
      ASSERT_TRUE(output.ok()) << "seed " << seed << ": " << output.status().ToString();
      ASSERT_EQ(actual.by_op, expected.by_op) << "seed " << seed << ", " << variant.ToString();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomModelTest, testing::Values(0, 1000, 2000, 3000));

/// The property above would say little if every convolution fell back to the plain kernels.
TEST(RandomModelCoverageTest, MostConvolutionsArePacked) {
  int packed = 0;
  int plain = 0;
  int in_place = 0;
  for (uint32_t seed = 0; seed < 250; ++seed) {
    const auto compiled = Compile(BuildTflite(RandomModel(seed)), kDspInt8);
    ASSERT_TRUE(compiled.ok());
    for (const auto& op : compiled->plan.ops) {
      if (op.macs == 0) continue;
      ++(op.form == "plain" ? plain : packed);
      in_place += op.note == "output in place of the input";
    }
  }
  EXPECT_GT(packed, 3 * plain);
  EXPECT_GT(plain, 20);
  EXPECT_GT(in_place, 20);
}

TEST(ReferenceRunTest, RefusesBadInput) {
  const auto compiled = Compile(BuildTflite(SmallModel()), kDspInt8);
  EXPECT_EQ(RunReference(compiled->blob, RandomInput(31, 1)).error().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(RunReference(std::span(compiled->blob).first(40), RandomInput(32, 1)).error().code(),
            Code::kInvalidArgument);
  auto broken = compiled->blob;
  broken.back() ^= std::byte{1};
  EXPECT_EQ(RunReference(broken, RandomInput(32, 1)).error().code(), Code::kDataLoss);
}

}  // namespace
}  // namespace tinyrig::compiler
