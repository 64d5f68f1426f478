#include "tests/unit/server/questions.h"

#include <regex>
#include <set>

#include "server/store/sqlite.h"
#include "server/store/user_query.h"
#include "tests/unit/server/store_filler.h"
#include "tests/unit/server/store_fixture.h"

namespace tinyrig::server {
namespace {

/// The steps of SQLite's plan. It knows nothing of how many rows there are (no ANALYZE), so that
/// the plan over ten rows is that over ten million.
std::vector<std::string> PlanOf(Database& db, const std::string& sql) {
  std::vector<std::string> steps;
  auto rows = db.Query("EXPLAIN QUERY PLAN " + sql);
  EXPECT_TRUE(rows.ok()) << sql << rows.status().ToString();
  while (rows.ok() && rows->Step().value()) steps.push_back(rows->Text(3));
  return steps;
}

/// Reads no more than the answer needs: finds rows by a key, or walks an index that holds only the
/// few rows that are asked for, or as far as LIMIT says.
bool IsBounded(const std::string& step) {
  static const std::regex walk("SCAN \\w+ USING (COVERING )?INDEX (job_queued|job_by_end)");
  static const std::regex small("SCAN (CONSTANT ROW|\\d+ CONSTANT ROWS|failure_count)");
  if (step.find("AUTOMATIC") != step.npos) return false;
  return !step.starts_with("SCAN") || std::regex_match(step, walk) || std::regex_match(step, small);
}

class QuestionsTest : public StoreFixture {
 protected:
  const std::vector<Question> questions_ = ReadQuestions(TINYRIG_SOURCE_DIR);
};

TEST_F(QuestionsTest, EachIsAnsweredByAnIndex) {
  ASSERT_GE(questions_.size(), 10u);
  Database db = Database::Open(file_.string(), Database::Mode::kReadOnly).value();
  for (const Question& question : questions_) {
    for (const std::string& step : PlanOf(db, question.sql)) {
      EXPECT_TRUE(IsBounded(step)) << question.title << "\n" << step;
    }
  }
  // The test sees a scan when there is one.
  std::string steps;
  for (const std::string& step : PlanOf(db, "SELECT avg(value) FROM results")) {
    if (!IsBounded(step)) steps += step;
  }
  EXPECT_NE(steps, "");
}

TEST_F(QuestionsTest, EachHasAnAnswer) {
  StoreFiller filler(store_, 400, 50);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(filler.AddCampaign().ok());
  ASSERT_TRUE(filler.AddWaiting(10).ok());
  for (const Question& question : questions_) {
    const auto result = RunUserQuery(file_, question.sql, {});
    ASSERT_TRUE(result.ok()) << question.title << "\n" << result.status().ToString();
    EXPECT_FALSE(result->rows.empty()) << question.title;
    EXPECT_FALSE(result->truncated) << question.title;
  }
}

}  // namespace
}  // namespace tinyrig::server
