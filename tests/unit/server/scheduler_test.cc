#include "server/scheduling/scheduler.h"

#include <gtest/gtest.h>

#include "server/scheduling/retry.h"

namespace tinyrig::server {
namespace {

constexpr TimeUs kSecond = 1'000'000;

std::shared_ptr<CampaignTerms> Terms(uint64_t campaign = 1, const std::string& user = "ann") {
  auto terms = std::make_shared<CampaignTerms>();
  terms->campaign = CampaignId(campaign);
  terms->user = user;
  terms->timeout_us = 10 * kSecond;
  return terms;
}

QueuedJob Job(uint64_t id, const std::string& type = "m4",
              std::shared_ptr<const CampaignTerms> terms = Terms()) {
  QueuedJob job;
  job.job = JobId(id);
  job.terms = std::move(terms);
  job.board_type = type;
  return job;
}
BoardReport Board(const std::string& id, const std::string& type = "m4",
                  const std::string& broken = "") {
  return {BoardId(id), type, broken, {}};
}
// Boards that are equally good are chosen at random; tests that are not about that say which.
BoardId Other(const BoardId& board) { return BoardId(board.value == "b1" ? "b2" : "b1"); }
const AgentId kAgent("bench");

class SchedulerTest : public testing::Test {
 protected:
  void Connect(std::vector<BoardReport> boards, std::vector<LeaseKey> held = {}) {
    EXPECT_TRUE(scheduler_.AgentConnected(kAgent, boards, held).lost.empty());
  }
  Scheduler scheduler_{Fence(100)};
};

TEST_F(SchedulerTest, LeasesByTypePriorityAndAge) {
  scheduler_.Enqueue(Job(1));
  scheduler_.Enqueue(Job(2));
  const auto urgent = Terms(2);
  urgent->priority = 5;
  scheduler_.Enqueue(Job(3, "m4", urgent));
  scheduler_.Enqueue(Job(4, "m7"));
  EXPECT_TRUE(scheduler_.Match(0).empty());
  Connect({Board("b1"), Board("b2")});
  const auto leases = scheduler_.Match(0);
  ASSERT_EQ(leases.size(), 2u);
  EXPECT_EQ(leases[0].key.job, JobId(1));  // Equal clocks: the older campaign.
  EXPECT_EQ(leases[1].key.job, JobId(3));
  EXPECT_EQ(leases[0].key.fence, Fence(101));
  EXPECT_EQ(leases[1].key.fence, Fence(102));
  EXPECT_EQ(leases[0].deadline_us, 10 * kSecond + Scheduler::kGraceUs);
  EXPECT_TRUE(scheduler_.Match(0).empty());
  EXPECT_EQ(scheduler_.queued(), 2u);
}

TEST_F(SchedulerTest, ABoardThatCannotGetsNothing) {
  scheduler_.Enqueue(Job(1));
  Connect({Board("b1", "m4", "probe gone")});
  EXPECT_TRUE(scheduler_.Match(0).empty());
  scheduler_.AgentBoards(kAgent, {Board("b1")});
  scheduler_.MutableBoard(BoardId("b1"))->maintenance = true;
  EXPECT_TRUE(scheduler_.Match(0).empty());
  scheduler_.MutableBoard(BoardId("b1"))->maintenance = false;
  scheduler_.MutableBoard(BoardId("b1"))->reserved_by = "ann";
  scheduler_.MutableBoard(BoardId("b1"))->reserved_until_us = 5;
  EXPECT_TRUE(scheduler_.Match(4).empty());
  EXPECT_EQ(scheduler_.Match(5).size(), 1u);
}

TEST_F(SchedulerTest, RetryPrefersAnotherBoardThenTakesTheSame) {
  scheduler_.Enqueue(Job(1));
  Connect({Board("b1"), Board("b2")});
  Lease lease = scheduler_.Match(0).at(0);
  const BoardId first = lease.board;
  scheduler_.End(lease.key, true, v1::FAILURE_OWNER_BENCH, 0);
  lease = scheduler_.Match(0).at(0);
  EXPECT_EQ(lease.board, Other(first));
  EXPECT_EQ(lease.key.attempt, 2u);
  EXPECT_EQ(scheduler_.FailedAttempts(lease.key), 1u);
  scheduler_.End(lease.key, true, v1::FAILURE_OWNER_BENCH, 0);
  lease = scheduler_.Match(0).at(0);
  EXPECT_EQ(lease.key.attempt, 3u);
  scheduler_.End(lease.key, false, v1::FAILURE_OWNER_UNSPECIFIED, 0);
  EXPECT_TRUE(scheduler_.Match(0).empty());
}

TEST_F(SchedulerTest, ASuccessThatWasNotStoredIsTakenBack) {
  Connect({Board("b1")});
  scheduler_.Enqueue(Job(1));
  scheduler_.Enqueue(Job(2));
  const Lease first = scheduler_.Match(0).at(0);
  ASSERT_TRUE(scheduler_.Reported(first.key));
  std::optional<Scheduler::Running> finished = scheduler_.Finish(first.key, 5'000'000);
  ASSERT_TRUE(finished);
  EXPECT_FALSE(scheduler_.Finish(first.key, 5'000'000));
  const Lease next = scheduler_.Match(5'000'000).at(0);
  EXPECT_EQ(next.board, first.board);

  scheduler_.Withdraw(next.key, 5'000'000);
  scheduler_.Reopen(std::move(*finished));
  ASSERT_NE(scheduler_.Find(first.key), nullptr);
  EXPECT_EQ(scheduler_.FindBoard(first.board)->lease, first.key);
  EXPECT_TRUE(scheduler_.Match(60'000'000).empty());  // One board, one lease.
  EXPECT_EQ(scheduler_.queued(), 1u);
  // Nobody has reported it: it expires like any other.
  EXPECT_EQ(scheduler_.Expired(first.deadline_us).size(), 1u);

  ASSERT_TRUE(scheduler_.Finish(first.key, 60'000'000));
  const std::vector<Lease> after = scheduler_.Match(60'000'000);
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after[0].key.job, next.key.job);
  EXPECT_GT(after[0].key.fence, next.key.fence);
}

TEST_F(SchedulerTest, SuspectBoardsWaitForTheirReferenceWhileAGoodOneIsThere) {
  scheduler_.SetReferenceTypes({"m4"});
  Connect({Board("b1"), Board("b2")});
  BoardView* b1 = scheduler_.MutableBoard(BoardId("b1"));
  b1->condition.health = v1::BOARD_HEALTH_SUSPECT;
  scheduler_.Enqueue(Job(1));
  scheduler_.Enqueue(Job(2));
  QueuedJob reference = Job(3);
  reference.pinned = BoardId("b1");
  scheduler_.Enqueue(reference);
  EXPECT_EQ(scheduler_.PinnedTo(BoardId("b1")), JobId(3));
  std::vector<Lease> leases = scheduler_.Match(0);
  ASSERT_EQ(leases.size(), 2u);  // b2 the older job; b1 its reference job before all others.
  EXPECT_EQ(leases[0].key.job, JobId(1));
  EXPECT_FALSE(leases[0].reference);
  EXPECT_EQ(leases[1].key.job, JobId(3));
  EXPECT_EQ(leases[1].board, BoardId("b1"));
  EXPECT_TRUE(leases[1].reference);
  EXPECT_EQ(scheduler_.PinnedTo(BoardId("b1")), JobId(3));
  scheduler_.End(leases[1].key, true, v1::FAILURE_OWNER_BENCH, 0);
  EXPECT_EQ(scheduler_.Match(0).at(0).key.job, JobId(3));  // Again, and nowhere else.
  EXPECT_EQ(scheduler_.Cancel(JobId(3), 0)->board, BoardId("b1"));
  EXPECT_TRUE(scheduler_.Match(0).empty());  // Job 2 waits for b2.
  scheduler_.MutableBoard(BoardId("b2"))->maintenance = true;
  EXPECT_EQ(scheduler_.Match(0).at(0).key.job, JobId(2));  // Nothing better is left.
}

TEST_F(SchedulerTest, SuspectBoardsOfTypesWithoutReferenceComeLast) {
  Connect({Board("b1"), Board("b2")});
  scheduler_.MutableBoard(BoardId("b1"))->condition.health = v1::BOARD_HEALTH_SUSPECT;
  scheduler_.Enqueue(Job(1));
  EXPECT_EQ(scheduler_.Match(0).at(0).board, BoardId("b2"));
  scheduler_.Enqueue(Job(2));
  EXPECT_EQ(scheduler_.Match(0).at(0).board, BoardId("b1"));
}

TEST_F(SchedulerTest, QuarantinedBoardsTakeOnlyWhatIsPinned) {
  Connect({Board("b1")});
  scheduler_.MutableBoard(BoardId("b1"))->condition.health = v1::BOARD_HEALTH_QUARANTINED;
  scheduler_.Enqueue(Job(1));
  EXPECT_TRUE(scheduler_.Match(0).empty());
  EXPECT_EQ(scheduler_.queue().Waiting(), (std::map<std::string, size_t>{{"m4", 1}}));
  EXPECT_EQ(scheduler_.queue().WaitingFor("m4").at(0).terms->campaign, CampaignId(1));
  QueuedJob reference = Job(2);
  reference.pinned = BoardId("b1");
  scheduler_.Enqueue(reference);
  EXPECT_EQ(scheduler_.Match(0).at(0).key.job, JobId(2));
  EXPECT_EQ(scheduler_.queue().Waiting(), (std::map<std::string, size_t>{{"m4", 1}}));
}

TEST_F(SchedulerTest, AvoidedBoardIsUsedWhenItIsTheOnlyOne) {
  scheduler_.Enqueue(Job(1));
  Connect({Board("b1")});
  scheduler_.End(scheduler_.Match(0).at(0).key, true, v1::FAILURE_OWNER_BENCH, 0);
  EXPECT_EQ(scheduler_.Match(0).at(0).board, BoardId("b1"));
}

TEST_F(SchedulerTest, ServiceFailuresBlameNoBoard) {
  scheduler_.Enqueue(Job(1));
  Connect({Board("b1"), Board("b2")});
  scheduler_.End(scheduler_.Match(0).at(0).key, true, v1::FAILURE_OWNER_SERVICE, 0);
  EXPECT_TRUE(scheduler_.queue().Find(JobId(1))->avoid.empty());
}

TEST_F(SchedulerTest, OnlyTheLeaseInForceCounts) {
  scheduler_.Enqueue(Job(1));
  Connect({Board("b1")});
  const Lease first = scheduler_.Match(0).at(0);
  scheduler_.End(first.key, true, v1::FAILURE_OWNER_SERVICE, 0);
  const Lease second = scheduler_.Match(0).at(0);
  EXPECT_FALSE(scheduler_.Reported(first.key));
  EXPECT_EQ(scheduler_.Find(first.key), nullptr);
  scheduler_.End(first.key, false, v1::FAILURE_OWNER_UNSPECIFIED, 0);
  EXPECT_NE(scheduler_.Find(second.key), nullptr);
  LeaseKey forged = second.key;
  forged.fence = Fence(9999);
  EXPECT_FALSE(scheduler_.Reported(forged));
}

TEST_F(SchedulerTest, ReconnectKeepsWhatIsHeldAndReturnsTheRest) {
  scheduler_.Enqueue(Job(1));
  scheduler_.Enqueue(Job(2));
  Connect({Board("b1"), Board("b2")});
  const auto leases = scheduler_.Match(0);
  scheduler_.AgentLost(kAgent);
  EXPECT_FALSE(scheduler_.FindBoard(BoardId("b1"))->online);
  EXPECT_NE(scheduler_.Find(leases[0].key), nullptr);
  const auto connected =
      scheduler_.AgentConnected(kAgent, {Board("b1"), Board("b2")}, {leases[0].key});
  ASSERT_EQ(connected.lost.size(), 1u);
  EXPECT_EQ(connected.lost[0].key, leases[1].key);
}

TEST_F(SchedulerTest, AResultBeingStoredIsNotLostByReconnectOrDeadline) {
  scheduler_.Enqueue(Job(1));
  Connect({Board("b1")});
  const Lease lease = scheduler_.Match(0).at(0);
  ASSERT_TRUE(scheduler_.Reported(lease.key));
  EXPECT_TRUE(scheduler_.AgentConnected(kAgent, {Board("b1")}, {}).lost.empty());
  EXPECT_TRUE(scheduler_.Expired(lease.deadline_us).empty());
  scheduler_.ReportDropped(lease.key);
  EXPECT_EQ(scheduler_.Expired(lease.deadline_us).size(), 1u);
  EXPECT_TRUE(scheduler_.Expired(lease.deadline_us - 1).empty());
}

TEST_F(SchedulerTest, RefusedOfferGoesBackUncountedAndTheBoardRests) {
  scheduler_.Enqueue(Job(1));
  Connect({Board("b1")});
  const Lease lease = scheduler_.Match(0).at(0);
  scheduler_.Withdraw(lease.key, 0);
  EXPECT_TRUE(scheduler_.Match(1).empty());
  const Lease again = scheduler_.Match(Scheduler::kHoldAfterRefusalUs).at(0);
  EXPECT_EQ(scheduler_.FailedAttempts(again.key), 0u);
  EXPECT_GT(again.key.fence, lease.key.fence);
}

TEST_F(SchedulerTest, CancelFreesQueueAndBoard) {
  scheduler_.Enqueue(Job(1));
  scheduler_.Enqueue(Job(2));
  scheduler_.Enqueue(Job(3));
  Connect({Board("b1")});
  const Lease lease = scheduler_.Match(0).at(0);
  EXPECT_EQ(scheduler_.Cancel(JobId(1), 0)->key, lease.key);
  EXPECT_FALSE(scheduler_.Cancel(JobId(2), 0));
  EXPECT_FALSE(scheduler_.Cancel(JobId(77), 0));
  EXPECT_EQ(scheduler_.Match(0).at(0).key.job, JobId(3));
}

TEST_F(SchedulerTest, RestoredLeaseHoldsItsBoardAndItsFence) {
  QueuedJob job = Job(7);
  job.last_attempt = 2;
  Lease lease;
  lease.key = {JobId(7), 2, Fence(500)};
  lease.board = BoardId("b1");
  lease.agent = kAgent;
  lease.deadline_us = 50;
  scheduler_.RestoreLease(job, lease);
  scheduler_.Enqueue(Job(8));
  Connect({Board("b1")}, {lease.key});
  EXPECT_TRUE(scheduler_.Match(0).empty());
  scheduler_.End(lease.key, false, v1::FAILURE_OWNER_UNSPECIFIED, 0);
  EXPECT_EQ(scheduler_.Match(0).at(0).key.fence, Fence(501));
}

TEST_F(SchedulerTest, ABoardOfAConnectedAgentCannotBeTakenOver) {
  Connect({Board("b1")});
  const auto connected =
      scheduler_.AgentConnected(AgentId("other"), {Board("b1"), Board("b9")}, {});
  EXPECT_EQ(connected.stolen, std::vector<BoardId>{BoardId("b1")});
  EXPECT_EQ(scheduler_.FindBoard(BoardId("b1"))->agent, kAgent);
  scheduler_.AgentLost(kAgent);
  EXPECT_TRUE(scheduler_.AgentBoards(AgentId("other"), {Board("b1")}).empty());
}

TEST(Retry, TheOwnerDecides) {
  EXPECT_EQ(DecideRetry(v1::FAILURE_OWNER_INFEASIBLE, 1, 3), NextStep::kInfeasible);
  EXPECT_EQ(DecideRetry(v1::FAILURE_OWNER_VARIANT, 1, 3), NextStep::kFailed);
  EXPECT_EQ(DecideRetry(v1::FAILURE_OWNER_BENCH, 2, 3), NextStep::kRetry);
  EXPECT_EQ(DecideRetry(v1::FAILURE_OWNER_BENCH, 3, 3), NextStep::kFailed);
  EXPECT_EQ(DecideRetry(v1::FAILURE_OWNER_SERVICE, 1, 1), NextStep::kFailed);
}

TEST(Retry, AHangOnTwoBoardsIsNotTheBoards) {
  v1::Job job;
  const auto add = [&job](uint32_t number, const std::string& board, uint32_t code,
                          const std::string& phase) {
    v1::Attempt& attempt = *job.add_attempts();
    attempt.set_attempt(number);
    attempt.set_board_id(board);
    attempt.mutable_failure()->set_owner(v1::FAILURE_OWNER_BENCH);
    attempt.mutable_failure()->set_code(code);
    attempt.add_timeline()->set_name("flash");
    attempt.add_timeline()->set_name(phase);
    return attempt;
  };
  constexpr uint32_t kTimeout = 4;
  EXPECT_FALSE(IsHang(add(1, "b1", kTimeout, "hello")));
  EXPECT_FALSE(IsHang(add(2, "b1", 14, "stream")));
  EXPECT_EQ(EarlierHang(job, add(3, "b2", kTimeout, "stream")), "");
  EXPECT_EQ(EarlierHang(job, add(4, "b2", kTimeout, "stream")), "");
  EXPECT_EQ(EarlierHang(job, add(5, "b1", kTimeout, "stream")), "b2");
}

}  // namespace
}  // namespace tinyrig::server
