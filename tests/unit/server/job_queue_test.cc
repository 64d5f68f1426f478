#include "server/scheduling/job_queue.h"

#include <gtest/gtest.h>

#include "server/model/board_expression.h"
#include "server/scheduling/windows.h"

namespace tinyrig::server {
namespace {

constexpr TimeUs kMs = 1000;

class JobQueueTest : public testing::Test {
 protected:
  std::shared_ptr<CampaignTerms> Campaign(uint64_t id, const std::string& user,
                                          int32_t priority = 0) {
    auto terms = std::make_shared<CampaignTerms>();
    terms->campaign = CampaignId(id);
    terms->user = user;
    terms->priority = priority;
    terms->timeout_us = 1000 * kMs;
    return terms;
  }
  JobId Push(const std::shared_ptr<CampaignTerms>& terms, TimeUs queued_us = 0) {
    QueuedJob job;
    job.job = JobId(++last_job_);
    job.terms = terms;
    job.board_type = type_;
    job.queued_us = queued_us;
    queue_.Push(job);
    return job.job;
  }
  std::optional<JobQueue::Taken> Take(const std::string& board = "b1",
                                      TimeUs longest_us = 3600 * 1000 * kMs) {
    return queue_.Take({BoardId(board), type_,
                        [&](const Expression& boards) {
                          ++evaluations_;
                          return boards.Evaluate([&](std::string_view) {
                            return Operand::Word(board);
                          }) == Truth::kTrue;
                        },
                        longest_us, [](const QueuedJob&) { return true; }});
  }
  // Runs `count` jobs one after the other; returns how much time each user got.
  std::map<std::string, TimeUs> Run(int count, const std::map<std::string, TimeUs>& duration_of) {
    std::map<std::string, TimeUs> got;
    for (int i = 0; i < count; ++i) {
      const auto taken = Take();
      if (!taken) break;
      const TimeUs used = duration_of.at(taken->job.terms->user);
      queue_.Settle(taken->bill, used);
      got[taken->job.terms->user] += used;
    }
    return got;
  }

  const std::string type_ = "m4";
  JobQueue queue_;
  uint64_t last_job_ = 0;
  int evaluations_ = 0;
};

TEST_F(JobQueueTest, UsersShareTimeNotJobs) {
  const auto ann = Campaign(1, "ann");
  const auto bob = Campaign(2, "bob");
  for (int i = 0; i < 2000; ++i) Push(ann);
  for (int i = 0; i < 2000; ++i) Push(bob);
  const auto got = Run(1000, {{"ann", 10 * kMs}, {"bob", 70 * kMs}});
  EXPECT_NEAR(static_cast<double>(got.at("ann")) / static_cast<double>(got.at("bob")), 1.0, 0.05);
}

TEST_F(JobQueueTest, ManyCampaignsGiveNobodyMore) {
  for (uint64_t c = 1; c <= 9; ++c) {
    const auto ann = Campaign(c, "ann");
    for (int i = 0; i < 300; ++i) Push(ann);
  }
  const auto bob = Campaign(10, "bob");
  for (int i = 0; i < 2000; ++i) Push(bob);
  const auto got = Run(1000, {{"ann", 10 * kMs}, {"bob", 10 * kMs}});
  EXPECT_NEAR(static_cast<double>(got.at("ann")) / static_cast<double>(got.at("bob")), 1.0, 0.05);
}

TEST_F(JobQueueTest, PriorityIsAShareAmongTheUsersOwnCampaigns) {
  const auto low = Campaign(1, "ann");
  const auto high = Campaign(2, "ann", 2);
  for (int i = 0; i < 2000; ++i) Push(low);
  for (int i = 0; i < 2000; ++i) Push(high);
  int of_high = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto taken = Take();
    queue_.Settle(taken->bill, 10 * kMs);
    of_high += taken->job.terms == high ? 1 : 0;
  }
  EXPECT_NEAR(of_high / 1000.0, 0.8, 0.02);  // 4 : 1.
}

TEST_F(JobQueueTest, WhoComesBackHasSavedNothingUp) {
  const auto ann = Campaign(1, "ann");
  const auto bob = Campaign(2, "bob");
  for (int i = 0; i < 4000; ++i) Push(ann);
  Run(2000, {{"ann", 10 * kMs}});  // Bob was away.
  for (int i = 0; i < 2000; ++i) Push(bob);
  const auto got = Run(200, {{"ann", 10 * kMs}, {"bob", 10 * kMs}});
  EXPECT_NEAR(static_cast<double>(got.at("bob")) / (200 * 10 * kMs), 0.5, 0.05);
}

TEST_F(JobQueueTest, AJobThatFitsOneBoardOnlyIsNotPassedOverForEver) {
  // Ann fills all other boards, so her clock is always ahead of Bob's, who wants b1 only as well.
  const auto everywhere = Campaign(1, "ann");
  const auto ann_b1 = Campaign(2, "ann");
  ann_b1->boards = *Expression::Parse("board == b1");
  const auto bob_b1 = Campaign(3, "bob");
  bob_b1->boards = *Expression::Parse("board == b1");
  const JobId waits = Push(ann_b1);
  bool served = false;
  for (int i = 0; i < 500 && !served; ++i) {
    Push(bob_b1, i + 1);
    for (int k = 0; k < 10; ++k) Push(everywhere, i + 1);
    for (int k = 2; k < 12; ++k) {
      if (const auto taken = Take("b" + std::to_string(k))) {
        queue_.Settle(taken->bill, 1000 * kMs);
      }
    }
    const auto taken = Take("b1");
    served = taken->job.job == waits;
    queue_.Settle(taken->bill, 10 * kMs);
  }
  EXPECT_TRUE(served);
}

TEST_F(JobQueueTest, EvaluatesAnExpressionOnceABoard) {
  const auto ann = Campaign(1, "ann");
  ann->boards = *Expression::Parse("board == b1");
  for (int i = 0; i < 100; ++i) Push(ann);
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(Take("b1"));
    EXPECT_FALSE(Take("b2"));
  }
  EXPECT_EQ(evaluations_, 2);
  queue_.Forget(BoardId("b1"));
  EXPECT_TRUE(Take("b1"));
  EXPECT_EQ(evaluations_, 3);
}

TEST_F(JobQueueTest, LongAttemptsWaitForTheEndOfTheWindow) {
  Push(Campaign(1, "ann"));
  EXPECT_FALSE(Take("b1", 999 * kMs));
  EXPECT_TRUE(Take("b1", 1000 * kMs));
}

TEST_F(JobQueueTest, NamesWhatWaitedTooLong) {
  const auto ann = Campaign(1, "ann");
  ann->queue_timeout_us = 100;
  const JobId first = Push(ann, 10);
  const JobId second = Push(ann, 20);
  Push(Campaign(2, "bob"), 0);
  EXPECT_TRUE(queue_.TimedOut(109).empty());
  EXPECT_EQ(queue_.TimedOut(110), std::vector<JobId>{first});
  EXPECT_EQ(queue_.TimedOut(120), (std::vector<JobId>{first, second}));
  EXPECT_TRUE(queue_.Remove(first));
  EXPECT_FALSE(queue_.Remove(first));
  EXPECT_EQ(queue_.TimedOut(120), std::vector<JobId>{second});
  EXPECT_EQ(queue_.size(), 2u);
}

TEST(BoardExpression, KnowsTypesBoardsAndLabels) {
  v1::BoardType type;
  type.set_name("virtual_m4");
  type.set_core("cortex-m4");
  type.set_ram_bytes(196608);
  type.set_fidelity(v1::FIDELITY_EMULATED);
  const Labels labels = {{"rack", "3"}};
  const BoardFacts board{&type, "virtual_m4", "b1", "bench-1", &labels};
  const BoardFacts any{&type, "virtual_m4", {}, {}, nullptr};
  const auto ask = [](const BoardFacts& facts, const std::string& text) {
    const auto parsed = ParseBoards(std::span(&text, 1));
    EXPECT_TRUE(parsed.ok()) << text;
    return parsed->Evaluate([&](std::string_view name) { return BoardOperand(facts, name); });
  };
  EXPECT_EQ(ask(board, "virtual_m4"), Truth::kTrue);
  EXPECT_EQ(ask(board, "core == m4 && ram >= 192KiB && rack == 3"), Truth::kTrue);
  EXPECT_EQ(ask(any, "core == m4 && ram >= 192KiB && rack == 3"), Truth::kMaybe);
  EXPECT_EQ(ask(any, "core == m7 && rack == 3"), Truth::kFalse);
  EXPECT_EQ(ask(board, "room == 1"), Truth::kFalse);
  EXPECT_EQ(ask(board, "board == b1 && agent == bench-1 && fidelity == emulated"), Truth::kTrue);
  const std::vector<std::string> two = {"virtual_m7", "rack == 3 && counter != cycles"};
  EXPECT_EQ(ParseBoards(two)->text(), "(virtual_m7) || (rack == 3 && counter != cycles)");
  EXPECT_EQ(LabelNames(*ParseBoards(two)), std::vector<std::string>{"rack"});
  EXPECT_FALSE(NamesSingleBoards(*Expression::Parse("core == m4")));
  EXPECT_TRUE(NamesSingleBoards(*Expression::Parse("board == b1")));
}

TEST(Window, ComesAgain) {
  Window window{1, *Expression::Parse("board == b1"), 1000, 100, 0, "", ""};
  EXPECT_EQ(TimeUntil(window, 900), 100);
  EXPECT_EQ(TimeUntil(window, 1000), 0);
  EXPECT_EQ(TimeUntil(window, 1099), 0);
  EXPECT_EQ(TimeUntil(window, 1100), kNoWindow);
  window.every_us = 500;
  EXPECT_EQ(TimeUntil(window, 1100), 400);
  EXPECT_EQ(TimeUntil(window, 2050), 0);
  EXPECT_EQ(TimeUntil(window, 2100), 400);
}

}  // namespace
}  // namespace tinyrig::server
