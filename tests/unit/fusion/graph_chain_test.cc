#include "firmware/compiler/fusion/graph_chain.h"

#include <gmock/gmock.h>

#include "firmware/compiler/passes/passes.h"
#include "firmware/compiler/tflite/reader.h"
#include "tests/golden/test_data.h"
#include "tests/unit/compiler/model_builder.h"
#include "tests/unit/fusion/nets.h"

namespace tinyrig::compiler {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Result<GraphChain> ChainOf(const std::vector<std::byte>& tflite) {
  TRY_ASSIGN(const Graph graph, ReadTflite(tflite));
  return FindChain(RunPasses(graph).graph);
}

void ExpectEqualLayers(const Chain& expected, const Chain& chain) {
  ASSERT_EQ(expected.layers.size(), chain.layers.size());
  for (size_t i = 0; i < chain.layers.size(); ++i) {
    const ChainLayer& a = expected.layers[i];
    const ChainLayer& b = chain.layers[i];
    EXPECT_EQ(std::tie(a.kind, a.kernel_h, a.kernel_w, a.stride_h, a.stride_w, a.pad_top,
                       a.pad_left, a.in_h, a.in_w, a.in_c, a.out_h, a.out_w, a.out_c),
              std::tie(b.kind, b.kernel_h, b.kernel_w, b.stride_h, b.stride_w, b.pad_top,
                       b.pad_left, b.in_h, b.in_w, b.in_c, b.out_h, b.out_w, b.out_c))
        << "layer " << i;
  }
  EXPECT_EQ(expected.skips, chain.skips);
}

TEST(FindChain, ReadsThePublishedNetOfTinyEngine) {
  TINYRIG_READ_TEST_DATA(bytes, "models/tinyengine_vww.tflite");
  const auto found = ChainOf(bytes);
  ASSERT_TRUE(found.ok()) << found.status().message();
  ExpectEqualLayers(McuNetVww5(), found->chain);
  EXPECT_THAT(found->head_ops, SizeIs(1));  // QUANTIZE.
  // The file takes its mean in two steps, each rounded, of a transposed copy of the 1,440 bytes.
  EXPECT_FALSE(found->chain.tail.pools);
  EXPECT_EQ(found->chain.tail.bytes, 2 * 1440);
}

TEST(FindChain, ReadsThePublishedNetOfMcuNet) {
  TINYRIG_READ_TEST_DATA(bytes, "models/mcunet-320kb-1mb_imagenet.tflite");
  const auto found = ChainOf(bytes);
  ASSERT_TRUE(found.ok()) << found.status().message();
  ExpectEqualLayers(McuNet320K(), found->chain);
  EXPECT_THAT(found->head_ops, IsEmpty());
  EXPECT_EQ(found->chain.tail.bytes, McuNet320K().tail.bytes);
}

TEST(FindChain, EndsWhereANetBranches) {
  TINYRIG_READ_TEST_DATA(bytes, "models/pretrainedResnet_quant.tflite");
  const auto found = ChainOf(bytes);
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(found->chain.size(), 3);
  EXPECT_THAT(found->chain.skips, ElementsAre(Skip{1, 3}));
  EXPECT_THAT(found->end, HasSubstr("CONV_2D"));
  EXPECT_FALSE(found->chain.tail.pools);
}

TEST(FindChain, ReadsUnevenKernelsAndPadding) {
  TINYRIG_READ_TEST_DATA(bytes, "models/kws_ref_model.tflite");
  const auto found = ChainOf(bytes);
  ASSERT_TRUE(found.ok()) << found.status().message();
  const ChainLayer& first = found->chain.layers.front();
  EXPECT_EQ(first.kernel_h, 10);
  EXPECT_EQ(first.kernel_w, 4);
  EXPECT_EQ(first.pad_top, 4);   // SAME over 49 rows in steps of two: 4 above, 5 below.
  EXPECT_EQ(first.pad_left, 1);  // 10 columns: one before, one after.
  EXPECT_EQ(found->chain.size(), 9);
  EXPECT_TRUE(found->chain.tail.pools);
}

TEST(FindChain, RefusesWhatHasNoTrunk) {
  ModelSpec dense = SmallModel();
  dense.ops.erase(dense.ops.begin());
  dense.inputs = {dense.ops.front().inputs[0]};
  const auto found = ChainOf(BuildTflite(dense));
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.status().code(), Code::kUnimplemented);
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("nothing to fuse"));
}

/// conv -> conv -> ADD(first, second), and a second reader of the first map.
TEST(FindChain, TakesBackASkipThatIsReadElsewhere) {
  const auto map = [](std::string name) {
    return Activation8(std::move(name), {1, 4, 4, 2}, 0.1f, 3);
  };
  const std::vector<int8_t> weights(4, 5);
  ModelSpec spec;
  spec.tensors = {map("in"),
                  map("a"),
                  map("b"),
                  map("sum"),
                  map("other"),
                  Weights8("w", {2, 1, 1, 2}, {0.01f}, 0, weights),
                  Bias32("bias", {1, 2})};
  const auto conv = [](int32_t in, int32_t out) {
    return OpSpec{.builtin = 3, .inputs = {in, 5, 6}, .outputs = {out}, .options = ConvOptions{}};
  };
  spec.ops = {conv(0, 1),
              conv(1, 2),
              {.builtin = 0, .inputs = {1, 2}, .outputs = {3}, .options = AddOptions{}}};
  spec.inputs = {0};
  spec.outputs = {3};
  auto found = ChainOf(BuildTflite(spec));
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(found->chain.size(), 2);
  EXPECT_THAT(found->chain.skips, ElementsAre(Skip{1, 2}));

  spec.ops.push_back({.builtin = 14, .inputs = {1}, .outputs = {4}, .options = {}});
  spec.tensors[4].scale = {1.0f / 256};
  spec.tensors[4].zero_point = {-128};
  spec.outputs = {3, 4};
  found = ChainOf(BuildTflite(spec));
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(found->chain.size(), 1);
  EXPECT_THAT(found->chain.skips, IsEmpty());
  EXPECT_THAT(found->tail_ops, SizeIs(3));
}

}  // namespace
}  // namespace tinyrig::compiler
