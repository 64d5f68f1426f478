#include <map>
#include <nlohmann/json.hpp>

#include "server/results/front_goals.h"
#include "server/store/user_query.h"
#include "tests/unit/server/store_filler.h"
#include "tests/unit/server/store_fixture.h"

/// What is kept up beside the tables says what the tables say.
namespace tinyrig::server {
namespace {

class AnswersTest : public StoreFixture {
 protected:
  AnswersTest() {
    StoreFiller filler(store_, 700, 50);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(filler.AddCampaign().ok());
  }
  /// Rows as text, sorted.
  std::vector<std::string> Rows(const std::string& sql) {
    const auto result = RunUserQuery(file_, sql, {.max_rows = 100'000});
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    std::vector<std::string> rows;
    for (const v1::QueryRow& row : result->rows) rows.push_back(row.ShortDebugString());
    std::sort(rows.begin(), rows.end());
    EXPECT_FALSE(rows.empty()) << sql;
    return rows;
  }
};

TEST_F(AnswersTest, SeriesAreWhatResultsAre) {
  const std::string key =
      "model, kernels, weights, fusion, synthesis, board_type, vector_set, metric";
  const std::string from =
      " FROM results WHERE state = 'succeeded' AND metric IN ('macs', 'accuracy_top1') GROUP BY " +
      key;
  EXPECT_EQ(Rows("SELECT " + key +
                 ", jobs, min_value, max_value FROM series WHERE metric IN "
                 "('macs', 'accuracy_top1')"),
            Rows("SELECT " + key + ", count(*), min(value), max(value)" + from));
  EXPECT_EQ(Rows("SELECT " + key +
                 ", last_us, last_value, last_job_id FROM series WHERE metric IN "
                 "('macs', 'accuracy_top1')"),
            Rows("SELECT " + key + ", max(ended_us), value, job_id" + from));
  // The jobs that are named have the values that are named.
  EXPECT_EQ(Rows("SELECT count(*) FROM series"),
            Rows("SELECT count(*) FROM series s JOIN results a ON a.job_id = s.min_job_id AND "
                 "a.metric = s.metric AND a.value = s.min_value JOIN results b ON b.job_id = "
                 "s.max_job_id AND b.metric = s.metric AND b.value = s.max_value"));
}

TEST_F(AnswersTest, BoardDaysAreWhatRunsAre) {
  EXPECT_EQ(Rows("SELECT board_id, day, runs, bench_failures, busy_us FROM board_days"),
            Rows("SELECT board_id, date(ended_us / 1000000, 'unixepoch'), count(*), sum(outcome = "
                 "'bench'), sum(duration_us) FROM runs GROUP BY 1, 2"));
}

TEST_F(AnswersTest, FailuresAreWhatJobsAre) {
  EXPECT_EQ(Rows("SELECT failure_owner, board_type, model, jobs, last_us FROM failures"),
            Rows("SELECT failure_owner, board_type, model, count(*), max(ended_us) FROM jobs WHERE "
                 "state = 'failed' GROUP BY 1, 2, 3"));
}

TEST_F(AnswersTest, FrontsAreWhatTheDefinitionSays) {
  ResultFilter filter;
  filter.campaign = CampaignId(2);
  filter.state = v1::JOB_STATE_SUCCEEDED;
  const auto results = reader_->AllResults(filter).value();
  const auto goals = reader_->GetCampaign(filter.campaign)->spec().goals();
  const std::vector<GoalAxis> axes = AxesOf(goals);
  const auto point = [&](const v1::JobResult& result) {
    std::vector<Interval> place;
    for (const GoalAxis& axis : axes) {
      for (const v1::Measurement& m : result.measurements()) {
        if (m.metric() == axis.metric) place.push_back(axis.IntervalOf(m.value(), m.uncertainty()));
      }
    }
    return place;
  };
  std::set<int64_t> expected;
  for (const v1::JobResult& a : results) {
    const bool beaten = std::any_of(results.begin(), results.end(), [&](const v1::JobResult& b) {
      return a.board_type() == b.board_type() && Dominates(point(b), point(a));
    });
    if (!beaten) expected.insert(static_cast<int64_t>(a.job_id()));
  }
  std::set<int64_t> stored;
  const auto rows =
      RunUserQuery(file_, "SELECT job_id, axes FROM fronts WHERE campaign_id = 2", {});
  for (const v1::QueryRow& row : rows->rows) {
    stored.insert(row.values(0).integer());
    EXPECT_EQ(nlohmann::json::parse(row.values(1).text()).size(), 3u);
  }
  EXPECT_EQ(stored, expected);
  EXPECT_GT(stored.size(), 10u);
}

TEST_F(AnswersTest, TiesAndKneeAreSaid) {
  NewCampaign campaign = Campaign(5, 0);
  campaign.spec.mutable_goals()->add_minimize("macs");
  campaign.spec.mutable_goals()->add_minimize("arena_bytes");
  const auto added = store_.AddCampaign(campaign, 10);
  const std::vector<std::pair<double, double>> places = {{0, 9}, {1, 1}, {1, 1}, {9, 0}, {9, 9}};
  for (size_t i = 0; i < places.size(); ++i) {
    const Lease lease = LeaseOf(added->queued[i], 1, (uint64_t{1} << 54) + i);
    ASSERT_TRUE(store_.AddLeases(std::span(&lease, 1), 20).ok());
    EndedAttempt ended = Success(lease.key);
    ended.measurements = {Metric("macs", places[i].first), Metric("arena_bytes", places[i].second)};
    EXPECT_EQ(
        RunUserQuery(file_, "SELECT * FROM fronts WHERE campaign = 'nightly'", {})->rows.size(),
        0u);
    ASSERT_EQ(store_.EndAttempt(ended, 30).value(), Store::Outcome::kStored);
  }
  const std::string sql =
      "SELECT axes, tie, knee FROM fronts WHERE campaign = 'nightly' ORDER BY job_id";
  const auto rows = RunUserQuery(file_, sql, {})->rows;
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].values(0).text(), R"({"macs":0.0,"arena_bytes":9.0})");
  EXPECT_FALSE(rows[0].values(1).has_integer());
  EXPECT_EQ(rows[1].values(1).integer(), 1);
  EXPECT_EQ(rows[2].values(1).integer(), 1);
  EXPECT_EQ(rows[1].values(2).integer(), 1);
  EXPECT_EQ(rows[2].values(2).integer(), 0);
}

TEST_F(AnswersTest, AGroupIsOneChange) {
  const auto added = store_.AddCampaign(Campaign(2, 0), 10);
  const Lease first = LeaseOf(added->queued[0], 1, uint64_t{1} << 54);
  EndedAttempt ended = Success(first.key);
  ended.measurements.push_back(Metric("never_seen_before", 1));
  {
    Store::Group group = store_.BeginGroup().value();
    ASSERT_TRUE(store_.AddLeases(std::span(&first, 1), 15).ok());
    ASSERT_EQ(store_.EndAttempt(ended, 16).value(), Store::Outcome::kStored);
    // A change that fails within it leaves no trace and does not end it.
    EXPECT_FALSE(store_.AddLeases(std::span(&first, 1), 15).ok());
    EXPECT_EQ(reader_->GetJob(first.key.job)->state(), v1::JOB_STATE_QUEUED);
  }
  EXPECT_EQ(reader_->GetJob(first.key.job)->state(), v1::JOB_STATE_QUEUED);
  {
    Store::Group group = store_.BeginGroup().value();
    ASSERT_TRUE(store_.AddLeases(std::span(&first, 1), 15).ok());
    EXPECT_FALSE(store_.AddLeases(std::span(&first, 1), 15).ok());
    ASSERT_TRUE(group.Commit().ok());
  }
  EXPECT_EQ(reader_->GetJob(first.key.job)->state(), v1::JOB_STATE_LEASED);
  // The word that was learned in the group that is gone is learned again.
  ASSERT_EQ(store_.EndAttempt(ended, 17).value(), Store::Outcome::kStored);
  EXPECT_EQ(Rows("SELECT value FROM results WHERE metric = 'never_seen_before'").size(), 1u);
}

}  // namespace
}  // namespace tinyrig::server
