#include <fmt/format.h>

#include "server/store/care.h"
#include "server/store/migrations.h"
#include "server/store/schema.h"
#include "server/store/user_query.h"
#include "tests/unit/server/store_fixture.h"

/// Every version of the schema that ever was becomes the present one, and what it held is there.
namespace tinyrig::server {
namespace {

/// What a server of the first version wrote: a campaign with goals that ended, one that runs.
constexpr const char* kRows = R"sql(
INSERT INTO campaign(campaign_id, name, user, spec, created_us, queued, succeeded, failed) VALUES
  (1, 'nightly', 'ann', x'', 1000000, 0, 2, 1), (2, 'weekly', 'ann', x'', 2000000, 1, 0, 0);
INSERT INTO expected VALUES(1, 'aa', 'patterns:AB', 'ee', 1000000);
INSERT INTO plan(plan_id, model_sha256, kernels, weights, fusion, synthesis, board_type, build_id, feasible, reason,
                 image_sha256, facts, detail)
VALUES(1, 'aa', 'dsp', 'int8', 'none', 'none', 'm4', 'b', 1, '', 'image', '{}', '');
INSERT INTO job(job_id, campaign_id, plan_id, expected_id, model, model_sha256, model_size, kernels, weights, fusion,
                synthesis, board_type, fidelity, vector_set, priority, state, owner, last_attempt, created_us, ended_us)
SELECT column1, column2, 1, 1, 'kws.tflite', 'aa', 7, 'dsp', 'int8', 'none', 'none', 'm4', 'emulated', 'patterns:AB', 0,
       column3, column4, column5, 1000000, column6
FROM (VALUES(1, 1, 'succeeded', '', 1, 3000000), (2, 1, 'succeeded', '', 1, 5000000), (3, 1, 'failed', 'variant', 1, 6000000),
            (4, 2, 'queued', '', 0, 0));
INSERT INTO attempt(job_id, attempt, fence, board_id, agent_id, started_us, deadline_us, ended_us, outcome) VALUES
  (1, 1, 11, 'b1', 'bench', 2000000, 9, 3000000, 'succeeded'), (2, 1, 12, 'b1', 'bench', 4000000, 9, 5000000, 'succeeded'),
  (3, 1, 13, 'b1', 'bench', 5000000, 9, 6000000, 'variant');
INSERT INTO metric VALUES(1, 'latency_us_p50', 'us'), (2, 'flash_model_bytes', 'B');
INSERT INTO method VALUES(1, 'plan');
INSERT INTO measurement VALUES(1, 1, 1, 50, 0, 1), (1, 2, 1, 900, 0, 1), (2, 1, 1, 40, 0.5, 1), (2, 2, 1, 900, 0, 1);
INSERT INTO layer_hash(job_id, vector_index, op_index, vector, tflite_index, op_name, tensor_index, bytes, fnv1a32)
VALUES(1, 0, 0, 'A', 0, 'CONV_2D', 3, 16, 255);
INSERT INTO event(campaign_id, job_id, state, detail, board_id, attempt, time_us, counts)
VALUES(1, 1, 'succeeded', '', 'b1', 1, 3000000, x'');
INSERT INTO log VALUES(1, 1, 1, 3000000, 'done');
INSERT INTO agent(agent_id, bench, version, connected, last_seen_us) VALUES('bench', 'host', '0.1', 0, 3000000);
INSERT INTO board(board_id, board_type, agent_id, probe_serial, mcu_uid, health) VALUES('b1', 'm4', 'bench', 's', 'u', 'suspect');
)sql";

class MigrationTest : public testing::TestWithParam<uint32_t> {
 protected:
  TempDir dir_;
  const std::filesystem::path file_ = dir_.path() / "tinyrig.db";

  std::vector<std::string> Rows(const std::string& sql) {
    const auto result = RunUserQuery(file_, sql, {});
    EXPECT_TRUE(result.ok()) << sql << result.status().ToString();
    std::vector<std::string> rows;
    for (const v1::QueryRow& row : result->rows) {
      std::string line;
      for (const v1::QueryValue& value : row.values()) {
        line += line.empty() ? "" : "|";
        if (value.has_text()) line += value.text();
        if (value.has_integer()) line += std::to_string(value.integer());
        if (value.has_real()) line += fmt::format("{}", value.real());
      }
      rows.push_back(line);
    }
    return rows;
  }
};

TEST_P(MigrationTest, RowsAndViewsAreThereAfterwards) {
  {
    Database db = Database::Open(file_.string(), Database::Mode::kReadWrite).value();
    for (uint32_t version = 0; version < GetParam(); ++version) {
      ASSERT_TRUE(db.Execute(Migrations()[version]).ok());
    }
    ASSERT_TRUE(db.Execute(fmt::format("PRAGMA user_version={}", GetParam())).ok());
    const Status filled = db.Execute(kRows);
    ASSERT_TRUE(filled.ok()) << filled.ToString();
    v1::CampaignSpec spec;
    spec.add_board_types("m4");
    const std::string bytes = spec.SerializeAsString();
    ASSERT_TRUE(db.Run("UPDATE campaign SET spec=?", AsBytes(bytes)).ok());
  }
  auto store = Store::Open(file_);
  ASSERT_TRUE(store.ok()) << store.status().ToString();
  using Lines = std::vector<std::string>;
  EXPECT_EQ(FindProblems(file_).value(), Lines());
  EXPECT_EQ(Rows("SELECT name, succeeded, failed FROM campaigns"),
            (Lines{"nightly|2|1", "weekly|0|0"}));
  EXPECT_EQ(Rows("SELECT job_id, metric, value FROM results ORDER BY 1, 2"),
            (Lines{"1|flash_model_bytes|900", "1|latency_us_p50|50", "2|flash_model_bytes|900",
                   "2|latency_us_p50|40"}));
  EXPECT_EQ(Rows("SELECT count(*) FROM jobs"), Lines{"4"});
  EXPECT_EQ(Rows("SELECT duration_us FROM runs WHERE job_id=1"), Lines{"1000000"});
  EXPECT_EQ(Rows("SELECT board_id, health FROM boards"), Lines{"b1|suspect"});
  EXPECT_EQ(Rows("SELECT op_name, fnv1a32, unit FROM layers"),
            Lines{"CONV_2D|000000ff|instructions"});
  EXPECT_EQ(Rows("SELECT state FROM events"), Lines{"succeeded"});
  EXPECT_EQ(Rows("SELECT count(*) FROM reference_jobs"), Lines{"0"});
  const auto unfinished = store->LoadUnfinished();
  ASSERT_TRUE(unfinished.ok()) << unfinished.status().ToString();
  EXPECT_EQ(unfinished->queued.size(), 1u);
  // What versions 6 and 5 keep beside the tables is made from what was there.
  if (GetParam() >= 6) return;
  EXPECT_EQ(Rows("SELECT failure_owner, board_type, model, jobs, last_job_id FROM failures"),
            Lines{"variant|m4|kws.tflite|1|3"});
  if (GetParam() >= 5) return;
  EXPECT_EQ(Rows("SELECT metric, jobs, last_value, last_uncertainty, last_job_id, last_us, "
                 "min_value, min_job_id, "
                 "max_value, max_job_id FROM series WHERE metric='latency_us_p50'"),
            Lines{"latency_us_p50|2|40|0.5|2|5000000|40|2|50|1"});
  EXPECT_EQ(Rows("SELECT board_id, day, runs, bench_failures, busy_us FROM board_days"),
            Lines{"b1|1970-01-01|3|0|3000000"});
  EXPECT_EQ(Rows("SELECT campaign_id, job_id, found_us FROM fronts"), Lines{"1|2|6000000"});
}

INSTANTIATE_TEST_SUITE_P(FromEveryVersion, MigrationTest, testing::Range(1u, SchemaVersion()));

TEST(MigrationStepTest, OneThatFailsLeavesTheVersionBefore) {
  const TempDir dir;
  const std::filesystem::path file = dir.path() / "tinyrig.db";
  {
    Database db = Database::Open(file.string(), Database::Mode::kReadWrite).value();
    ASSERT_TRUE(db.Execute(Migrations()[0]).ok());
    ASSERT_TRUE(db.Execute("PRAGMA user_version=1").ok());
    // In the way of the second step.
    ASSERT_TRUE(db.Execute("CREATE TABLE reference_count(x)").ok());
  }
  EXPECT_FALSE(Store::Open(file).ok());
  Database db = Database::Open(file.string(), Database::Mode::kReadWrite).value();
  ASSERT_TRUE(db.Execute("DROP TABLE reference_count").ok());
  EXPECT_TRUE(Store::Open(file).ok());
}

}  // namespace
}  // namespace tinyrig::server
