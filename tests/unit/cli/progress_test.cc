#include "server/cli/text/progress.h"

#include <gtest/gtest.h>

#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

v1::CampaignEvent Event(uint64_t job, v1::JobState state, const char* board, const char* detail,
                        uint32_t succeeded) {
  v1::CampaignEvent event;
  event.set_job_id(job);
  event.set_state(state);
  event.set_board_id(board);
  event.set_detail(detail);
  event.mutable_counts()->set_succeeded(succeeded);
  event.mutable_counts()->set_leased(1);
  event.mutable_counts()->set_queued(5 - succeeded);
  return event;
}

TEST(Progress, FollowsBoardsAndKeepsEndings) {
  ProgressState state;
  EXPECT_EQ(ApplyEvent(Event(1, v1::JOB_STATE_LEASED, "m4-1", "flash", 0), state), "");
  EXPECT_EQ(ApplyEvent(Event(1, v1::JOB_STATE_LEASED, "m4-1", "stream 120/360", 0), state), "");
  EXPECT_EQ(ApplyEvent(Event(2, v1::JOB_STATE_LEASED, "m4-2", "flash", 0), state), "");
  EXPECT_EQ(ProgressLine(state, 200),
            "[--------------------] 0/6 · m4-1 job 1 stream 120/360 · m4-2 job 2 flash");
  EXPECT_EQ(ApplyEvent(Event(1, v1::JOB_STATE_SUCCEEDED, "m4-1", "", 3), state),
            "job 1 succeeded on m4-1 (3/6)");
  EXPECT_EQ(ProgressLine(state, 200), "[##########----------] 3/6 · m4-2 job 2 flash");
  EXPECT_EQ(ApplyEvent(Event(2, v1::JOB_STATE_FAILED, "m4-2", "wrong output", 3), state),
            "job 2 failed on m4-2 (3/6): wrong output");
}

TEST(Progress, TellsOfAttemptsThatFailed) {
  ProgressState state;
  v1::CampaignEvent event = Event(4, v1::JOB_STATE_QUEUED, "m4-1", "no HELLO", 0);
  event.set_attempt(1);
  EXPECT_EQ(ApplyEvent(event, state), "job 4 goes back to the queue on m4-1: no HELLO");
}

TEST(Progress, FitsTheTerminal) {
  ProgressState state;
  for (int i = 0; i < 20; ++i) {
    ApplyEvent(
        Event(1, v1::JOB_STATE_LEASED, ("board-" + std::to_string(i)).c_str(), "\x1b[2Jstream", 0),
        state);
  }
  const std::string line = ProgressLine(state, 60);
  EXPECT_EQ(DisplayWidth(line), 60u);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  EXPECT_EQ(ProgressLine({}, 60), "[--------------------] 0/0");
}

}  // namespace
}  // namespace tinyrig::cli
