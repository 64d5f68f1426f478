#include "server/store/user_query.h"

#include "tests/unit/server/store_fixture.h"

namespace tinyrig::server {
namespace {

class UserQueryTest : public StoreFixture {
 protected:
  UserQueryTest() {
    const auto added = store_.AddCampaign(Campaign(1, 1), 10);
    const Lease lease = LeaseOf(added->queued[0], 1, 7);
    EXPECT_TRUE(store_.AddLeases(std::span(&lease, 1), 15).ok());
    const auto ended = store_.EndAttempt(Success(lease.key), 16);
    EXPECT_TRUE(ended.ok()) << ended.status().ToString();
  }
  Result<UserQueryResult> Run(const std::string& sql) { return RunUserQuery(file_, sql, limits_); }
  Code CodeOf(const std::string& sql) {
    const auto result = Run(sql);
    return result.status().code();
  }
  UserQueryLimits limits_;
};

TEST_F(UserQueryTest, ViewsAnswer) {
  const auto result =
      Run("SELECT model, kernels, metric, value, unit, method FROM results WHERE "
          "metric='arena_bytes';");
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ(result->columns[0], "model");
  ASSERT_EQ(result->rows.size(), 1u);
  EXPECT_EQ(result->rows[0].values(0).text(), "m0.tflite");
  EXPECT_EQ(result->rows[0].values(3).real(), 16);
  for (const char* view : {"results", "runs", "jobs", "boards", "campaigns", "layers", "events"}) {
    EXPECT_EQ(CodeOf(std::string("SELECT * FROM ") + view), Code::kOk) << view;
    EXPECT_TRUE(Run(std::string("SELECT count(*) FROM ") + view).ok()) << view;
  }
}

TEST_F(UserQueryTest, OrdinarySqlWorks) {
  for (const char* sql :
       {"SELECT 1 AS one, NULL, x'00ff', 'text', 2.5",
        "WITH best AS (SELECT model, min(value) AS v FROM results GROUP BY model) SELECT * FROM "
        "best ORDER BY v",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<5) SELECT sum(i) "
        "FROM n",
        "SELECT r.model, u.duration_us FROM results r JOIN runs u USING (job_id) LIMIT 3",
        "SELECT model, rank() OVER (ORDER BY value) FROM results",
        "SELECT * FROM (SELECT job_id FROM jobs UNION SELECT job_id FROM runs)"}) {
    EXPECT_TRUE(Run(sql).ok()) << sql << "\n" << Run(sql).status().ToString();
  }
  const auto values = Run("SELECT 1, NULL, x'00ff', 'text', 2.5");
  EXPECT_EQ(values->rows[0].values(0).integer(), 1);
  EXPECT_EQ(values->rows[0].values(1).kind_case(), v1::QueryValue::KIND_NOT_SET);
  EXPECT_EQ(values->rows[0].values(2).blob(), std::string("\0\xff", 2));
}

TEST_F(UserQueryTest, TextThatIsNoUtf8ComesAsBytes) {
  const auto result = Run("SELECT CAST(x'ff41' AS TEXT), 'gr\u00fcn'");
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->rows[0].values(0).blob(),
            "\xff"
            "A");
  EXPECT_EQ(result->rows[0].values(1).text(), "gr\u00fcn");
}

TEST_F(UserQueryTest, NothingCanBeChangedOrReachedBehindTheViews) {
  for (const char* sql :
       {"DELETE FROM measurement", "INSERT INTO counter VALUES('x',1)",
        "UPDATE job SET state='failed'", "DROP VIEW results", "CREATE TABLE t(x)",
        "CREATE TEMP TABLE t(x)", "ATTACH '/etc/passwd' AS p", "PRAGMA user_version=9",
        "PRAGMA journal_mode=DELETE", "VACUUM INTO '/tmp/x'", "SELECT * FROM campaign",
        "SELECT spec FROM campaign", "SELECT load_extension('x')", "BEGIN",
        "SELECT (SELECT max(mcu_uid) FROM board)", "SELECT * FROM pragma_database_list",
        "SELECT count(failure) FROM job", "REINDEX", "ANALYZE",
        // SQLite reports reads inside a WITH table like reads inside a view of that name.
        "WITH jobs AS (SELECT * FROM counter) SELECT * FROM jobs",
        "WITH results AS (SELECT name, sql FROM sqlite_master) SELECT * FROM results",
        "WITH results AS (SELECT sql FROM sqlite_temp_master) SELECT * FROM results",
        "SELECT * FROM main.results"}) {
    EXPECT_EQ(CodeOf(sql), Code::kPermissionDenied) << sql << "\n" << Run(sql).status().ToString();
  }
}

TEST_F(UserQueryTest, BadSqlIsExplained) {
  EXPECT_EQ(CodeOf(""), Code::kInvalidArgument);
  EXPECT_EQ(CodeOf("  -- nothing"), Code::kInvalidArgument);
  EXPECT_EQ(CodeOf("SELEC 1"), Code::kInvalidArgument);
  EXPECT_EQ(CodeOf("SELECT no_such FROM results"), Code::kInvalidArgument);
  EXPECT_EQ(CodeOf("SELECT 1; SELECT 2"), Code::kInvalidArgument);
  EXPECT_EQ(CodeOf("SELECT 1 FROM no_such_table"), Code::kInvalidArgument);
}

TEST_F(UserQueryTest, LimitsHold) {
  limits_.max_time = std::chrono::milliseconds(100);
  EXPECT_EQ(
      CodeOf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT sum(i) FROM n"),
      Code::kDeadlineExceeded);
  limits_.max_rows = 10;
  const std::string many =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<11) SELECT i FROM n";
  const auto cut = Run(many);
  ASSERT_TRUE(cut.ok());
  EXPECT_EQ(cut->rows.size(), 10u);
  EXPECT_TRUE(cut->truncated);
  limits_.max_rows = 11;
  EXPECT_FALSE(Run(many)->truncated);
  limits_.max_bytes = 100;
  EXPECT_TRUE(Run("SELECT zeroblob(50), zeroblob(60)")->truncated);
  EXPECT_NE(CodeOf("SELECT zeroblob(100000000)"), Code::kOk);
}

std::string Repeat(const std::string& what, int times) {
  std::string list = what;
  for (int i = 1; i < times; ++i) list += ", " + what;
  return list;
}

TEST_F(UserQueryTest, OneRowCannotTakeAllMemory) {
  EXPECT_EQ(CodeOf("SELECT " + Repeat("randomblob(100000)", 2)), Code::kInvalidArgument);
  EXPECT_EQ(CodeOf("SELECT " + Repeat("zeroblob(1000)", 101)), Code::kInvalidArgument);
  EXPECT_TRUE(Run("SELECT " + Repeat("zeroblob(60000)", 100)).ok());
}

TEST_F(UserQueryTest, NoSingleFunctionRunsForLong) {
  // Quadratic in SQLite, and not to be interrupted: without the limit on values this takes minutes.
  // printf() gives NULL for what is longer.
  EXPECT_EQ(CodeOf("SELECT instr(printf('%.*c',3000000,'a'), printf('%.*c',1500000,'a')||'b')"),
            Code::kOk);
  limits_.max_time = std::chrono::milliseconds(100);
  EXPECT_EQ(CodeOf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT "
                   "sum(instr(printf('%.*c',60000,'a'), printf('%.*c',30000,'a')||'b')) FROM n"),
            Code::kDeadlineExceeded);
}

}  // namespace
}  // namespace tinyrig::server
