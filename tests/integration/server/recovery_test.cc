#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/integration/server/client.h"
#include "tests/integration/server/fake_agent.h"
#include "tests/integration/server/server_process.h"

namespace tinyrig::server {
namespace {

using std::chrono::milliseconds;

class RecoveryTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.Start()); }

  uint64_t Submit(const v1::CampaignSpec& spec) {
    v1::Campaign campaign;
    const grpc::Status status = client_.Submit(spec, "", &campaign);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return campaign.campaign_id();
  }
  // One model, one variant: one job.
  uint64_t SubmitOne() {
    v1::CampaignSpec spec = DigitsCampaign(client_);
    spec.mutable_models()->RemoveLast();
    spec.mutable_variants()->mutable_kernels()->RemoveLast();
    return Submit(spec);
  }
  // Every job has exactly one result, of its last attempt, and each metric once.
  void ExpectOneResultEach(uint64_t campaign_id, uint32_t jobs) {
    EXPECT_EQ(client_.GetCampaign(campaign_id).counts().succeeded(), jobs);
    const auto results = client_.Results(campaign_id);
    ASSERT_EQ(results.size(), jobs);
    for (const v1::JobResult& result : results) {
      std::map<std::string, int> seen;
      for (const v1::Measurement& m : result.measurements())
        EXPECT_EQ(++seen[m.metric()], 1) << m.metric();
      EXPECT_EQ(MetricOf(result, "output_mismatches"), 0);
      const v1::Job job = client_.GetJob(result.job_id());
      int succeeded = 0;
      for (const v1::Attempt& attempt : job.attempts()) {
        EXPECT_NE(attempt.ended_us(), 0);
        succeeded += attempt.has_failure() ? 0 : 1;
      }
      EXPECT_EQ(succeeded, 1);
    }
  }

  ServerProcess server_;
  Client client_{server_.address()};
  FakeAgent agent_{server_.address(), {"b1", "b2"}};
};

TEST_F(RecoveryTest, AnAgentThatForgotItsAttemptGetsItAgain) {
  std::vector<v1::AttemptKey> keys;
  agent_.on_offer = [&](const v1::LeaseOffer& offer) {
    keys.push_back(offer.key());
    if (keys.size() > 1) agent_.Finish(agent_.Measure(offer));
  };
  ASSERT_TRUE(agent_.Connect());
  const uint64_t campaign = SubmitOne();
  ASSERT_TRUE(Eventually([&] { return agent_.offers == 1; }));
  agent_.Disconnect(true);
  ASSERT_TRUE(agent_.Connect());
  client_.Watch(campaign, 30);
  ExpectOneResultEach(campaign, 1);
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_GT(keys[1].fence(), keys[0].fence());
  EXPECT_EQ(keys[1].attempt(), 2u);
  const v1::Job job = client_.GetJob(keys[0].job_id());
  EXPECT_EQ(job.attempts(0).failure().owner(), v1::FAILURE_OWNER_SERVICE);
}

TEST_F(RecoveryTest, AnAttemptThatIsHeldGoesOnAfterAReconnect) {
  v1::LeaseOffer held;
  agent_.on_offer = [&](const v1::LeaseOffer& offer) { held = offer; };
  ASSERT_TRUE(agent_.Connect());
  const uint64_t campaign = SubmitOne();
  ASSERT_TRUE(Eventually([&] { return agent_.offers == 1; }));
  agent_.Disconnect();
  ASSERT_TRUE(agent_.Connect());
  agent_.Finish(agent_.Measure(held));
  client_.Watch(campaign, 30);
  ExpectOneResultEach(campaign, 1);
  EXPECT_EQ(agent_.offers, 1);
}

TEST_F(RecoveryTest, AResultWhoseAcknowledgementWasLostIsStoredOnce) {
  agent_.on_offer = [&](const v1::LeaseOffer& offer) { agent_.Finish(agent_.Measure(offer)); };
  agent_.lose_acks = true;
  ASSERT_TRUE(agent_.Connect());
  const uint64_t campaign = SubmitOne();
  client_.Watch(campaign, 30);
  EXPECT_EQ(agent_.acks, 0);
  agent_.Disconnect();
  agent_.lose_acks = false;
  ASSERT_TRUE(agent_.Connect());
  ASSERT_TRUE(Eventually([&] { return agent_.acks == 1; }));
  ExpectOneResultEach(campaign, 1);
  EXPECT_EQ(agent_.offers, 1);
}

TEST_F(RecoveryTest, AKilledServerTakesTheResultOfBefore) {
  v1::LeaseOffer held;
  agent_.on_offer = [&](const v1::LeaseOffer& offer) { held = offer; };
  ASSERT_TRUE(agent_.Connect());
  const uint64_t campaign = SubmitOne();
  ASSERT_TRUE(Eventually([&] { return agent_.offers == 1; }));
  server_.Kill();
  agent_.Disconnect();
  ASSERT_TRUE(server_.Start());
  agent_.Finish(agent_.Measure(held));
  ASSERT_TRUE(Eventually([&] { return agent_.Connect(); }));
  client_.Watch(campaign, 30);
  ExpectOneResultEach(campaign, 1);
  EXPECT_EQ(agent_.offers, 1);
}

TEST_F(RecoveryTest, TheClockOfABoardIsCheckedThoughTheServerHasOtherFirmwareNow) {
  v1::LeaseOffer held;
  agent_.on_offer = [&](const v1::LeaseOffer& offer) { held = offer; };
  ASSERT_TRUE(agent_.Connect());
  const uint64_t campaign = SubmitOne();
  ASSERT_TRUE(Eventually([&] { return agent_.offers == 1; }));
  v1::AttemptResult result = agent_.Measure(held);
  result.mutable_identity()->set_clock_hz(result.identity().clock_hz() / 2);
  server_.Kill();
  agent_.Disconnect();
  const TempDir no_firmware;
  ASSERT_TRUE(server_.Start({"--firmware", no_firmware.path().string()}));
  agent_.Finish(result);
  ASSERT_TRUE(Eventually([&] { return agent_.Connect(); }));
  ASSERT_TRUE(Eventually([&] { return agent_.acks == 1; }));
  const v1::Job job = client_.GetJob(held.key().job_id());
  EXPECT_EQ(job.attempts(0).failure().owner(), v1::FAILURE_OWNER_BENCH);
  EXPECT_NE(job.attempts(0).failure().message().find("the board's core runs at 7812500 Hz"),
            std::string::npos)
      << job.attempts(0).failure().message();
  EXPECT_EQ(client_.GetCampaign(campaign).counts().succeeded(), 0u);
}

TEST_F(RecoveryTest, FencesRiseOverRestarts) {
  uint64_t last = 0;
  agent_.on_offer = [&](const v1::LeaseOffer& offer) {
    EXPECT_GT(offer.key().fence(), last);
    last = offer.key().fence();
    agent_.Finish(agent_.Measure(offer));
  };
  for (int round = 1; round <= 3; ++round) {
    ASSERT_TRUE(Eventually([&] { return agent_.Connect(); }));
    client_.Watch(SubmitOne(), 30);
    EXPECT_EQ(agent_.offers, round);
    server_.Kill();
    agent_.Disconnect();
    ASSERT_TRUE(server_.Start());
  }
}

TEST_F(RecoveryTest, KillingServerAndAgentAtAnyMomentLosesAndDoublesNothing) {
  std::mt19937 random(7);
  agent_.on_offer = [&](const v1::LeaseOffer& offer) {
    std::this_thread::sleep_for(milliseconds(10));
    agent_.Finish(agent_.Measure(offer));
  };
  v1::CampaignSpec spec = DigitsCampaign(client_);
  spec.set_max_attempts(100);
  std::vector<uint64_t> campaigns;
  for (int i = 0; i < 5; ++i) campaigns.push_back(Submit(spec));
  agent_.ConnectForever();
  for (int round = 0; round < 8; ++round) {
    std::this_thread::sleep_for(milliseconds(random() % 400));
    if (round % 2 == 0) {
      server_.Kill();
      ASSERT_TRUE(server_.Start());
    } else {
      agent_.Disconnect(true);
      agent_.ConnectForever();
    }
  }
  for (const uint64_t campaign : campaigns) {
    EXPECT_TRUE(Eventually([&] { return client_.GetCampaign(campaign).ended(); }, 60));
    ExpectOneResultEach(campaign, 6);
  }
}

TEST_F(RecoveryTest, BoardsGoOfflineWithTheirAgentAndComeBack) {
  const auto states = [&] {
    Client fresh(server_.address());
    auto context = Client::Context();
    v1::ListBoardsResponse response;
    EXPECT_TRUE(fresh.boards->ListBoards(context.get(), {}, &response).ok());
    std::string text;
    for (const v1::Board& board : response.boards()) {
      text += board.board_id() + ":" + v1::BoardState_Name(board.state()).substr(12) + ":" +
              board.probe_serial() + " ";
    }
    return text;
  };
  EXPECT_EQ(states(), "");
  ASSERT_TRUE(agent_.Connect());
  EXPECT_TRUE(Eventually([&] { return states() == "b1:IDLE:SERIAL-b1 b2:IDLE:SERIAL-b2 "; }))
      << states();
  agent_.Disconnect();
  EXPECT_TRUE(Eventually([&] { return states() == "b1:OFFLINE:SERIAL-b1 b2:OFFLINE:SERIAL-b2 "; }))
      << states();
  server_.Kill();
  ASSERT_TRUE(server_.Start());
  EXPECT_EQ(states(), "b1:OFFLINE:SERIAL-b1 b2:OFFLINE:SERIAL-b2 ");
  agent_.broken.insert("b2");
  ASSERT_TRUE(Eventually([&] { return agent_.Connect(); }));
  EXPECT_TRUE(Eventually([&] { return states() == "b1:IDLE:SERIAL-b1 b2:OFFLINE:SERIAL-b2 "; }))
      << states();
}

// 20 s without a word, then 1 s of timeout + 30 s of grace: sleeps more than it works.
TEST_F(RecoveryTest, ASilentAgentGoesOfflineAndItsLeaseEndsAtTheDeadline) {
  agent_.on_offer = [](const v1::LeaseOffer&) {};
  ASSERT_TRUE(agent_.Connect());
  v1::CampaignSpec spec = DigitsCampaign(client_);
  spec.mutable_models()->RemoveLast();
  spec.mutable_variants()->mutable_kernels()->RemoveLast();
  spec.set_attempt_timeout_s(1);
  spec.set_max_attempts(1);
  const uint64_t campaign = Submit(spec);
  ASSERT_TRUE(Eventually([&] { return agent_.offers == 1; }));
  const auto connected = [&] {
    auto context = Client::Context();
    v1::ListAgentsResponse response;
    EXPECT_TRUE(client_.boards->ListAgents(context.get(), {}, &response).ok());
    return response.agents_size() == 1 && response.agents(0).connected();
  };
  EXPECT_TRUE(connected());
  EXPECT_TRUE(Eventually([&] { return !connected(); }, 25));
  EXPECT_FALSE(client_.GetCampaign(campaign).ended());
  const auto events = client_.Watch(campaign, 30);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().state(), v1::JOB_STATE_FAILED);
  const v1::Job job = client_.GetJob(events.back().job_id());
  EXPECT_EQ(job.failure().owner(), v1::FAILURE_OWNER_SERVICE);
  EXPECT_NE(job.failure().message().find("deadline"), std::string::npos);
}

TEST_F(RecoveryTest, ASecondStreamOfAnAgentReplacesTheFirst) {
  ASSERT_TRUE(agent_.Connect());
  FakeAgent twin(server_.address(), {"b1", "b2"});
  twin.on_offer = [&](const v1::LeaseOffer& offer) { twin.Finish(twin.Measure(offer)); };
  ASSERT_TRUE(twin.Connect());
  const uint64_t campaign = SubmitOne();
  client_.Watch(campaign, 30);
  ExpectOneResultEach(campaign, 1);
  EXPECT_EQ(agent_.offers, 0);
}

TEST_F(RecoveryTest, StopsGracefullyWithStreamsOpen) {
  ASSERT_TRUE(agent_.Connect());
  agent_.on_offer = [](const v1::LeaseOffer&) {};
  const uint64_t campaign = SubmitOne();
  ASSERT_TRUE(Eventually([&] { return agent_.offers == 1; }));
  auto context = Client::Context(30);
  v1::WatchCampaignRequest request;
  request.set_campaign_id(campaign);
  auto reader = client_.campaigns->WatchCampaign(context.get(), request);
  v1::CampaignEvent event;
  ASSERT_TRUE(reader->Read(&event));
  EXPECT_EQ(server_.Terminate(), 0);
  while (reader->Read(&event)) {
  }
  EXPECT_FALSE(reader->Finish().ok());
}

}  // namespace
}  // namespace tinyrig::server
