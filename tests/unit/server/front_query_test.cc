#include "server/service/front_query.h"

#include <gmock/gmock.h>

#include "server/service/job_comparison.h"
#include "tests/unit/server/store_fixture.h"

namespace tinyrig::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class FrontQueryTest : public StoreFixture {
 protected:
  struct Values {
    double instructions;
    double flash;
    double flash_uncertainty = 0;
  };
  /// A campaign whose jobs m0.tflite, m1.tflite, ... gave these.
  std::vector<uint64_t> Measure(const std::vector<Values>& jobs,
                                std::vector<v1::LayerHash> layers = {}) {
    NewCampaign campaign = Campaign(jobs.size(), 0);
    campaign.spec.mutable_goals()->add_minimize("instructions_p50");
    campaign.spec.mutable_goals()->add_minimize("flash_model_bytes");
    const auto added = store_.AddCampaign(campaign, 10);
    std::vector<uint64_t> ids;
    for (size_t i = 0; i < jobs.size(); ++i) {
      const Lease lease = LeaseOf(added->queued[i], 1, ++fence_);
      EXPECT_TRUE(store_.AddLeases(std::span(&lease, 1), 20).ok());
      EndedAttempt ended = Success(lease.key);
      ended.measurements = {Metric("instructions_p50", jobs[i].instructions)};
      if (jobs[i].flash > 0) {
        ended.measurements.push_back(Metric("flash_model_bytes", jobs[i].flash));
        ended.measurements.back().set_uncertainty(jobs[i].flash_uncertainty);
      }
      ended.layers = layers;
      EXPECT_EQ(store_.EndAttempt(ended, 30).value(), Store::Outcome::kStored);
      ids.push_back(lease.key.job.value);
    }
    return ids;
  }
  static std::vector<uint64_t> Ids(const google::protobuf::RepeatedPtrField<v1::JobResult>& jobs) {
    std::vector<uint64_t> ids;
    for (const v1::JobResult& job : jobs) ids.push_back(job.job_id());
    return ids;
  }
  Result<v1::Front> Ask(const std::string& where, const std::vector<std::string>& limits = {}) {
    v1::GetFrontRequest request;
    request.set_campaign_id(1);
    request.set_where(where);
    for (const std::string& limit : limits) request.add_limits(limit);
    return QueryFront(*reader_, request);
  }

  uint64_t fence_ = uint64_t{1} << 54;
};

TEST_F(FrontQueryTest, SaysTiesKneeAndTheBestForSmallMemories) {
  const auto ids = Measure(
      {{100, 300'000}, {110, 40'000}, {110, 40'000}, {500, 30'000}, {600, 310'000}, {50, 0}});
  const v1::Front front = Ask("").value();
  EXPECT_THAT(Ids(front.points()), ElementsAre(ids[0], ids[1], ids[2], ids[3]));
  EXPECT_THAT(Ids(front.dominated()), ElementsAre(ids[4]));
  ASSERT_EQ(front.ties_size(), 1);
  EXPECT_THAT(front.ties(0).job_ids(), ElementsAre(ids[1], ids[2]));
  EXPECT_EQ(front.knee_job_id(), ids[1]);
  EXPECT_GT(front.hypervolume(), 0.5);
  ASSERT_EQ(front.notes_size(), 1);
  EXPECT_THAT(front.notes(0), HasSubstr("it has no flash_model_bytes"));
  // Points come whole, not with the axes alone.
  EXPECT_EQ(front.points(0).model(), "m0.tflite");
  EXPECT_EQ(front.points(0).board_id(), "b1");
  std::map<std::pair<std::string, uint64_t>, uint64_t> best;
  for (const v1::BestUnder& one : front.best())
    best[{one.metric(), one.limit_bytes()}] = one.job_id();
  EXPECT_EQ(best.size(), 8u);
  EXPECT_EQ((best[{"flash_model_bytes", 32'000}]), ids[3]);
  EXPECT_EQ((best[{"flash_model_bytes", 64'000}]), ids[1]);
  EXPECT_EQ((best[{"flash_model_bytes", 256'000}]), ids[1]);
  EXPECT_EQ((best[{"ram_model_bytes", 256'000}]), 0u);
}

TEST_F(FrontQueryTest, ConditionsAndLimitsChoose) {
  const auto ids =
      Measure({{100, 300'000}, {110, 255'500, 100}, {120, 255'900, 100}, {500, 30'000}});
  EXPECT_THAT(Ids(Ask("model == m1 || model == m3.tflite")->points()), ElementsAre(ids[1], ids[3]));
  EXPECT_TRUE(Ask("kernels == reference")->points().empty());
  const v1::Front all =
      Ask("user == ann && board == b1 && campaign == nightly && fidelity == emulated").value();
  EXPECT_EQ(all.points_size() + all.dominated_size(), 4);
  // The whole interval has to keep the limit: 255,900 +- 200 does not.
  EXPECT_THAT(Ids(Ask("", {"flash_model_bytes <= 256kB"})->points()), ElementsAre(ids[1], ids[3]));
  EXPECT_THAT(Ids(Ask("", {"flash_model_bytes<=256kB", "instructions_p50 < 200"})->points()),
              ElementsAre(ids[1]));
  EXPECT_EQ(Ask("model ==").status().code(), Code::kInvalidArgument);
  const Status unknown = Ask("colour == red").status();
  EXPECT_EQ(unknown.code(), Code::kInvalidArgument);
  EXPECT_THAT(unknown.message(), HasSubstr("'colour'"));
}

TEST_F(FrontQueryTest, AComparisonSaysMetricsLayersAndWhatIsMissing) {
  v1::LayerHash conv;
  conv.set_op_name("CONV_2D");
  conv.set_counted(100);
  conv.set_bytes(16);
  conv.set_fnv1a32(7);
  v1::LayerHash pad = conv;
  pad.set_op_index(1);
  pad.set_tflite_index(1);
  pad.set_op_name("PAD");
  const uint64_t base = Measure({{100, 40'000}}, {conv, pad})[0];
  conv.set_counted(80);
  const uint64_t other = Measure({{90, 40'010, 20}}, {conv})[0];
  v1::CompareJobsRequest request;
  request.set_base_job_id(base);
  request.set_other_job_id(other);
  const v1::CompareJobsResponse response = CompareJobs(*reader_, request).value();
  ASSERT_EQ(response.changes_size(), 2);
  EXPECT_EQ(response.changes(0).metric(), "instructions_p50");
  EXPECT_EQ(response.changes(0).base(), 100);
  EXPECT_EQ(response.changes(0).other(), 90);
  EXPECT_TRUE(response.changes(0).separated());
  EXPECT_FALSE(response.changes(1).separated());
  EXPECT_EQ(response.changes(1).other_uncertainty(), 20);
  ASSERT_EQ(response.layers_size(), 2);
  EXPECT_EQ(response.layers(0).base(), 100u);
  EXPECT_EQ(response.layers(0).other(), 80u);
  EXPECT_TRUE(response.layers(0).same_output());
  EXPECT_EQ(response.layers(1).op_name(), "PAD");
  EXPECT_FALSE(response.layers(1).has_other());
  EXPECT_FALSE(response.layers(1).same_output());
  EXPECT_EQ(response.base_job().job_id(), base);
  EXPECT_EQ(response.base_job().layers_size(), 0);
  const uint64_t bare = Measure({{90, 0}})[0];
  request.set_other_job_id(bare);
  const v1::CompareJobsResponse without = CompareJobs(*reader_, request).value();
  EXPECT_EQ(without.layers_size(), 0);
  EXPECT_THAT(without.notes(), testing::Contains(HasSubstr("has flash_model_bytes")));
  EXPECT_THAT(without.notes(), testing::Contains(HasSubstr("shows no layers")));
  request.set_other_job_id(999);
  EXPECT_EQ(CompareJobs(*reader_, request).status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace tinyrig::server
