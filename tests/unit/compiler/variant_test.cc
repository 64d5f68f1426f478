#include "firmware/compiler/variant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tinyrig::compiler {
namespace {

using testing::HasSubstr;

TEST(VariantTest, EmptyTextIsTheDefault) {
  const auto variant = ParseVariant("");
  ASSERT_TRUE(variant.ok());
  EXPECT_EQ(variant->ToString(), "kernels=dsp,weights=int8");
}

TEST(VariantTest, CanonicalTextReadsBack) {
  for (const char* text : {"kernels=reference", "weights=int16", "weights=int8,kernels=reference",
                           "fusion=none,synthesis=none,kernels=dsp", "fusion=file",
                           "fusion=msf:f_max=1.3", "kernels=reference,fusion=[0-2h4 ~ 3] [4]"}) {
    const auto variant = ParseVariant(text);
    ASSERT_TRUE(variant.ok()) << text;
    const auto again = ParseVariant(variant->ToString());
    ASSERT_TRUE(again.ok()) << variant->ToString();
    EXPECT_EQ(*again, *variant);
  }
  EXPECT_EQ(ParseVariant("weights=int16")->ToString(), "kernels=dsp,weights=int16");
}

TEST(VariantTest, RefusesWhatItDoesNotKnowAndSaysWhatItDoes) {
  const std::pair<const char*, const char*> kCases[] = {
      {"kernel=dsp", "keys are kernels, weights, fusion, synthesis"},
      {"kernels=fast", "values are reference, dsp"},
      {"kernels", "write key=value"},
      {"kernels=dsp,", "ends with a comma"},
      {"kernels=dsp,kernels=dsp", "given twice"},
      {"kernels=reference,weights=int16", "needs kernels=dsp"},
      {"fusion=msf", "values are none, file"},
      {"kernels=dsp ", "values are reference, dsp"},
  };
  for (const auto& [text, expected] : kCases) {
    const auto variant = ParseVariant(text);
    ASSERT_FALSE(variant.ok()) << text;
    EXPECT_EQ(variant.error().code(), Code::kInvalidArgument);
    EXPECT_THAT(variant.error().message(), HasSubstr(expected)) << text;
  }
}

TEST(VariantTest, TakesEveryFusionSetting) {
  for (const char* text : {"head_patch", "head_stream:input=rows", "none:output=resident",
                           "tiny:ram=8kB", "[0-6h4 ~ 7-9] [10p2x2]"}) {
    const auto variant = MakeVariant({{"fusion", text}});
    ASSERT_TRUE(variant.ok()) << text;
    EXPECT_TRUE(variant->fuses());
    EXPECT_EQ(variant->fusion, text);
  }
}

}  // namespace
}  // namespace tinyrig::compiler
