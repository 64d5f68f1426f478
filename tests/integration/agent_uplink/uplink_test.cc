#include "agent/uplink/uplink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/agent_uplink/bench.h"
#include "tests/integration/agent_uplink/fake_server.h"
#include "tests/unit/agent_uplink/temp_dir.h"

namespace tinyrig::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

bool IsHello(const v1::AgentMessage& m) { return m.has_hello(); }
bool IsHeartbeat(const v1::AgentMessage& m) { return m.has_heartbeat(); }
bool IsRefused(const v1::AgentMessage& m) { return m.has_refused(); }

FakeServer::Wanted ResultOf(uint64_t job) {
  return [job](const v1::AgentMessage& m) {
    return m.has_result() && m.result().key().job_id() == job;
  };
}

v1::ServerMessage OfferOf(uint64_t job, const std::string& board = "b1", uint64_t fence = 0) {
  v1::ServerMessage message;
  v1::LeaseOffer& offer = *message.mutable_offer();
  offer.mutable_key()->set_job_id(job);
  offer.mutable_key()->set_attempt(1);
  offer.mutable_key()->set_fence(fence == 0 ? job : fence);
  offer.set_board_id(board);
  offer.set_deadline_ms(60'000);
  return message;
}

v1::ServerMessage CancelOf(uint64_t job) {
  v1::ServerMessage message;
  *message.mutable_cancel()->mutable_key() = OfferOf(job).offer().key();
  message.mutable_cancel()->set_reason("a test wants it");
  return message;
}

v1::ServerMessage AckOf(const v1::AttemptKey& key) {
  v1::ServerMessage message;
  *message.mutable_ack()->mutable_key() = key;
  return message;
}

std::vector<uint64_t> Held(const v1::AgentHello& hello) {
  std::vector<uint64_t> jobs;
  for (const v1::AttemptKey& key : hello.held()) jobs.push_back(key.job_id());
  return jobs;
}

template <typename Condition>
bool Until(Condition condition, Clock::duration limit = std::chrono::seconds(20)) {
  const auto deadline = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

class UplinkTest : public testing::Test {
 protected:
  UplinkTest() : server_(address()) { NewAgent(); }
  ~UplinkTest() override {
    EXPECT_TRUE(agent_->Stop()) << "the io_context did not run dry";
    EXPECT_FALSE(attempts_.collided()) << "two used one board at once";
  }

  void NewAgent() {
    agent_.reset();
    agent_ = std::make_unique<FakeAgent>(address(), spool(), attempts_);
  }
  v1::AgentHello StartBoth() {
    server_.Start();
    agent_->Start();
    return TakeHello();
  }
  v1::AgentHello TakeHello() {
    const auto message = server_.Take(IsHello);
    EXPECT_TRUE(message) << "no hello";
    return message ? message->hello() : v1::AgentHello();
  }
  /// The job runs, or the test fails.
  void BeginJob(uint64_t job, const std::string& board = "b1") {
    ASSERT_TRUE(server_.Send(OfferOf(job, board)));
    ASSERT_TRUE(Until([&] { return attempts_.runs(job) == 1; })) << "job " << job;
  }
  std::string TakeRefusal(const v1::ServerMessage& offer) {
    EXPECT_TRUE(server_.Send(offer));
    const auto refused = server_.Take(IsRefused);
    return refused ? refused->refused().reason() : "not refused";
  }

  std::string address() const { return "unix:" + (temp_.path() / "s").string(); }
  std::filesystem::path spool() const { return temp_.path() / "spool"; }
  std::vector<std::string> SpoolFiles() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(spool())) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  TempDir temp_;
  FakeAttempts attempts_;
  FakeServer server_;
  std::unique_ptr<FakeAgent> agent_;
};

TEST_F(UplinkTest, BoardsAreAnnouncedAtOnceAndIdentifiedLater) {
  agent_->probe(0).delay = std::chrono::seconds(1);
  agent_->probe(1).answer = Status(Code::kNotFound, "no adapter; plug it in");
  const v1::AgentHello hello = StartBoth();
  EXPECT_EQ(hello.agent_id(), "agent-1");
  EXPECT_EQ(hello.bench(), "bench-1");
  EXPECT_EQ(hello.instance_id(), "instance-1");
  EXPECT_FALSE(hello.version().empty());
  ASSERT_EQ(hello.boards_size(), 2);
  EXPECT_EQ(hello.boards(0).board_id(), "b1");
  EXPECT_EQ(hello.boards(0).board_type(), "virtual_m4");
  EXPECT_EQ(hello.boards(0).mcu_uid(), "") << "not known so early";
  const auto later = server_.Take([](const v1::AgentMessage& m) {
    return m.has_heartbeat() && !m.heartbeat().boards(0).mcu_uid().empty();
  });
  ASSERT_TRUE(later);
  EXPECT_EQ(later->heartbeat().boards(0).broken(), "");
  EXPECT_EQ(later->heartbeat().boards(1).broken(), "no adapter; plug it in");
}

TEST_F(UplinkTest, HeartbeatsGoOn) {
  StartBoth();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(server_.Take(IsHeartbeat, std::chrono::seconds(5)));
}

TEST_F(UplinkTest, AnAgentWithoutAServerWaitsForIt) {
  agent_->Start();
  std::this_thread::sleep_for(milliseconds(700));
  server_.Start();
  EXPECT_EQ(TakeHello().boards_size(), 2);
}

TEST_F(UplinkTest, AResultStaysOnDiskUntilItIsAcknowledged) {
  StartBoth();
  BeginJob(7);
  attempts_.Release(7);
  const auto message = server_.Take(ResultOf(7));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->result().agent_id(), "agent-1");
  EXPECT_EQ(message->result().board_id(), "b1");
  EXPECT_FALSE(message->result().has_failure());
  EXPECT_GE(message->result().ended_us(), message->result().started_us());
  EXPECT_GT(message->result().started_us(), 0);
  EXPECT_THAT(SpoolFiles(), ElementsAre("7-1-7.result"));
  ASSERT_TRUE(server_.Send(AckOf(message->result().key())));
  EXPECT_TRUE(Until([&] { return SpoolFiles().empty(); }));
}

TEST_F(UplinkTest, AnOfferTwiceRunsOnce) {
  StartBoth();
  BeginJob(7);
  ASSERT_TRUE(server_.Send(OfferOf(7)));
  attempts_.Release(7);
  ASSERT_TRUE(server_.Take(ResultOf(7)));
  // Now it is in the spool: the answer is the result again.
  ASSERT_TRUE(server_.Send(OfferOf(7)));
  ASSERT_TRUE(server_.Take(ResultOf(7)));
  EXPECT_EQ(attempts_.runs(7), 1);
}

TEST_F(UplinkTest, ABrokenStreamStopsNoAttemptAndTheResultComesLater) {
  StartBoth();
  BeginJob(1, "b1");
  BeginJob(2, "b2");
  server_.Stop();
  attempts_.Release(1);
  ASSERT_TRUE(Until([&] { return !SpoolFiles().empty(); }));
  server_.Start("server-2");
  EXPECT_THAT(Held(TakeHello()), UnorderedElementsAre(1, 2));
  ASSERT_TRUE(server_.Take(ResultOf(1)));
  attempts_.Release(2);
  ASSERT_TRUE(server_.Take(ResultOf(2)));
  EXPECT_EQ(attempts_.runs(1), 1);
  EXPECT_EQ(attempts_.runs(2), 1);
}

TEST_F(UplinkTest, WhatIsNotAcknowledgedComesAgainOnEveryStream) {
  StartBoth();
  BeginJob(1);
  attempts_.Release(1);
  ASSERT_TRUE(server_.Take(ResultOf(1)));
  for (int i = 0; i < 2; ++i) {
    server_.Stop();
    server_.Start();
    EXPECT_THAT(Held(TakeHello()), ElementsAre(1));
    const auto again = server_.Take(ResultOf(1));
    ASSERT_TRUE(again);
    if (i == 1) server_.Send(AckOf(again->result().key()));
  }
  ASSERT_TRUE(Until([&] { return SpoolFiles().empty(); }));
  server_.Stop();
  server_.Start();
  EXPECT_THAT(Held(TakeHello()), IsEmpty());
}

TEST_F(UplinkTest, ARestartedAgentHoldsTheSpoolAndNothingElse) {
  StartBoth();
  BeginJob(1, "b1");
  BeginJob(2, "b2");
  attempts_.Release(1);
  ASSERT_TRUE(server_.Take(ResultOf(1)));
  ASSERT_TRUE(agent_->Stop());
  server_.TakeAll();
  NewAgent();
  agent_->Start();
  EXPECT_THAT(Held(TakeHello()), ElementsAre(1));
  ASSERT_TRUE(server_.Take(ResultOf(1)));
  EXPECT_EQ(attempts_.runs(1), 1);
}

TEST_F(UplinkTest, ACancelFreesTheBoardAndLeavesNoResult) {
  StartBoth();
  BeginJob(1);
  ASSERT_TRUE(server_.Send(CancelOf(1)));
  // The next offer may come before the attempt has let go.
  ASSERT_TRUE(server_.Send(OfferOf(2)));
  ASSERT_TRUE(Until([&] { return attempts_.runs(2) == 1; }));
  EXPECT_EQ(attempts_.running(), 1);
  attempts_.Release(1);
  attempts_.Release(2);
  std::vector<uint64_t> results;
  ASSERT_TRUE(server_.Take([&](const v1::AgentMessage& m) {
    if (m.has_result()) results.push_back(m.result().key().job_id());
    return m.has_result() && m.result().key().job_id() == 2;
  }));
  EXPECT_THAT(results, ElementsAre(2));
  EXPECT_THAT(SpoolFiles(), ElementsAre("2-1-2.result"));
}

TEST_F(UplinkTest, ACancelledLeaseIsNotHeld) {
  StartBoth();
  BeginJob(1);
  ASSERT_TRUE(server_.Send(CancelOf(1)));
  ASSERT_TRUE(Until([&] { return attempts_.running() == 0; }));
  server_.Stop();
  server_.Start();
  EXPECT_THAT(Held(TakeHello()), IsEmpty());
}

TEST_F(UplinkTest, ACancelOfASpooledResultRemovesIt) {
  StartBoth();
  BeginJob(1);
  attempts_.Release(1);
  ASSERT_TRUE(server_.Take(ResultOf(1)));
  ASSERT_TRUE(server_.Send(CancelOf(1)));
  EXPECT_TRUE(Until([&] { return SpoolFiles().empty(); }));
}

TEST_F(UplinkTest, OffersThatCannotBeTakenUpAreRefused) {
  agent_->probe(1).answer = Status(Code::kNotFound, "no adapter; plug it in");
  StartBoth();
  BeginJob(1);
  EXPECT_THAT(TakeRefusal(OfferOf(2, "b1")), HasSubstr("b1 is busy with job 1"));
  EXPECT_THAT(TakeRefusal(OfferOf(3, "b9")), HasSubstr("has no board 'b9'"));
  ASSERT_TRUE(Until([&] { return agent_->probe(1).asked > 1; }));
  EXPECT_THAT(TakeRefusal(OfferOf(4, "b2")), HasSubstr("b2 is broken: no adapter"));
  for (uint64_t job : {2, 3, 4}) EXPECT_EQ(attempts_.runs(job), 0);
}

TEST_F(UplinkTest, AnOldFenceIsIgnoredUntilAnotherServerAnswers) {
  StartBoth();
  ASSERT_TRUE(server_.Send(OfferOf(1, "b1", 50)));
  ASSERT_TRUE(Until([&] { return attempts_.runs(1) == 1; }));
  ASSERT_TRUE(server_.Send(OfferOf(1, "b2", 49)));
  BeginJob(2, "b2");
  EXPECT_EQ(attempts_.runs(1), 1);
  attempts_.Release(2);
  ASSERT_TRUE(server_.Take(ResultOf(2)));
  server_.Stop();
  server_.Start("another server, which counts from the beginning");
  TakeHello();
  ASSERT_TRUE(server_.Send(OfferOf(1, "b2", 1)));
  EXPECT_TRUE(Until([&] { return attempts_.runs(1) == 2; }));
}

TEST_F(UplinkTest, AnAttemptThatThrowsIsAFailureOfTheService) {
  attempts_.throws = true;
  StartBoth();
  BeginJob(1);
  attempts_.Release(1);
  const auto message = server_.Take(ResultOf(1));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->result().failure().owner(), v1::FAILURE_OWNER_SERVICE);
  EXPECT_THAT(message->result().failure().message(), HasSubstr("thrown by a test"));
  attempts_.throws = false;
  BeginJob(2);
}

TEST_F(UplinkTest, AResultThatNoMessageCanCarryIsAFailureOfTheService) {
  attempts_.output_bytes = Spool::kMaxResultBytes;
  StartBoth();
  BeginJob(1);
  attempts_.Release(1);
  const auto message = server_.Take(ResultOf(1));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->result().failure().owner(), v1::FAILURE_OWNER_SERVICE);
  EXPECT_THAT(message->result().failure().message(), HasSubstr("fewer vectors"));
}

TEST_F(UplinkTest, ProgressIsThinnedOutButLogsAreNot) {
  attempts_.progress_calls = 5000;
  StartBoth();
  BeginJob(1);
  int progress = 0;
  ASSERT_TRUE(server_.Take([&](const v1::AgentMessage& m) {
    progress += m.has_progress() ? 1 : 0;
    return m.has_progress() && m.progress().log() == "the last word";
  }));
  EXPECT_GE(progress, 2);
  EXPECT_LT(progress, 50);
}

// A server cannot read a message with such text: it would end the stream, each time anew.
TEST_F(UplinkTest, WhatToolsSayNeedNotBeUtf8) {
  attempts_.log =
      "Seriennummer gepr\xfc"
      "ft";
  attempts_.progress_calls = 1;
  agent_->probe(1).answer = Status(Code::kNotFound, "no adapter \xff");
  const std::string clean =
      "Seriennummer gepr\xEF\xBF\xBD"
      "ft";
  StartBoth();
  const auto broken = server_.Take([](const v1::AgentMessage& m) {
    return m.has_heartbeat() && !m.heartbeat().boards(1).broken().empty();
  });
  ASSERT_TRUE(broken);
  EXPECT_THAT(broken->heartbeat().boards(1).broken(), HasSubstr("no adapter \xEF\xBF\xBD"));
  BeginJob(1);
  const auto progress = server_.Take(
      [](const v1::AgentMessage& m) { return m.has_progress() && !m.progress().log().empty(); });
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->progress().log(), clean);
  attempts_.Release(1);
  const auto result = server_.Take(ResultOf(1));
  ASSERT_TRUE(result);
  EXPECT_THAT(result->result().log(), ElementsAre(clean));
  // The next agent can read what this one left on the disk.
  ASSERT_TRUE(agent_->Stop());
  NewAgent();
  agent_->Start();
  const auto again = server_.Take(ResultOf(1));
  ASSERT_TRUE(again);
  EXPECT_THAT(again->result().log(), ElementsAre(clean));
}

TEST_F(UplinkTest, AnAttemptWaitsForTheIdentificationAndNoneBeginsMeanwhile) {
  agent_->probe(0).delay = milliseconds(500);
  agent_->probe(0).answer = Status(Code::kUnavailable, "no target");
  StartBoth();
  ASSERT_TRUE(Until([&] { return agent_->probe(0).asked == 1; }));
  ASSERT_TRUE(server_.Send(OfferOf(1)));
  ASSERT_TRUE(Until([&] { return attempts_.runs(1) == 1; }));
  const int asked = agent_->probe(0).asked;
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_EQ(agent_->probe(0).asked, asked) << "retried every 50 ms when nobody uses the board";
  attempts_.Release(1);
  EXPECT_TRUE(Until([&] { return agent_->probe(0).asked > asked; }));
}

TEST_F(UplinkTest, StopEndsRunningAttemptsQuickly) {
  StartBoth();
  BeginJob(1, "b1");
  BeginJob(2, "b2");
  const auto start = Clock::now();
  EXPECT_TRUE(agent_->Stop());
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(attempts_.running(), 0);
  EXPECT_THAT(SpoolFiles(), IsEmpty());
}

TEST_F(UplinkTest, StopWithoutAServerEndsToo) {
  agent_->Start();
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_TRUE(agent_->Stop());
}

}  // namespace
}  // namespace tinyrig::agent
