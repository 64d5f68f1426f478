#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/compiler/compile.h"
#include "firmware/compiler/model_info.h"
#include "firmware/compiler/tflite/reader.h"
#include "tests/unit/compiler/model_builder.h"

namespace tinyrig::compiler {
namespace {

using testing::HasSubstr;

TEST(ReaderTest, ReadsASmallModel) {
  const auto bytes = BuildTflite(SmallModel());
  const auto graph = ReadTflite(bytes);
  ASSERT_TRUE(graph.ok()) << graph.status().ToString();
  ASSERT_EQ(graph->ops.size(), 4u);
  EXPECT_EQ(graph->ops[0].Describe(), "operator 0 (CONV_2D version 3)");
  EXPECT_EQ(graph->tensors[1].quantization.scale.size(), 3u);
  EXPECT_EQ(graph->tensors[0].shape, (std::vector<uint32_t>{1, 4, 4, 2}));
  EXPECT_FALSE(graph->tensors[0].constant.has_value());
  EXPECT_EQ(graph->tensors[2].constant->size(), 12u);
}

TEST(ReaderTest, ReadsFromAnyAddress) {
  const auto bytes = BuildTflite(SmallModel());
  for (size_t shift = 0; shift < 16; ++shift) {
    std::vector<std::byte> moved(shift + bytes.size());
    std::copy(bytes.begin(), bytes.end(), moved.begin() + static_cast<ptrdiff_t>(shift));
    EXPECT_TRUE(ReadTflite(std::span(moved).subspan(shift)).ok()) << shift;
  }
}

/// Every shorter file is refused, and none crashes.
TEST(ReaderTest, RefusesTruncatedFiles) {
  const auto bytes = BuildTflite(SmallModel());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::vector<std::byte> shorter(bytes.begin(),
                                         bytes.begin() + static_cast<ptrdiff_t>(size));
    const auto graph = ReadTflite(shorter);
    if (!graph.ok()) {
      EXPECT_EQ(graph.error().code(), Code::kInvalidArgument);
    }
  }
  EXPECT_FALSE(ReadTflite(std::span(bytes).first(bytes.size() / 2)).ok());
}

struct Refusal {
  const char* name;
  void (*spoil)(ModelSpec& spec);
  Code code;
  std::vector<const char*> says;
};

void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.name; }

class RefusalTest : public testing::TestWithParam<Refusal> {};

TEST_P(RefusalTest, NamesThePlaceAndTheRemedy) {
  ModelSpec spec = SmallModel();
  GetParam().spoil(spec);
  const auto compiled = Compile(BuildTflite(spec), Variant{});
  ASSERT_FALSE(compiled.ok());
  EXPECT_EQ(compiled.error().code(), GetParam().code) << compiled.error().message();
  for (const char* text : GetParam().says) {
    EXPECT_THAT(compiled.error().message(), HasSubstr(text));
  }
}

const Refusal kRefusals[] = {
    {"UnknownOperator",
     [](ModelSpec& s) { s.ops[1].builtin = 50; },
     Code::kUnimplemented,
     {"operator 1 (LOG_SOFTMAX version 1)", "not supported", "supported are CONV_2D"}},
    {"CustomOperator",
     [](ModelSpec& s) { s.ops[1].builtin = 32; },
     Code::kUnimplemented,
     {"operator 1 (custom 'mine' version 1)", "replace it"}},
    {"LaterVersion",
     [](ModelSpec& s) { s.ops[3].version = 99; },
     Code::kUnimplemented,
     {"operator 3 (SOFTMAX version 99)", "older TensorFlow"}},
    {"SchemaVersion",
     [](ModelSpec& s) { s.version = 2; },
     Code::kUnimplemented,
     {"schema version 2"}},
    {"TwoSubgraphs", [](ModelSpec& s) { s.subgraphs = 2; }, Code::kUnimplemented, {"2 subgraphs"}},
    {"NoInput", [](ModelSpec& s) { s.inputs.clear(); }, Code::kInvalidArgument, {"0 inputs"}},
    {"InputOutOfRange",
     [](ModelSpec& s) { s.inputs = {77}; },
     Code::kInvalidArgument,
     {"tensor 77", "there are 9 tensors"}},
    {"NegativeOutput",
     [](ModelSpec& s) { s.outputs = {-1}; },
     Code::kInvalidArgument,
     {"output of the model"}},
    {"TensorOutOfRange",
     [](ModelSpec& s) { s.ops[0].inputs[1] = 900; },
     Code::kInvalidArgument,
     {"operator 0 (CONV_2D version 3)", "tensor 900"}},
    {"ReadsLaterTensor",
     [](ModelSpec& s) { s.ops[0].inputs[0] = 7; },
     Code::kInvalidArgument,
     {"operator 0", "tensor 7 'logits'", "nothing computes"}},
    {"WritesTwice",
     [](ModelSpec& s) { s.ops[1].outputs = {3}; },
     Code::kInvalidArgument,
     {"operator 1", "tensor 3 'features'"}},
    {"WritesConstant",
     [](ModelSpec& s) { s.ops[1].outputs = {2}; },
     Code::kInvalidArgument,
     {"operator 1", "'kernel_bias'"}},
    {"ShortBuffer",
     [](ModelSpec& s) { s.tensors[1].data.pop_back(); },
     Code::kInvalidArgument,
     {"tensor 1 'kernel'", "needs 54 bytes", "has 53"}},
    {"HugeShape",
     [](ModelSpec& s) {
       s.tensors[0].shape = {65536, 65536, 65536, 65536};
     },
     Code::kInvalidArgument,
     {"tensor 0 'input'", "elements"}},
    {"ZeroDimension",
     [](ModelSpec& s) { s.tensors[0].shape[0] = 0; },
     Code::kInvalidArgument,
     {"tensor 0 'input'", "batch 1"}},
    {"NegativeDimension",
     [](ModelSpec& s) { s.tensors[0].shape[0] = -1; },
     Code::kInvalidArgument,
     {"dimension of -1"}},
    {"ScaleNan",
     [](ModelSpec& s) { s.tensors[3].scale = {NAN}; },
     Code::kInvalidArgument,
     {"tensor 3 'features'", "scale"}},
    {"ScaleZero",
     [](ModelSpec& s) { s.tensors[3].scale = {0}; },
     Code::kInvalidArgument,
     {"tensor 3 'features'", "positive"}},
    {"ScaleTiny",
     [](ModelSpec& s) { s.tensors[3].scale = {1e-38f}; },
     Code::kInvalidArgument,
     {"operator 0", "factor"}},
    {"ZeroPointRange",
     [](ModelSpec& s) { s.tensors[3].zero_point = {128}; },
     Code::kInvalidArgument,
     {"tensor 3 'features'", "zero point 128"}},
    {"ScaleCount",
     [](ModelSpec& s) { s.tensors[1].scale.pop_back(); },
     Code::kInvalidArgument,
     {"tensor 1 'kernel'", "2 scales"}},
    {"QuantisedAxis",
     [](ModelSpec& s) { s.tensors[1].axis = 1; },
     Code::kInvalidArgument,
     {"operator 0", "dimension 1, not 0"}},
    {"AsymmetricWeights",
     [](ModelSpec& s) { s.tensors[1].zero_point[1] = 3; },
     Code::kUnimplemented,
     {"operator 0", "'kernel'", "zero point 3"}},
    {"NotQuantised",
     [](ModelSpec& s) { s.tensors[3].scale.clear(); },
     Code::kUnimplemented,
     {"operator 0", "'features'", "full integer quantisation"}},
    {"Float",
     [](ModelSpec& s) { s.tensors[0].type = 0; },
     Code::kUnimplemented,
     {"tensor 0 'input'", "float32", "int8"}},
    {"WrongBiasLength",
     [](ModelSpec& s) {
       s.tensors[2] = Bias32("kernel_bias", {1, 2});
     },
     Code::kInvalidArgument,
     {"operator 0", "2 values for 3 channels"}},
    {"WrongOutputShape",
     [](ModelSpec& s) {
       s.tensors[3].shape = {1, 4, 2, 6};
     },
     Code::kInvalidArgument,
     {"operator 0", "[1, 4, 4, 3]", "[1, 4, 2, 6]"}},
    {"Grouped",
     [](ModelSpec& s) {
       s.tensors[0].shape = {1, 4, 4, 4};
     },
     Code::kUnimplemented,
     {"operator 0", "grouped"}},
    {"ZeroStride",
     [](ModelSpec& s) { std::get<ConvOptions>(s.ops[0].options).stride_w = 0; },
     Code::kInvalidArgument,
     {"operator 0", "stride_w is 0"}},
    {"HugeStride",
     [](ModelSpec& s) { std::get<ConvOptions>(s.ops[0].options).stride_h = 70000; },
     Code::kInvalidArgument,
     {"operator 0", "stride_h is 70000"}},
    {"FusedTanh",
     [](ModelSpec& s) { std::get<ConvOptions>(s.ops[0].options).activation = Activation::kTanh; },
     Code::kUnimplemented,
     {"operator 0", "TANH"}},
    {"WrongOptions",
     [](ModelSpec& s) { s.ops[0].options_type = 9; },
     Code::kInvalidArgument,
     {"operator 0", "of type 9, not 1"}},
    {"NoOptions",
     [](ModelSpec& s) { s.ops[3].options = {}; },
     Code::kInvalidArgument,
     {"operator 3", "options"}},
    {"ReshapeCount",
     [](ModelSpec& s) {
       s.tensors[4].shape = {1, 47};
     },
     Code::kInvalidArgument,
     {"operator 1", "47 elements of 48"}},
    {"SoftmaxScale",
     [](ModelSpec& s) { s.tensors[8].scale = {0.5f}; },
     Code::kUnimplemented,
     {"operator 3", "1/256"}},
};

INSTANTIATE_TEST_SUITE_P(Importer, RefusalTest, testing::ValuesIn(kRefusals),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(ModelInfoTest, ListsAModelThatCannotRun) {
  ModelSpec spec = SmallModel();
  spec.ops[3].builtin = 50;
  spec.ops[3].options = {};
  const auto info = DescribeModel(BuildTflite(spec));
  ASSERT_TRUE(info.ok()) << info.status().ToString();
  EXPECT_FALSE(info->supported);
  EXPECT_THAT(info->refusal, HasSubstr("LOG_SOFTMAX"));
  ASSERT_EQ(info->ops.size(), 4u);
  EXPECT_TRUE(info->ops[0].supported);
  EXPECT_FALSE(info->ops[3].supported);
  EXPECT_EQ(info->ops[0].macs, 4u * 4 * 3 * 9 * 2);
  EXPECT_EQ(info->macs, 4u * 4 * 3 * 9 * 2 + 96);
  EXPECT_EQ(info->tensors.size(), 9u);
}

TEST(ModelInfoTest, SaysThatASmallModelRuns) {
  const auto info = DescribeModel(BuildTflite(SmallModel()));
  ASSERT_TRUE(info.ok());
  EXPECT_TRUE(info->supported) << info->refusal;
  EXPECT_EQ(info->inputs[0].scale, 0.02f);
  EXPECT_EQ(info->outputs[0].zero_point, -128);
}

}  // namespace
}  // namespace tinyrig::compiler
