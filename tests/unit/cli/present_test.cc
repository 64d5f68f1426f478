#include "server/cli/commands/present.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/cli/campaign/metrics.h"
#include "tests/unit/cli/sample.h"

namespace tinyrig::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ResultTable, ShowsWhatThereIs) {
  CampaignRecord record = SampleCampaign();
  record.jobs.resize(2);
  EXPECT_EQ(ResultTable(record, DefaultMetrics(record)),
            "job     model              kernels    weights  board  instructions  latency (virtual) "
            "   flash     RAM  "
            "accuracy  state\n"
            "---  -  -----------------  ---------  -------  -----  ------------  ----------------- "
            " -------  ------  "
            "--------  ---------\n"
            "  1     digits_cnn.tflite  reference  int8     m4-1      5,120,331          327.70 ms "
            " 26.4 kB  4.5 kB   "
            "99.72 %  succeeded\n"
            "  2  *  digits_cnn.tflite  dsp        int8     m4-2        961,204           61.52 ms "
            " 29.9 kB  4.5 kB   "
            "99.72 %  succeeded\n");
}

TEST(FailureText, NamesOwnerMessageAndEvidence) {
  const std::string text = FailureText(SampleCampaign().jobs);
  EXPECT_THAT(
      text,
      HasSubstr(
          "job 7 (digits_cnn.tflite kernels=dsp,weights=int16): infeasible: needs 1,203,004 B"));
  EXPECT_THAT(text, HasSubstr("    vector 17: expected 03 fd, found 04 fd\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(FrontText, SortsByTheFirstGoal) {
  const std::string text = FrontText(SampleCampaign().fronts[0]);
  EXPECT_THAT(text, HasSubstr("Front on virtual_m4: 5 of 6 results are not dominated"));
  EXPECT_THAT(text, HasSubstr("min instructions_p50"));
  EXPECT_THAT(text, HasSubstr("max accuracy_top1"));
  EXPECT_LT(text.find("361,900"), text.find("402,115"));
  EXPECT_LT(text.find("402,115"), text.find("1,633,870"));
}

TEST(FrontText, NamesTheModelWhenThereIsButOne) {
  v1::Front front = SampleCampaign().fronts[0];
  EXPECT_EQ(ModelOfFront(front), "");
  for (auto* results : {front.mutable_points(), front.mutable_dominated()}) {
    for (v1::JobResult& result : *results) result.set_model("mn2-vww5.tflite");
  }
  EXPECT_THAT(FrontText(front), HasSubstr("Front of mn2-vww5.tflite on virtual_m4: 5 of 6"));
}

TEST(FrontText, SaysKneeTiesAndTheBestForSmallMemories) {
  v1::Front front = SampleCampaign().fronts[0];
  EXPECT_THAT(FrontText(front), Not(HasSubstr("knee")));
  front.set_knee_job_id(5);
  front.set_hypervolume(0.75);
  for (const uint64_t job : {2, 3}) {
    if (front.ties().empty()) front.add_ties();
    front.mutable_ties(0)->add_job_ids(job);
  }
  for (const char* metric : {"ram_model_bytes", "flash_model_bytes"}) {
    v1::BestUnder& best = *front.add_best();
    best.set_metric(metric);
    best.set_limit_bytes(32'000);
    if (best.metric() == "flash_model_bytes") best.set_job_id(6);
  }
  EXPECT_THAT(FrontText(front),
              HasSubstr("knee: job 5\n"
                        "tie: jobs 2, 3 are equal on every axis\n"
                        "hypervolume: 0.75 of the box between best and worst results\n"
                        "best instructions_p50 under\n"
                        "       ram_model_bytes  flash_model_bytes\n"
                        "-----  ---------------  -----------------\n"
                        "32 kB  -                job 6\n"));
}

TEST(CountsText, LeavesOutZeroes) {
  EXPECT_EQ(CountsText(CountStates(SampleCampaign().jobs)),
            "11 jobs: 6 succeeded, 2 failed, 1 infeasible, 1 cancelled, 1 queued");
  v1::JobCounts one;
  one.set_succeeded(1);
  EXPECT_EQ(CountsText(one), "1 job: 1 succeeded");
}

TEST(Metrics, EveryDescribedOneExists) {
  for (const MetricInfo& metric : KnownMetrics())
    EXPECT_TRUE(CheckMetricName(metric.name).ok()) << metric.name;
  EXPECT_FALSE(CheckMetricName("").ok());
  EXPECT_FALSE(CheckMetricName("instructions").ok());
}

TEST(Metrics, AreFormattedByKind) {
  EXPECT_EQ(FormatMetric("instructions_p50", 7'698'445), "7,698,445");
  EXPECT_EQ(FormatMetric("arena_bytes", 16'000), "16.0 kB");
  EXPECT_EQ(FormatMetric("latency_us_p99", 492'700), "492.70 ms");
  EXPECT_EQ(FormatMetric("accuracy_top1", 0.9722), "97.22 %");
}

TEST(FormatTime, IsUtc) {
  EXPECT_EQ(FormatTime(0), "");
  EXPECT_EQ(FormatTime(1'000'000), "1970-01-01T00:00:01Z");
}

}  // namespace
}  // namespace tinyrig::cli
