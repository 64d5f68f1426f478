#include "server/cli/campaign/variants.h"

#include <gtest/gtest.h>

namespace tinyrig::cli {
namespace {

std::vector<std::string> Texts(const v1::VariantMatrix& matrix) {
  std::vector<std::string> texts;
  for (const v1::Variant& variant : ExpandVariants(matrix)) texts.push_back(VariantText(variant));
  return texts;
}

TEST(Variants, EmptyAxesAreDefaults) {
  EXPECT_EQ(Texts({}), std::vector<std::string>{"kernels=dsp,weights=int8"});
}

TEST(Variants, ExcludeDropsWhatMatchesAllFields) {
  v1::VariantMatrix matrix;
  matrix.add_kernels("reference");
  matrix.add_kernels("dsp");
  matrix.add_weights("int8");
  matrix.add_weights("int16");
  matrix.add_exclude()->set_kernels("reference");
  matrix.mutable_exclude(0)->set_weights("int16");
  const std::vector<std::string> three = {"kernels=reference,weights=int8",
                                          "kernels=dsp,weights=int8", "kernels=dsp,weights=int16"};
  EXPECT_EQ(Texts(matrix), three);
}

TEST(Variants, AListBecomesAMatrixOfExactlyThat) {
  const std::vector<std::string> wanted = {"kernels=reference,weights=int8",
                                           "kernels=dsp,weights=int16"};
  v1::VariantMatrix matrix;
  ASSERT_TRUE(SetVariants(wanted, matrix).ok());
  EXPECT_EQ(Texts(matrix), wanted);
  EXPECT_TRUE(CheckVariants(matrix).ok());
  ASSERT_TRUE(SetVariants({"weights=int16"}, matrix).ok());
  EXPECT_EQ(Texts(matrix), std::vector<std::string>{"kernels=dsp,weights=int16"});
  ASSERT_TRUE(SetVariants({}, matrix).ok());
  EXPECT_EQ(Texts(matrix), std::vector<std::string>{"kernels=dsp,weights=int8"});
}

TEST(Variants, BadOnesAreRefused) {
  v1::VariantMatrix matrix;
  for (const char* text : {"kernels", "kernels=", "kernels=neon", "x=y", "kernels=dsp,kernels=dsp",
                           "kernels=reference,weights=int16"}) {
    EXPECT_EQ(SetVariants({text}, matrix).code(), Code::kInvalidArgument) << text;
  }
}

TEST(Variants, FusionSettingsReplaceTheAxis) {
  v1::VariantMatrix matrix;
  ASSERT_TRUE(SetVariants({"kernels=reference", "weights=int16"}, matrix).ok());
  ASSERT_TRUE(SetFusion({"tiny:min_ram", "none", "tiny:min_ram"}, matrix).ok());
  std::vector<std::string> texts;
  for (const v1::Variant& variant : ExpandVariants(matrix)) texts.push_back(VariantText(variant));
  EXPECT_EQ(texts, (std::vector<std::string>{"kernels=reference,weights=int8,fusion=tiny:min_ram",
                                             "kernels=reference,weights=int8",
                                             "kernels=dsp,weights=int16,fusion=tiny:min_ram",
                                             "kernels=dsp,weights=int16"}));
  EXPECT_FALSE(SetFusion({"tiny:least"}, matrix).ok());
}

TEST(Variants, LabelsAreShort) {
  v1::Variant variant;
  variant.set_kernels("dsp");
  variant.set_weights("int16");
  variant.set_fusion("none");
  EXPECT_EQ(VariantLabel(variant), "dsp/int16");
  variant.set_fusion("msf:f_max=1.3");
  EXPECT_EQ(VariantLabel(variant), "dsp/int16/msf:f_max=1.3");
}

}  // namespace
}  // namespace tinyrig::cli
