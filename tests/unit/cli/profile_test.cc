#include "server/cli/report/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Three operators of kws with the counts of a real run, for two vectors.
JobRecord SampleJob() {
  JobRecord job;
  v1::JobResult& result = job.result;
  result.set_job_id(17);
  result.set_model("kws<1>.tflite");
  result.mutable_variant()->set_kernels("dsp");
  result.mutable_variant()->set_weights("int8");
  result.set_board_type("virtual_m4");
  result.set_fidelity(v1::FIDELITY_EMULATED);
  result.set_state(v1::JOB_STATE_SUCCEEDED);
  v1::Measurement& timed = *result.add_measurements();
  timed.set_metric("instructions_p50");
  timed.set_value(1'000'000);
  const struct {
    const char* name;
    std::vector<uint32_t> shape;
    uint64_t macs;
    uint64_t counted;
  } kLayers[] = {{"CONV_2D", {1, 25, 5, 64}, 320'000, 500'100},
                 {"DEPTHWISE_CONV_2D", {1, 25, 5, 64}, 72'000, 480'000},
                 {"SOFTMAX", {1, 12}, 0, 20'140}};
  for (uint32_t vector = 0; vector < 2; ++vector) {
    for (uint32_t op = 0; op < 3; ++op) {
      v1::LayerHash& layer = *result.add_layers();
      layer.set_vector_index(vector);
      layer.set_vector(vector == 0 ? "A" : "B");
      layer.set_op_index(op);
      layer.set_tflite_index(op + 1);
      layer.set_op_name(kLayers[op].name);
      for (const uint32_t size : kLayers[op].shape) layer.add_output_shape(size);
      layer.set_form(kLayers[op].macs == 0 ? "plain" : "packed int8");
      layer.set_macs(kLayers[op].macs);
      layer.set_counted(kLayers[op].counted + vector);
    }
  }
  return job;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(Profile, AddsUpTheFirstVector) {
  const auto profile = MakeProfile(SampleJob());
  ASSERT_TRUE(profile.ok()) << profile.status().message();
  EXPECT_EQ(profile->unit, "instructions");
  EXPECT_EQ(profile->vector, "A");
  ASSERT_EQ(profile->rows.size(), 3u);
  EXPECT_EQ(profile->sum, 1'000'240u);
  EXPECT_EQ(profile->macs, 392'000u);
  EXPECT_EQ(profile->Difference(), 240);
  double shares = 0;
  for (const ProfileRow& row : profile->rows) shares += profile->Share(row);
  EXPECT_DOUBLE_EQ(shares, 1);
}

TEST(Profile, SumsUpOperatorsOfAKind) {
  JobRecord job = SampleJob();
  job.result.mutable_layers(2)->set_op_name("CONV_2D");
  const Profile profile = MakeProfile(job).value();
  const auto kinds = profile.Kinds();
  ASSERT_EQ(kinds.size(), 2u);
  EXPECT_EQ(kinds[0].name, "CONV_2D");
  EXPECT_EQ(kinds[0].count, 2u);
  EXPECT_EQ(kinds[0].counted, 520'240u);
  EXPECT_EQ(kinds[0].macs, 320'000u);
  EXPECT_THAT(ProfileText(profile, 80),
              HasSubstr("  2  CONV_2D            320,000       520,240       1.63  52.0 %"));
  EXPECT_EQ(ProfileJson(profile)["kinds"][1]["name"], "DEPTHWISE_CONV_2D");
}

TEST(Profile, SaysThatAJobHasNone) {
  JobRecord job = SampleJob();
  job.result.clear_layers();
  EXPECT_EQ(MakeProfile(job).status().code(), Code::kNotFound);
  job = SampleJob();
  for (v1::LayerHash& layer : *job.result.mutable_layers()) layer.clear_counted();
  EXPECT_EQ(MakeProfile(job).status().code(), Code::kNotFound) << "hashes alone";
}

TEST(Profile, AnOperatorThatWasNotCountedMakesTheSumNoWhole) {
  JobRecord job = SampleJob();
  job.result.mutable_layers(1)->clear_counted();
  const auto profile = MakeProfile(job);
  ASSERT_TRUE(profile.ok());
  EXPECT_FALSE(profile->Difference());
  EXPECT_THAT(ProfileText(*profile, 80), HasSubstr("not counted"));
  EXPECT_FALSE(ProfileJson(*profile).contains("difference"));
  EXPECT_FALSE(ProfileJson(*profile)["layers"][1].contains("counted"));
}

TEST(Profile, OtherFidelitiesHaveOtherUnits) {
  JobRecord job = SampleJob();
  job.result.set_fidelity(v1::FIDELITY_HARDWARE);
  job.result.mutable_measurements(0)->set_metric("cycles_p50");
  EXPECT_EQ(MakeProfile(job)->unit, "cycles");
  EXPECT_EQ(MakeProfile(job)->Difference(), 240);
  job.result.set_fidelity(v1::FIDELITY_NATIVE);
  job.result.mutable_measurements(0)->set_metric("latency_us_p50");
  job.result.mutable_measurements(0)->set_value(1000);
  EXPECT_EQ(MakeProfile(job)->unit, "ns");
  EXPECT_EQ(MakeProfile(job)->Difference(), 240) << "nanoseconds of both";
}

TEST(Profile, TextFitsItsTerminal) {
  const Profile profile = MakeProfile(SampleJob()).value();
  for (const size_t width : {80u, 100u, 120u}) {
    size_t longest = 0;
    for (const std::string& line : Lines(ProfileText(profile, width))) {
      EXPECT_LE(DisplayWidth(line), width) << line;
      longest = std::max(longest, DisplayWidth(line));
    }
    EXPECT_GT(longest, width - 4) << "the longest bar takes the room there is";
  }
  const std::string text = ProfileText(profile, 80);
  EXPECT_THAT(text, HasSubstr(" 1  CONV_2D            1x25x5x64  320,000       500,100       1.56"
                              "  50.0 %"));
  EXPECT_THAT(text, HasSubstr("sum"));
  EXPECT_THAT(text, HasSubstr("timed run: 1,000,000 instructions (median)"));
  EXPECT_THAT(ProfileText(profile, 160), HasSubstr("240 more (+0.024 %), 80 an operator"));
}

TEST(Profile, JsonHasEveryNumber) {
  const Json json = ProfileJson(MakeProfile(SampleJob()).value());
  EXPECT_EQ(json["job_id"], 17);
  EXPECT_EQ(json["variant"]["kernels"], "dsp");
  EXPECT_EQ(json["unit"], "instructions");
  EXPECT_EQ(json["sum"], 1'000'240);
  EXPECT_EQ(json["timed"], 1'000'000);
  EXPECT_EQ(json["difference"], 240);
  const Json& layer = json["layers"][1];
  EXPECT_EQ(layer["tflite_index"], 2);
  EXPECT_EQ(layer["name"], "DEPTHWISE_CONV_2D");
  EXPECT_EQ(layer["output_shape"], Json::array({1, 25, 5, 64}));
  EXPECT_EQ(layer["macs"], 72'000);
  EXPECT_DOUBLE_EQ(layer["per_mac"].get<double>(), 480'000.0 / 72'000);
  EXPECT_FALSE(json["layers"][2].contains("per_mac")) << "no MAC to divide by";
}

TEST(Profile, HtmlStandsAloneAndEscapes) {
  const std::string html = ProfileHtml({MakeProfile(SampleJob()).value()}, 0);
  if (const char* path = std::getenv("TINYRIG_SAMPLE")) std::ofstream(path) << html;
  EXPECT_THAT(html, HasSubstr("kws&lt;1&gt;.tflite"));
  EXPECT_THAT(html, Not(HasSubstr("<1>")));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("http://")));
  size_t bars = 0;
  for (size_t at = html.find("<rect class=\"bar\""); at != std::string::npos;
       at = html.find("<rect class=\"bar\"", at + 1)) {
    ++bars;
  }
  EXPECT_EQ(bars, 6u) << "a bar for every operator, in a wide and a narrow picture";
}

}  // namespace
}  // namespace tinyrig::cli
