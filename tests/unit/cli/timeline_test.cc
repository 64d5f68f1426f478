#include "server/cli/report/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace tinyrig::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int64_t kStart = 1'000'000'000;

void AddSpan(v1::Attempt* attempt, const char* name, int64_t start_ms, int64_t ms) {
  v1::Span& span = *attempt->add_timeline();
  span.set_name(name);
  span.set_start_us(kStart + start_ms * 1000);
  span.set_duration_us(ms * 1000);
}

// 1,000 ms: flash 300 (of which verify 100), stream 400, observe 50, the rest is the agent's.
v1::Attempt Sample() {
  v1::Attempt attempt;
  attempt.set_started_us(kStart);
  attempt.set_ended_us(kStart + 1'000'000);
  AddSpan(&attempt, "fetch", 0, 20);
  AddSpan(&attempt, "flash", 30, 300);
  AddSpan(&attempt, "flash.verify", 230, 100);
  AddSpan(&attempt, "stream", 400, 400);
  AddSpan(&attempt, "marks", 800, 100);
  AddSpan(&attempt, "observe", 900, 50);
  return attempt;
}

TEST(Timeline, OverheadIsAllButFlashAndDevice) {
  // 1,000 - 300 - 400 - 50; the part "flash.verify" is not subtracted twice.
  EXPECT_EQ(AgentOverheadUs(Sample()), 250'000);
  EXPECT_EQ(OverheadText(Sample()),
            "agent overhead beyond flash and device time: 250.0 ms (25 % of 1 s)");
}

TEST(Timeline, ShowsWhatLiesBetweenPhases) {
  // 20-30, 330-400 and 950-1,000.
  EXPECT_THAT(TimelineText(Sample(), false), HasSubstr("(between phases)"));
  EXPECT_THAT(TimelineText(Sample(), false), HasSubstr("130.0 ms"));
}

TEST(Timeline, BarsAreProportionalAndFitATerminal) {
  const std::string text = TimelineText(Sample(), true);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
  // 400 of 1,000 ms on 30 columns.
  EXPECT_THAT(text, HasSubstr(" " + std::string(12, '#') + "\n"));
  EXPECT_THAT(text, Not(HasSubstr(std::string(13, '#'))));
  EXPECT_THAT(TimelineText(Sample(), false), Not(HasSubstr("#")));
}

TEST(Timeline, SurvivesOddTimes) {
  v1::Attempt attempt = Sample();
  AddSpan(&attempt, "stream", -5000, 100'000);  // A clock that jumped.
  EXPECT_EQ(AgentOverheadUs(attempt), 0);
  EXPECT_FALSE(TimelineText(attempt, true).empty());
  attempt.set_ended_us(0);  // Still running.
  EXPECT_EQ(OverheadText(attempt), "");
  EXPECT_FALSE(TimelineText(attempt, true).empty());
  attempt.set_ended_us(kStart - 5);
  EXPECT_EQ(AgentOverheadUs(attempt), 0);
  EXPECT_EQ(TimelineText(v1::Attempt(), true), "");
}

}  // namespace
}  // namespace tinyrig::cli
