#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "firmware/compiler/compile.h"
#include "firmware/compiler/reference_run.h"
#include "firmware/compiler/tflite/reader.h"
#include "proto/device/fnv1a.h"
#include "proto/vectors/patterns.h"
#include "tests/golden/test_data.h"

/// Every operator's output, byte for byte, against the goldens of $TINYRIG_TEST_DATA/golden
/// (TensorFlow Lite Micro), for every kernel set and weight layout.
namespace tinyrig::compiler {
namespace {

struct Case {
  const char* golden;  ///< golden/<golden>.layers.json
  const char* model;   ///< models/<model>
  const char* variant;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.golden << " " << c.variant; }

std::string CaseName(const testing::TestParamInfo<Case>& info) {
  std::string name = std::string(info.param.golden) + "_" + info.param.variant;
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

/// Hash of each operator's output, in the order of the file.
class HashingObserver : public runtime::OpObserver {
 public:
  void OnOp(const runtime::OpResult& result) override {
    hashes.push_back({{"op", result.tflite_op},
                      {"tensor", result.tflite_tensor},
                      {"bytes", result.data.size()},
                      {"fnv1a32", device::Fnv1a32(result.data.data(), result.data.size())}});
  }
  std::vector<nlohmann::json> hashes;
};

std::vector<vectors::InputTensor> InputsOf(const Plan& plan) {
  std::vector<vectors::InputTensor> inputs;
  for (const TensorInfo& input : plan.inputs) {
    const bool is_float = input.type == "float32";
    inputs.push_back(
        {.elements = input.bytes / (is_float ? sizeof(float) : 1), .is_float = is_float});
  }
  return inputs;
}

class GoldenTest : public testing::TestWithParam<Case> {};

/// Runs both patterns and compares all that is computed with what is published.
void Compare(const Compiled& compiled, const std::string& golden, const nlohmann::json& layers) {
  std::set<int> folded;
  for (const PassNote& note : compiled.plan.passes) {
    if (note.folds()) folded.insert(static_cast<int>(note.tflite_op));
  }
  auto runner = ReferenceRunner::Make(compiled.blob);
  ASSERT_TRUE(runner.ok()) << runner.status().ToString();
  for (const char pattern : {'A', 'B'}) {
    TINYRIG_READ_TEST_DATA(expected_output, golden + "." + pattern + ".out0.bin");
    HashingObserver observer;
    const auto input = vectors::MakePattern(pattern, InputsOf(compiled.plan));
    ASSERT_TRUE(input.ok()) << input.status().ToString();
    const auto output = runner->Run(std::as_bytes(std::span(*input)), &observer);
    ASSERT_TRUE(output.ok()) << output.status().ToString();
    EXPECT_EQ(output->bytes, expected_output);

    std::vector<nlohmann::json> expected;
    for (const auto& layer : layers) {
      if (layer["pattern"] != std::string(1, pattern) || folded.contains(layer["op"])) continue;
      const auto hash = std::stoul(layer["fnv1a32"].get<std::string>(), nullptr, 16);
      expected.push_back({{"op", layer["op"]},
                          {"tensor", layer["tensor"]},
                          {"bytes", layer["bytes"]},
                          {"fnv1a32", hash}});
    }
    EXPECT_FALSE(expected.empty());
    EXPECT_EQ(observer.hashes, expected) << "pattern " << pattern;
  }
}

TEST_P(GoldenTest, EveryOperatorAndTheOutputMatch) {
  const std::string golden = std::string("golden/") + GetParam().golden;
  TINYRIG_READ_TEST_DATA(model, std::string("models/") + GetParam().model);
  TINYRIG_READ_TEST_DATA(layers, golden + ".layers.json");
  const auto* text = reinterpret_cast<const char*>(layers.data());
  const auto expected_layers = nlohmann::json::parse(text, text + layers.size());
  for (const char* fusion : {",fusion=file", ",fusion=none"}) {
    const auto variant = ParseVariant(std::string(GetParam().variant) + fusion);
    ASSERT_TRUE(variant.ok()) << variant.status().ToString();
    const auto compiled = Compile(model, *variant);
    ASSERT_TRUE(compiled.ok()) << compiled.status().ToString();
    SCOPED_TRACE(fusion);
    if (!variant->folds()) EXPECT_TRUE(compiled->plan.passes.empty());
    Compare(*compiled, golden, expected_layers);
  }
}

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (const char* variant :
       {"kernels=reference", "kernels=dsp,weights=int8", "kernels=dsp,weights=int16"}) {
    cases.push_back({"kws", "kws_ref_model.tflite", variant});
    cases.push_back({"vww", "vww_96_int8.tflite", variant});
    cases.push_back({"resnet", "pretrainedResnet_quant.tflite", variant});
    cases.push_back({"te_vww", "tinyengine_vww.tflite", variant});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenTest, testing::ValuesIn(AllCases()), CaseName);

}  // namespace
}  // namespace tinyrig::compiler
