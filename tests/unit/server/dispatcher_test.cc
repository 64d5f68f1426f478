#include "server/service/dispatcher.h"

#include <gmock/gmock.h>

#include <future>
#include <thread>

#include "proto/device/messages.h"
#include "server/planning/expected.h"
#include "server/service/agent_messages.h"
#include "tests/unit/server/store_fixture.h"

// What depends on the order of things on the io thread, step by step: store, scheduler, judge and
// artifacts are the real ones, agents are what they send and get.
namespace tinyrig::server {
namespace {

using testing::HasSubstr;

class RecordedLink : public AgentLink {
 public:
  void Send(v1::ServerMessage message) override { sent.push_back(std::move(message)); }
  void Close(const Status& reason) override { closed = reason; }

  size_t Count(v1::ServerMessage::KindCase kind) const {
    return static_cast<size_t>(std::ranges::count_if(
        sent, [&](const v1::ServerMessage& message) { return message.kind_case() == kind; }));
  }
  std::vector<v1::LeaseOffer> Offers() const {
    std::vector<v1::LeaseOffer> offers;
    for (const v1::ServerMessage& message : sent) {
      if (message.has_offer()) offers.push_back(message.offer());
    }
    return offers;
  }

  std::vector<v1::ServerMessage> sent;
  Status closed;
};

class DispatcherTest : public StoreFixture {
 protected:
  DispatcherTest() {
    EXPECT_TRUE(dispatcher_.Start().ok());
    Expected expected;
    expected.output_bytes = 1;
    expected_sha256_ = artifacts_.Put(EncodeExpected(expected)).value();
  }
  ~DispatcherTest() override {
    dispatcher_.Stop();
    pool_.join();
  }

  // An agent with one board of the same number: "bench1" has "b1".
  std::shared_ptr<RecordedLink> Connect(const std::string& number,
                                        const std::vector<v1::AttemptKey>& held = {}) {
    auto link = std::make_shared<RecordedLink>();
    v1::AgentMessage message;
    message.mutable_hello()->set_agent_id("bench" + number);
    *message.mutable_hello()->add_boards() = Board(number);
    for (const v1::AttemptKey& key : held) *message.mutable_hello()->add_held() = key;
    dispatcher_.Message(link, message);
    return link;
  }
  static v1::AgentBoard Board(const std::string& number) {
    v1::AgentBoard board;
    board.set_board_id("b" + number);
    board.set_board_type("m4");
    return board;
  }

  // `judgeable`: what its jobs must answer is stored.
  std::vector<QueuedJob> Submit(size_t jobs, bool judgeable = true) {
    NewCampaign campaign = Campaign(jobs, 0);
    if (judgeable) campaign.expected[0].artifact_sha256 = expected_sha256_;
    return store_.AddCampaign(campaign, clock_.Now()).value().queued;
  }

  static v1::AgentMessage FailureOf(const v1::LeaseOffer& offer) {
    v1::AgentMessage message;
    v1::AttemptResult& result = *message.mutable_result();
    *result.mutable_key() = offer.key();
    result.set_board_id(offer.board_id());
    result.mutable_failure()->set_owner(v1::FAILURE_OWNER_VARIANT);
    result.mutable_failure()->set_message("it overflows");
    return message;
  }

  // Nothing was asked of it, and it did that.
  static v1::AgentMessage SuccessOf(const v1::LeaseOffer& offer) {
    v1::AgentMessage message;
    v1::AttemptResult& result = *message.mutable_result();
    *result.mutable_key() = offer.key();
    result.set_board_id(offer.board_id());
    result.mutable_identity()->set_clock_hz(1);
    result.mutable_identity()->set_counter_hz(1);
    result.mutable_identity()->set_counter_kind(
        static_cast<uint32_t>(device::CounterKind::kVirtualInstructions));
    return message;
  }

  // Runs what is ready, on the pool too. The clockwork ticks only when its time has come.
  void Settle() {
    for (int round = 0; round < 3; ++round) {
      io_.restart();
      io_.poll();
      std::promise<void> idle;
      boost::asio::post(pool_, [&] { idle.set_value(); });
      idle.get_future().wait();
    }
    io_.restart();
    io_.poll();
  }
  void WaitForTick() {
    std::this_thread::sleep_for(Dispatcher::kTick + std::chrono::milliseconds(20));
  }
  void Execute(const std::string& sql) {
    Database db = Database::Open(file_.string(), Database::Mode::kReadWrite).value();
    const Status executed = db.Execute(sql);
    ASSERT_TRUE(executed.ok()) << executed.message();
  }
  v1::Job Get(JobId job) { return reader_->GetJob(job).value(); }

  boost::asio::io_context io_;
  boost::asio::thread_pool pool_{1};
  Clock clock_;
  EventHub hub_;
  ArtifactFolder artifacts_ = ArtifactFolder::Open(dir_.path() / "artifacts").value();
  ReaderPool readers_{file_};
  Catalog catalog_;
  Judge judge_{artifacts_, readers_, catalog_};
  Dispatcher dispatcher_{{io_, pool_}, clock_, store_, hub_, judge_, {}, {}, {Type()}, "test"};
  std::string expected_sha256_;

 private:
  static v1::BoardType Type() {
    v1::BoardType type;
    type.set_name("m4");
    return type;
  }
};

TEST_F(DispatcherTest, ALeaseThatNobodyKnowsYetDoesNotExpire) {
  const auto link = Connect("1");
  Settle();
  WaitForTick();  // Due before what is posted now, and run after it.
  const std::vector<QueuedJob> jobs = Submit(1);
  boost::asio::post(io_, [&] {
    dispatcher_.Enqueue(jobs);  // Begins the lease; its commit comes after the tick.
    clock_.AdvanceForTest(TimeUs{3600} * 1'000'000);
    v1::AgentMessage alive;
    *alive.mutable_heartbeat()->add_boards() = Board("1");
    dispatcher_.Message(link, alive);
  });
  Settle();
  ASSERT_EQ(link->Offers().size(), 1u);
  EXPECT_EQ(link->Offers()[0].key().attempt(), 1u);
  EXPECT_EQ(Get(jobs[0].job).attempts_size(), 1);
  // Now that it is offered it ends as others do.
  WaitForTick();
  Settle();
  EXPECT_EQ(link->Count(v1::ServerMessage::kCancel), 1u);
  EXPECT_THAT(Get(jobs[0].job).attempts(0).failure().message(), HasSubstr("the deadline of 60 s"));
}

TEST_F(DispatcherTest, AResultThatCannotBeJudgedKeepsNobodyElseWaiting) {
  const auto first = Connect("1");
  dispatcher_.Enqueue(Submit(1, false));
  Settle();
  ASSERT_EQ(first->Offers().size(), 1u);
  dispatcher_.Message(first, FailureOf(first->Offers()[0]));
  Settle();
  EXPECT_THAT(first->closed.message(), HasSubstr("the result was not stored"));
  EXPECT_EQ(first->Count(v1::ServerMessage::kAck), 0u);
  const auto second = Connect("2");
  EXPECT_TRUE(second->closed.ok()) << second->closed.message();
  dispatcher_.Enqueue(Submit(1));
  Settle();
  EXPECT_EQ(second->Offers().size(), 1u);
}

TEST_F(DispatcherTest, TroubleOfTheStoreEndsWhenItWasLookedAt) {
  const auto first = Connect("1");
  const std::vector<QueuedJob> jobs = Submit(2);
  dispatcher_.Enqueue(jobs);
  Settle();
  Execute("CREATE TRIGGER full BEFORE INSERT ON agent BEGIN SELECT RAISE(ABORT, 'full'); END");
  EXPECT_THAT(Connect("2")->closed.message(), HasSubstr("full"));
  // That there was room for one result says little: no other job begins.
  dispatcher_.Message(first, FailureOf(first->Offers().at(0)));
  Settle();
  EXPECT_EQ(first->Count(v1::ServerMessage::kAck), 1u);
  EXPECT_EQ(Get(jobs[0].job).state(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(first->Offers().size(), 1u);
  Execute("DROP TRIGGER full");
  WaitForTick();
  Settle();
  EXPECT_EQ(first->Offers().size(), 2u);
  EXPECT_TRUE(Connect("2")->closed.ok());
}

TEST_F(DispatcherTest, ASuccessAndTheNextLeaseOfItsBoardAreStoredTogetherOrNotAtAll) {
  const auto link = Connect("1");
  const std::vector<QueuedJob> jobs = Submit(2);
  dispatcher_.Enqueue(jobs);
  Settle();
  const v1::LeaseOffer first = link->Offers().at(0);
  // No commit with a new lease succeeds.
  Execute(
      "CREATE TABLE debt(x INTEGER REFERENCES job DEFERRABLE INITIALLY DEFERRED);"
      "CREATE TRIGGER owe AFTER INSERT ON attempt BEGIN INSERT INTO debt VALUES(-1); END");
  dispatcher_.Message(link, SuccessOf(first));
  Settle();
  EXPECT_THAT(link->closed.message(), HasSubstr("the result was not stored"));
  EXPECT_EQ(link->Count(v1::ServerMessage::kAck), 0u);
  EXPECT_EQ(link->Offers().size(), 1u);
  EXPECT_EQ(Get(jobs[0].job).state(), v1::JOB_STATE_LEASED);
  EXPECT_EQ(Get(jobs[1].job).attempts_size(), 0);
  ASSERT_NE(dispatcher_.scheduler().Find(KeyOf(first.key())), nullptr);

  Execute("DROP TRIGGER owe");
  WaitForTick();
  Settle();
  const auto again = Connect("1", {first.key()});
  dispatcher_.Message(again, SuccessOf(first));
  Settle();
  EXPECT_EQ(again->Count(v1::ServerMessage::kAck), 1u);
  EXPECT_EQ(Get(jobs[0].job).state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(Get(jobs[0].job).attempts_size(), 1);
}

TEST_F(DispatcherTest, TheNextOfferIsThereWithTheAcknowledgement) {
  const auto link = Connect("1");
  const std::vector<QueuedJob> jobs = Submit(2);
  dispatcher_.Enqueue(jobs);
  Settle();
  const uint64_t before = TransactionTimes().Read().count;
  dispatcher_.Message(link, SuccessOf(link->Offers().at(0)));
  Settle();
  EXPECT_EQ(TransactionTimes().Read().count - before, 1u);
  ASSERT_EQ(link->Offers().size(), 2u);
  EXPECT_EQ(link->Offers()[1].key().job_id(), jobs[1].job.value);
  EXPECT_EQ(link->Count(v1::ServerMessage::kAck), 1u);
}

TEST_F(DispatcherTest, AJobThatIsOverInTheDatabaseKeepsNobodyElseWaiting) {
  const auto link = Connect("1");
  const std::vector<QueuedJob> jobs = Submit(2);
  Execute("UPDATE job SET state='cancelled' WHERE job_id=" + std::to_string(jobs[0].job.value));
  dispatcher_.Enqueue(jobs);
  Settle();
  ASSERT_EQ(link->Offers().size(), 1u);
  EXPECT_EQ(link->Offers()[0].key().job_id(), jobs[1].job.value);
  WaitForTick();
  Settle();
  EXPECT_EQ(dispatcher_.scheduler().queued(), 0u);
  EXPECT_EQ(Get(jobs[0].job).state(), v1::JOB_STATE_CANCELLED);
}

TEST_F(DispatcherTest, AnAttemptThatOnlyTheDatabaseKnowsIsRepeated) {
  const auto link = Connect("1");
  const std::vector<QueuedJob> jobs = Submit(1);
  Execute(
      "UPDATE job SET state='leased', last_attempt=1;"
      "UPDATE campaign SET queued=0, leased=1;"
      "INSERT INTO attempt(job_id, attempt, fence, board_id, agent_id, started_us, deadline_us) "
      "VALUES(1, 1, 7, 'b9', 'bench9', 1, 2)");
  dispatcher_.Enqueue(jobs);
  Settle();
  WaitForTick();
  Settle();
  ASSERT_EQ(link->Offers().size(), 1u);
  EXPECT_EQ(link->Offers()[0].key().attempt(), 2u);
  EXPECT_THAT(Get(jobs[0].job).attempts(0).failure().message(), HasSubstr("lost track"));
  EXPECT_EQ(reader_->GetCampaign(jobs[0].terms->campaign)->counts().leased(), 1u);
}

TEST_F(DispatcherTest, AResultOfAJobThatWaitsInTheDatabaseLeavesItWaiting) {
  const auto link = Connect("1");
  const std::vector<QueuedJob> jobs = Submit(1);
  dispatcher_.Enqueue(jobs);
  Settle();
  Execute("UPDATE job SET state='queued'; UPDATE campaign SET queued=1, leased=0");
  dispatcher_.Message(link, SuccessOf(link->Offers().at(0)));
  Settle();
  EXPECT_EQ(link->Count(v1::ServerMessage::kAck), 1u);
  ASSERT_EQ(link->Offers().size(), 2u);
  dispatcher_.Message(link, SuccessOf(link->Offers()[1]));
  Settle();
  EXPECT_EQ(Get(jobs[0].job).state(), v1::JOB_STATE_SUCCEEDED);
}

// Nothing is out of step, and yet the store refuses it: no reason to try at once, nor to let others
// wait.
TEST_F(DispatcherTest, ALeaseThatTheStoreRefusesIsTriedAgainLater) {
  const auto link = Connect("1");
  const std::vector<QueuedJob> jobs = Submit(3);
  Execute(
      "CREATE TRIGGER owe BEFORE INSERT ON attempt WHEN new.job_id=1 BEGIN "
      "SELECT RAISE(ABORT, 'no'); END");
  dispatcher_.Enqueue(jobs);
  Settle();
  ASSERT_EQ(link->Offers().size(), 1u);
  dispatcher_.Message(link, SuccessOf(link->Offers()[0]));
  Settle();
  ASSERT_EQ(link->Offers().size(), 2u);
  EXPECT_TRUE(Connect("2")->closed.ok());
  dispatcher_.Message(link, SuccessOf(link->Offers()[1]));
  Execute("DROP TRIGGER owe");
  WaitForTick();
  Settle();
  EXPECT_EQ(dispatcher_.scheduler().leased(), 1u);
  EXPECT_EQ(Get(jobs[0].job).state(), v1::JOB_STATE_LEASED);
}

// A store that refuses every lease is in trouble, and says so; nobody tries on and on.
TEST_F(DispatcherTest, AStoreThatRefusesEveryLeaseIsInTrouble) {
  const auto link = Connect("1");
  const std::vector<QueuedJob> jobs = Submit(40);
  Execute("CREATE TRIGGER owe BEFORE INSERT ON attempt BEGIN SELECT RAISE(ABORT, 'no'); END");
  dispatcher_.Enqueue(jobs);
  Settle();
  EXPECT_THAT(Connect("2")->closed.message(), HasSubstr("no"));
  EXPECT_GT(dispatcher_.scheduler().queued(), 20u);
  Execute("DROP TRIGGER owe");
  // The board that was refused last rests for some seconds.
  for (int tick = 0; tick < 20 && link->Offers().empty(); ++tick) {
    WaitForTick();
    Settle();
  }
  EXPECT_EQ(link->Offers().size(), 1u);
  EXPECT_EQ(dispatcher_.scheduler().queued() + dispatcher_.scheduler().leased(), 40u);
}

// Once such a result stopped every bench: no day is the day of such a time.
TEST_F(DispatcherTest, ABenchWhoseClockSaysNonsenseGetsTheServersTimes) {
  const auto link = Connect("1");
  const std::vector<QueuedJob> jobs = Submit(4);
  dispatcher_.Enqueue(jobs);
  Settle();
  const TimeUs day = TimeUs{86'400} * 1'000'000;
  const std::pair<TimeUs, TimeUs> told[] = {{INT64_MAX, INT64_MAX},
                                            {INT64_MIN, INT64_MAX},
                                            {clock_.Now(), clock_.Now() - 1},
                                            {0, 3 * day}};
  for (const auto& [started, ended] : told) {
    const v1::LeaseOffer offer = link->Offers().back();
    v1::AgentMessage message = SuccessOf(offer);
    message.mutable_result()->set_started_us(started);
    message.mutable_result()->set_ended_us(ended);
    message.mutable_result()->add_log("done");
    dispatcher_.Message(link, message);
    Settle();
    const v1::Attempt attempt = Get(JobId(offer.key().job_id())).attempts(0);
    EXPECT_NEAR(static_cast<double>(attempt.started_us()), static_cast<double>(clock_.Now()), 1e9);
    EXPECT_NEAR(static_cast<double>(attempt.ended_us()), static_cast<double>(clock_.Now()), 1e9);
    EXPECT_LE(attempt.started_us(), attempt.ended_us());
    const auto log = reader_->Logs(JobId(offer.key().job_id()), 0, 10).value();
    EXPECT_NEAR(static_cast<double>(log.at(0).time_us()), static_cast<double>(clock_.Now()), 1e9);
  }
  EXPECT_EQ(link->Count(v1::ServerMessage::kAck), 4u);
  EXPECT_TRUE(link->closed.ok()) << link->closed.message();
}

TEST_F(DispatcherTest, AClockThatIsSomeHoursOffIsKept) {
  const auto link = Connect("1");
  const std::vector<QueuedJob> jobs = Submit(1);
  dispatcher_.Enqueue(jobs);
  Settle();
  v1::AgentMessage message = SuccessOf(link->Offers().at(0));
  const TimeUs ended = clock_.Now() + TimeUs{5 * 3600} * 1'000'000;
  message.mutable_result()->set_started_us(ended - 7'000'000);
  message.mutable_result()->set_ended_us(ended);
  dispatcher_.Message(link, message);
  Settle();
  EXPECT_EQ(Get(jobs[0].job).attempts(0).started_us(), ended - 7'000'000);
  EXPECT_EQ(Get(jobs[0].job).attempts(0).ended_us(), ended);
}

TEST_F(DispatcherTest, AResultThatTheStoreRefusesForItselfEndsItsAttemptOnly) {
  const auto first = Connect("1");
  const std::vector<QueuedJob> jobs = Submit(1);
  dispatcher_.Enqueue(jobs);
  Settle();
  Execute(
      "CREATE TRIGGER strange BEFORE INSERT ON log WHEN new.text='strange' BEGIN "
      "SELECT RAISE(ABORT, 'no such thing'); END");
  v1::AgentMessage message = SuccessOf(first->Offers().at(0));
  message.mutable_result()->add_log("strange");
  dispatcher_.Message(first, message);
  Settle();
  EXPECT_TRUE(first->closed.ok()) << first->closed.message();
  EXPECT_EQ(first->Count(v1::ServerMessage::kAck), 1u);
  EXPECT_THAT(Get(jobs[0].job).attempts(0).failure().message(), HasSubstr("no such thing"));
  // Others are let in at once, and the job has another attempt.
  EXPECT_TRUE(Connect("2")->closed.ok());
  ASSERT_EQ(first->Offers().size(), 2u);
  dispatcher_.Message(first, SuccessOf(first->Offers()[1]));
  Settle();
  EXPECT_EQ(Get(jobs[0].job).state(), v1::JOB_STATE_SUCCEEDED);
}

TEST_F(DispatcherTest, WhatAnotherBenchSaysOfAnAttemptIsIgnored) {
  const auto owner = Connect("1");
  const std::vector<QueuedJob> jobs = Submit(1);
  dispatcher_.Enqueue(jobs);
  Settle();
  const v1::LeaseOffer offer = owner->Offers().at(0);
  const auto other = Connect("2");
  v1::AgentMessage refused;
  *refused.mutable_refused()->mutable_key() = offer.key();
  v1::AgentMessage progress;
  *progress.mutable_progress()->mutable_key() = offer.key();
  progress.mutable_progress()->set_phase("stream");
  progress.mutable_progress()->set_log("not mine");
  for (const v1::AgentMessage& message : {FailureOf(offer), refused, progress}) {
    dispatcher_.Message(other, message);
  }
  Settle();
  EXPECT_EQ(other->Count(v1::ServerMessage::kAck), 0u);
  EXPECT_EQ(other->Offers().size(), 0u);
  uint32_t attempt = 0;
  EXPECT_TRUE(hub_.LiveLog(jobs[0].job, &attempt).empty());
  EXPECT_EQ(Get(jobs[0].job).state(), v1::JOB_STATE_LEASED);
  // Its own bench ends it.
  dispatcher_.Message(owner, FailureOf(offer));
  Settle();
  EXPECT_EQ(owner->Count(v1::ServerMessage::kAck), 1u);
  EXPECT_EQ(Get(jobs[0].job).state(), v1::JOB_STATE_FAILED);
}

}  // namespace
}  // namespace tinyrig::server
