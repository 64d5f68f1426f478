#include <gtest/gtest.h>

#include <algorithm>

#include "firmware/compiler/compile.h"
#include "firmware/compiler/reference_run.h"
#include "proto/vectors/vector_set.h"
#include "tests/golden/test_data.h"

/// The project's own models on all their vectors: every output byte as the TensorFlow Lite
/// interpreter gave it, and the accuracies that firmware/zoo/README.md states, for every kernel set
/// and weight layout.
namespace tinyrig::compiler {
namespace {

struct Case {
  std::string model;
  int correct;  ///< Of 360.
  std::string variant;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.model << " " << c.variant; }

class ZooTest : public testing::TestWithParam<Case> {};

TEST_P(ZooTest, OutputsAndAccuracy) {
  const std::string zoo = TINYRIG_SOURCE_DIR "/firmware/zoo/";
  const auto model = ReadBytes(zoo + GetParam().model + ".tflite");
  const auto npz = ReadBytes(zoo + "digits_test.npz");
  ASSERT_FALSE(model.empty());
  ASSERT_FALSE(npz.empty());
  const std::span<const uint8_t> npz_bytes(reinterpret_cast<const uint8_t*>(npz.data()),
                                           npz.size());
  const auto set = vectors::ReadVectorSet(npz_bytes, "digits_test.npz");
  ASSERT_TRUE(set.ok()) << set.status().ToString();
  const auto expected = set->outputs.find(GetParam().model);
  ASSERT_NE(expected, set->outputs.end());

  const auto variant = ParseVariant(GetParam().variant);
  ASSERT_TRUE(variant.ok());
  const auto compiled = Compile(model, *variant);
  ASSERT_TRUE(compiled.ok()) << compiled.status().ToString();
  auto runner = ReferenceRunner::Make(compiled->blob);
  ASSERT_TRUE(runner.ok()) << runner.status().ToString();

  int correct = 0;
  constexpr size_t kClasses = 10;
  ASSERT_EQ(set->count, 360u);
  for (size_t i = 0; i < set->count; ++i) {
    const auto output = runner->Run(std::as_bytes(set->input(i)));
    ASSERT_TRUE(output.ok()) << output.status().ToString();
    ASSERT_EQ(output->bytes.size(), kClasses);
    const auto* scores = reinterpret_cast<const int8_t*>(output->bytes.data());
    const auto* known =
        reinterpret_cast<const int8_t*>(expected->second.data.data()) + i * kClasses;
    ASSERT_TRUE(std::equal(scores, scores + kClasses, known)) << "vector " << i;
    // The lowest index on a tie.
    correct += std::max_element(scores, scores + kClasses) - scores == set->labels[i];
  }
  EXPECT_EQ(correct, GetParam().correct);
}

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (const char* variant :
       {"kernels=reference", "kernels=dsp,weights=int8", "kernels=dsp,weights=int16"}) {
    cases.push_back({"digits_cnn", 359, variant});
    cases.push_back({"digits_ds", 356, variant});
  }
  return cases;
}

std::string CaseName(const testing::TestParamInfo<Case>& info) {
  std::string name = info.param.model + "_" + info.param.variant;
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Digits, ZooTest, testing::ValuesIn(AllCases()), CaseName);

}  // namespace
}  // namespace tinyrig::compiler
