#include "server/model/campaign.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "server/model/names.h"

namespace tinyrig::server {
namespace {

const std::string kHashA(64, 'a');
const std::string kHashB(64, 'b');

v1::CampaignSpec Spec(const std::string& more = "") {
  v1::CampaignSpec spec;
  const std::string text = R"(models { sha256: ")" + kHashA +
                           R"(" name: "a.tflite" } board_types: "m4" vectors { patterns: "AB" } )" +
                           more;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &spec)) << text;
  return spec;
}

std::vector<std::string> TypesOf(const v1::CampaignSpec& spec) {
  return {spec.board_types().begin(), spec.board_types().end()};
}

std::vector<std::string> Texts(const v1::CampaignSpec& spec) {
  auto normal = NormalizeCampaign(spec);
  EXPECT_TRUE(normal.ok()) << normal.status().ToString();
  auto jobs = ExpandCampaign(*normal, TypesOf(*normal));
  EXPECT_TRUE(jobs.ok()) << jobs.status().ToString();
  std::vector<std::string> texts;
  for (const JobSpec& job : *jobs) {
    texts.push_back(job.model->name() + " " + job.board_type + " " + job.variant->kernels() + "/" +
                    job.variant->weights());
  }
  return texts;
}

TEST(Campaign, EmptyAxesAndNumbersGetTheirDefaults) {
  const auto normal = NormalizeCampaign(Spec());
  ASSERT_TRUE(normal.ok());
  EXPECT_EQ(normal->warmup(), 1u);
  EXPECT_EQ(normal->repetitions(), 1u);
  EXPECT_EQ(normal->max_attempts(), 3u);
  EXPECT_EQ(normal->attempt_timeout_s(), 120u);
  EXPECT_EQ(normal->variants().kernels(0), "dsp");
  EXPECT_EQ(Texts(Spec()), (std::vector<std::string>{"a.tflite m4 dsp/int8"}));
}

TEST(Campaign, ZeroWarmupIsKept) {
  const auto normal = NormalizeCampaign(Spec("warmup: 0"));
  ASSERT_TRUE(normal.ok());
  EXPECT_EQ(normal->warmup(), 0u);
}

TEST(Campaign, ExpandsInTheOrderOfTheSpecWithoutExcludes) {
  const auto jobs = Texts(Spec(R"(models { sha256: ")" + kHashB + R"(" name: "b.tflite" }
      variants { kernels: "reference" kernels: "dsp" weights: "int8" weights: "int16"
                 exclude { kernels: "reference" weights: "int16" } })"));
  EXPECT_EQ(jobs, (std::vector<std::string>{"a.tflite m4 reference/int8", "a.tflite m4 dsp/int8",
                                            "a.tflite m4 dsp/int16", "b.tflite m4 reference/int8",
                                            "b.tflite m4 dsp/int8", "b.tflite m4 dsp/int16"}));
}

TEST(Campaign, RepeatedModelsAndValuesCountOnce) {
  const auto jobs = Texts(Spec(R"(models { sha256: ")" + kHashA + R"(" name: "copy.tflite" }
      board_types: "m4" variants { kernels: "dsp" kernels: "dsp" })"));
  EXPECT_EQ(jobs, (std::vector<std::string>{"a.tflite m4 dsp/int8"}));
}

TEST(Campaign, NothingLeftIsAnError) {
  const auto normal = NormalizeCampaign(Spec(R"(variants { exclude { kernels: "dsp" } })"));
  ASSERT_TRUE(normal.ok());
  EXPECT_EQ(ExpandCampaign(*normal, TypesOf(*normal)).status().code(), Code::kInvalidArgument);
}

TEST(Campaign, TooManyJobsIsAnErrorWithoutExpanding) {
  v1::CampaignSpec spec = Spec();
  for (int i = 0; i < 1000; ++i) {
    *spec.add_models() = spec.models(0);
    spec.add_board_types("t" + std::to_string(i));
  }
  const auto normal = NormalizeCampaign(spec);
  ASSERT_TRUE(normal.ok());
  const Status status = ExpandCampaign(*normal, TypesOf(*normal)).status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find("split it"), std::string::npos);
}

struct BadSpec {
  const char* name;
  std::string more;
  const char* says;
};
class BadCampaign : public testing::TestWithParam<BadSpec> {};

TEST_P(BadCampaign, IsRefusedNamingTheField) {
  const Status status = NormalizeCampaign(Spec(GetParam().more)).status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find(GetParam().says), std::string::npos) << status.message();
}
INSTANTIATE_TEST_SUITE_P(
    All, BadCampaign,
    testing::Values(
        BadSpec{"kernels", R"(variants { kernels: "fast" })", "variants.kernels: 'fast'"},
        BadSpec{"fusion", R"(variants { fusion: "all" })", "variants.fusion: 'all'"},
        BadSpec{"two_fusions", R"(variants { fusion: "tiny:min_ram,msf:min_ram" })",
                "msf:GOAL, tiny:GOAL or a block list"},
        BadSpec{"exclude", R"(variants { exclude { weights: "int4" } })",
                "exclude.weights: 'int4'"},
        BadSpec{"empty_exclude", "variants { exclude {} }", "exclude:"},
        BadSpec{"hash", R"(models { sha256: "../../etc/passwd" })", "models:"},
        BadSpec{"board_type", R"(board_types: "")", "board_types:"},
        BadSpec{"repetitions", "repetitions: 0", "repetitions: 0"},
        BadSpec{"attempts", "max_attempts: 1000", "max_attempts: 1000"},
        BadSpec{"goal", R"(goals { minimize: "speed" })", "metric 'speed'"},
        BadSpec{"goal_twice", R"(goals { minimize: "macs" maximize: "macs" })", "named twice"}),
    [](const auto& info) { return info.param.name; });

TEST(Campaign, FusionPlansAreValuesOfAnAxis) {
  const auto jobs = ExpandCampaign(
      *NormalizeCampaign(
          Spec(R"(variants { fusion: "tiny:f_max=1.3" fusion: "[0-2h4 ~ 3] [4]" })")),
      {"m4"});
  ASSERT_TRUE(jobs.ok());
  EXPECT_EQ(jobs->front().variant->fusion(), "tiny:f_max=1.3");
  EXPECT_EQ(jobs->back().variant->fusion(), "[0-2h4 ~ 3] [4]");
}

TEST(Campaign, VectorsMustBeAFileOrKnownPatterns) {
  v1::CampaignSpec spec = Spec();
  for (const char* letters : {"", "AZ", "AA"}) {
    spec.mutable_vectors()->set_patterns(letters);
    EXPECT_EQ(NormalizeCampaign(spec).status().code(), Code::kInvalidArgument) << letters;
  }
  spec.mutable_vectors()->mutable_npz()->set_sha256("short");
  EXPECT_FALSE(NormalizeCampaign(spec).ok());
  spec.mutable_vectors()->mutable_npz()->set_sha256(kHashB);
  EXPECT_TRUE(NormalizeCampaign(spec).ok());
  spec.clear_vectors();
  EXPECT_FALSE(NormalizeCampaign(spec).ok());
}

TEST(Names, TextAndEnumAgreeBothWays) {
  for (int i = 0; i < 7; ++i) {
    const auto state = static_cast<v1::JobState>(i);
    EXPECT_EQ(JobStateFromText(ToText(state)), state);
  }
  EXPECT_EQ(ToText(v1::FIDELITY_EMULATED), "emulated");
  EXPECT_EQ(ToText(v1::FAILURE_OWNER_BENCH), "bench");
  EXPECT_EQ(JobStateFromText("no such word"), v1::JOB_STATE_UNSPECIFIED);
}

}  // namespace
}  // namespace tinyrig::server
