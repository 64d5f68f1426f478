#include "server/cli/report/json.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/cli/sample.h"

namespace tinyrig::cli {
namespace {

TEST(CampaignJson, HasTheDocumentedKeys) {
  const Json json = CampaignJson(SampleCampaign());
  EXPECT_EQ(json["campaign_id"], 3);
  EXPECT_EQ(json["name"], "demo");
  EXPECT_EQ(json["ended"], false);
  ASSERT_EQ(json["jobs"].size(), 11u);
  const Json& job = json["jobs"][1];
  EXPECT_EQ(job["job_id"], 2);
  EXPECT_EQ(job["campaign_id"], 3);
  EXPECT_EQ(job["state"], "succeeded");
  EXPECT_EQ(job["model"], "digits_cnn.tflite");
  EXPECT_EQ(
      job["variant"],
      Json({{"kernels", "dsp"}, {"weights", "int8"}, {"fusion", "none"}, {"synthesis", "none"}}));
  EXPECT_EQ(job["board_type"], "virtual_m4");
  EXPECT_EQ(job["board"], "m4-2");
  EXPECT_EQ(job["fidelity"], "emulated");
  EXPECT_EQ(job["attempt"], 1);
  // Every metric by its own name; whole numbers stay whole.
  EXPECT_TRUE(job["instructions_p50"].is_number_integer());
  EXPECT_EQ(job["instructions_p50"], 961'204);
  EXPECT_TRUE(job["latency_us_p99"].is_number());
  EXPECT_EQ(job["arena_bytes"], 3168);
  EXPECT_DOUBLE_EQ(job["accuracy_top1"], 359.0 / 360);
  EXPECT_FALSE(job.contains("failure"));
  EXPECT_FALSE(job.contains("layers"));
  const Json& measurement = job["measurements"][0];
  EXPECT_EQ(measurement, Json({{"metric", "instructions_p50"},
                               {"value", 961'204},
                               {"unit", "instructions"},
                               {"uncertainty", 0},
                               {"fidelity", "emulated"},
                               {"method", "counted on the device"}}));
}

TEST(CampaignJson, SaysWhyJobsFailed) {
  const Json json = CampaignJson(SampleCampaign());
  EXPECT_EQ(json["jobs"][6]["state"], "infeasible");
  EXPECT_EQ(json["jobs"][6]["failure"]["owner"], "infeasible");
  const Json& failed = json["jobs"][7];
  EXPECT_EQ(failed["failure"]["owner"], "variant");
  EXPECT_EQ(failed["failure"]["evidence"][0], "vector 17: expected 03 fd, found 04 fd");
  // What was not measured is not there, rather than zero.
  EXPECT_FALSE(failed.contains("instructions_p50"));
  EXPECT_EQ(json["jobs"][10]["state"], "queued");
  EXPECT_EQ(json["jobs"][10]["model"], "digits_ds.tflite");
}

TEST(CampaignJson, HasTheFront) {
  const Json json = CampaignJson(SampleCampaign());
  EXPECT_EQ(json["front"], Json({2, 3, 4, 5, 6}));
  ASSERT_EQ(json["fronts"].size(), 1u);
  EXPECT_EQ(json["fronts"][0]["board_type"], "virtual_m4");
  EXPECT_EQ(json["fronts"][0]["fidelity"], "emulated");
  EXPECT_EQ(json["fronts"][0]["dominated"], Json({1}));
  EXPECT_EQ(json["fronts"][0]["goals"]["max"], Json({"accuracy_top1"}));
  // Without goals: an empty list, not an absent key.
  CampaignRecord record = SampleCampaign();
  record.fronts.clear();
  EXPECT_EQ(CampaignJson(record)["front"], Json::array());
}

TEST(JobJson, WritesLayerHashesAsEightHexDigits) {
  JobRecord record;
  v1::LayerHash& layer = *record.result.add_layers();
  layer.set_vector("A");
  layer.set_op_index(1);
  layer.set_tflite_index(2);
  layer.set_op_name("CONV_2D");
  layer.set_tensor_index(22);
  layer.set_bytes(8000);
  layer.set_fnv1a32(0x00a57268);
  EXPECT_EQ(JobJson(record)["layers"], Json::array({{{"vector", "A"},
                                                     {"op", 1},
                                                     {"tflite_index", 2},
                                                     {"op_name", "CONV_2D"},
                                                     {"tensor", 22},
                                                     {"bytes", 8000},
                                                     {"fnv1a32", "00a57268"}}}));
}

TEST(JobJson, LayersSayWhatTheyTookWhenItIsKnown) {
  JobRecord record;
  v1::LayerHash& layer = *record.result.add_layers();
  layer.add_output_shape(1);
  layer.add_output_shape(12);
  layer.set_form("packed int8");
  layer.set_macs(144);
  layer.set_ticks(320);
  layer.set_counted(200);
  const Json json = JobJson(record)["layers"][0];
  EXPECT_EQ(json["output_shape"], Json::array({1, 12}));
  EXPECT_EQ(json["form"], "packed int8");
  EXPECT_EQ(json["macs"], 144);
  EXPECT_EQ(json["ticks"], 320);
  EXPECT_EQ(json["counted"], 200);
}

TEST(Json, HostileTextAndNumbersStillParse) {
  const Json parsed = Json::parse(Dump(CampaignJson(SampleCampaign())));
  EXPECT_NE(parsed["jobs"][7]["failure"]["message"].get<std::string>().find("<script>"),
            std::string::npos);
  EXPECT_EQ(NumberJson(NAN), nullptr);
  EXPECT_EQ(NumberJson(INFINITY), nullptr);
  EXPECT_TRUE(NumberJson(9007199254740992.0 * 4).is_number_float());
  EXPECT_EQ(NumberJson(-3), -3);
}

}  // namespace
}  // namespace tinyrig::cli
