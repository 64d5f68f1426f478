// Suspect boards, reference jobs, quarantine and recovery, over the real server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "server/store/sqlite.h"
#include "tests/integration/server/client.h"
#include "tests/integration/server/fake_agent.h"
#include "tests/integration/server/server_process.h"

namespace tinyrig::server {
namespace {

using testing::HasSubstr;

// What one board does: ordinary and reference jobs can be made to fail, counts to be off.
struct Behaviour {
  std::atomic<int> bench_failures{0};  // So many ordinary jobs fail from now on.
  std::atomic<bool> dead{false};       // Every job fails.
  std::atomic<int> extra_ticks{0};
  std::atomic<int> ordinary{0};
  std::atomic<int> references{0};
};

class HealthTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.Start());
    agent_.on_offer = [this](const v1::LeaseOffer& offer) { Work(offer); };
  }

  void Work(const v1::LeaseOffer& offer) {
    Behaviour& board = boards_[offer.board_id()];
    const bool reference = IsReference(offer);
    if (!reference && hold_next_.exchange(false)) return held_.set_value(offer);
    ++(reference ? board.references : board.ordinary);
    if (board.dead || (!reference && board.bench_failures-- > 0)) {
      return agent_.Finish(FakeAgent::Failed(offer, v1::FAILURE_OWNER_BENCH, "probe lost"));
    }
    v1::AttemptResult result = agent_.Measure(offer);
    for (auto& sample : *result.mutable_samples()) {
      sample.set_ticks(sample.ticks() + static_cast<uint32_t>(board.extra_ticks));
    }
    agent_.Finish(result);
  }

  /// Empty until the server has read what the agent said of its boards.
  v1::Board Get(const std::string& id) {
    auto context = Client::Context();
    v1::GetBoardRequest request;
    request.set_board_id(id);
    v1::Board board;
    const grpc::Status status = client_.boards->GetBoard(context.get(), request, &board);
    EXPECT_TRUE(status.ok() || status.error_code() == grpc::NOT_FOUND) << status.error_message();
    return board;
  }

  bool Becomes(const std::string& id, v1::BoardHealth health) {
    return Eventually([&] { return Get(id).health() == health && Get(id).job_id() == 0; });
  }

  grpc::Status Recover(const std::string& id, v1::Board* board) {
    auto context = Client::Context();
    v1::RecoverBoardRequest request;
    request.set_board_id(id);
    return client_.boards->RecoverBoard(context.get(), request, board);
  }

  uint64_t Submit() {
    v1::CampaignSpec spec = DigitsCampaign(client_);
    spec.mutable_models()->RemoveLast();
    spec.mutable_variants()->mutable_kernels()->RemoveLast();
    spec.mutable_variants()->clear_weights();
    spec.mutable_vectors()->set_patterns("AB");
    spec.set_max_attempts(100);
    v1::Campaign campaign;
    EXPECT_TRUE(client_.Submit(spec, "", &campaign).ok());
    return campaign.campaign_id();
  }

  // One job that fails once on whichever board takes it.
  void MakeSuspect(const std::string& id) {
    for (const char* other : {"b1", "b2"}) SetMaintenance(other, other != id);
    boards_[id].bench_failures = 1;
    client_.Watch(Submit(), 60);
    for (const char* other : {"b1", "b2"}) SetMaintenance(other, false);
  }

  void SetMaintenance(const std::string& id, bool on) {
    ASSERT_TRUE(Eventually([&] { return Get(id).board_id() == id; }));
    auto context = Client::Context();
    v1::SetMaintenanceRequest request;
    request.set_board_id(id);
    request.set_maintenance(on);
    v1::Board board;
    ASSERT_TRUE(client_.boards->SetMaintenance(context.get(), request, &board).ok());
  }

  ServerProcess server_;
  Client client_{server_.address()};
  std::atomic<bool> hold_next_ = false;  // The next ordinary job is kept in held_, unanswered.
  std::promise<v1::LeaseOffer> held_;
  std::map<std::string, Behaviour> boards_ = [] {
    std::map<std::string, Behaviour> boards;
    boards["b1"];
    boards["b2"];
    return boards;
  }();
  FakeAgent agent_{server_.address(), {"b1", "b2"}};
};

TEST_F(HealthTest, ASuspectBoardThatPassesIsGoodAgain) {
  ASSERT_TRUE(agent_.Connect());
  MakeSuspect("b1");
  ASSERT_TRUE(Becomes("b1", v1::BOARD_HEALTH_GOOD));
  EXPECT_EQ(boards_["b1"].references, 1);
  EXPECT_EQ(boards_["b2"].references, 0);  // It was in maintenance: nobody to learn from.
  EXPECT_EQ(Get("b1").note(), "");
  // Nothing of this is anybody's result.
  std::vector<std::string> rows;
  ASSERT_TRUE(client_.Query("SELECT count(*) AS n FROM jobs", &rows).ok());
  EXPECT_EQ(rows.back(), "1");
  ASSERT_TRUE(client_.Query("SELECT board_id, state FROM reference_jobs", &rows).ok());
  EXPECT_EQ(rows.back(), "b1|succeeded");
}

TEST_F(HealthTest, AnotherCountQuarantinesThoughTheOutputIsRight) {
  boards_["b1"].extra_ticks = 80;
  hold_next_ = true;
  ASSERT_TRUE(agent_.Connect());
  // b1 takes the job, whichever board the server would choose, and b2 is there when b1 fails.
  SetMaintenance("b2", true);
  const uint64_t campaign = Submit();
  std::future<v1::LeaseOffer> offer = held_.get_future();
  ASSERT_EQ(offer.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  SetMaintenance("b2", false);
  agent_.Finish(FakeAgent::Failed(offer.get(), v1::FAILURE_OWNER_BENCH, "probe lost"));
  client_.Watch(campaign, 60);
  EXPECT_EQ(client_.GetCampaign(campaign).counts().succeeded(), 1u);
  ASSERT_TRUE(Becomes("b1", v1::BOARD_HEALTH_QUARANTINED));
  // b2 had never failed: it ran first and taught what a good board counts.
  EXPECT_EQ(boards_["b2"].references, 1);
  EXPECT_EQ(boards_["b1"].references, 1);  // As wrong the next time: not repeated.
  EXPECT_THAT(Get("b1").note(), HasSubstr("the count is not"));
  EXPECT_THAT(Get("b1").note(), HasSubstr("board recover b1"));
  EXPECT_EQ(Get("b2").health(), v1::BOARD_HEALTH_GOOD);

  // It takes no jobs, also after a restart of the server.
  const int before = boards_["b1"].ordinary;
  client_.Watch(Submit(), 60);
  agent_.Disconnect();
  server_.Kill();
  ASSERT_TRUE(server_.Start());
  ASSERT_TRUE(Eventually([&] { return agent_.Connect(); }));
  client_.Watch(Submit(), 60);
  EXPECT_EQ(Get("b1").health(), v1::BOARD_HEALTH_QUARANTINED);
  EXPECT_EQ(boards_["b1"].ordinary, before);

  // Recovery checks the count too, and is the only way back.
  v1::Board board;
  ASSERT_TRUE(Recover("b1", &board).ok());
  EXPECT_EQ(board.health(), v1::BOARD_HEALTH_QUARANTINED);
  boards_["b1"].extra_ticks = 0;
  ASSERT_TRUE(Recover("b1", &board).ok());
  EXPECT_EQ(board.health(), v1::BOARD_HEALTH_GOOD);
  SetMaintenance("b2", true);
  client_.Watch(Submit(), 60);
  EXPECT_GT(boards_["b1"].ordinary, before);
}

TEST_F(HealthTest, ACountThatWasNotStoredIsNoMeasure) {
  Database db =
      Database::Open((server_.state() / "tinyrig.db").string(), Database::Mode::kReadWrite).value();
  ASSERT_TRUE(db.Execute("CREATE TRIGGER full BEFORE UPDATE OF outcome ON attempt "
                         "BEGIN SELECT RAISE(ROLLBACK, 'full'); END")
                  .ok());
  ASSERT_TRUE(agent_.Connect());
  ASSERT_TRUE(Eventually([&] { return Get("b1").state() == v1::BOARD_STATE_IDLE; }));
  auto recovered = std::async(std::launch::async, [&] {
    v1::Board board;
    EXPECT_TRUE(Recover("b1", &board).ok());
    return board;
  });
  // The bench is sent away with its result, and comes back without it: the job is repeated.
  ASSERT_TRUE(Eventually([&] { return Get("b1").state() == v1::BOARD_STATE_OFFLINE; }));
  EXPECT_EQ(boards_["b1"].references, 1);
  agent_.Disconnect(true);
  ASSERT_TRUE(db.Execute("DROP TRIGGER full").ok());
  boards_["b1"].extra_ticks = 80;
  agent_.ConnectForever();  // Until the server has seen that the store takes results again.
  EXPECT_EQ(recovered.get().health(), v1::BOARD_HEALTH_GOOD);
  EXPECT_EQ(boards_["b1"].references, 2);
  EXPECT_EQ(boards_["b2"].references, 0);
  // What was stored is the measure, also for others.
  v1::Board board;
  ASSERT_TRUE(Recover("b2", &board).ok());
  EXPECT_EQ(board.health(), v1::BOARD_HEALTH_QUARANTINED);
  boards_["b2"].extra_ticks = 80;
  ASSERT_TRUE(Recover("b2", &board).ok());
  EXPECT_EQ(board.health(), v1::BOARD_HEALTH_GOOD);
}

TEST_F(HealthTest, ADeadBoardIsQuarantinedAndItsJobsSayWhatTheyWaitFor) {
  ASSERT_TRUE(agent_.Connect());
  SetMaintenance("b2", true);
  // Maintenance is not quarantine: the agent may bring it back any moment.
  boards_["b1"].dead = true;
  const uint64_t campaign = Submit();
  ASSERT_TRUE(Becomes("b1", v1::BOARD_HEALTH_QUARANTINED));
  EXPECT_EQ(boards_["b1"].references, 3);  // Bench failures are tried again, a little.
  EXPECT_THAT(Get("b1").note(), HasSubstr("probe lost"));
  EXPECT_EQ(client_.GetCampaign(campaign).counts().queued(), 1u);

  v1::Board board;
  EXPECT_TRUE(Recover("b1", &board).ok());
  EXPECT_EQ(board.health(), v1::BOARD_HEALTH_QUARANTINED);
  SetMaintenance("b1", true);
  EXPECT_EQ(Recover("b1", &board).error_code(), grpc::FAILED_PRECONDITION);
  EXPECT_EQ(Recover("b9", &board).error_code(), grpc::NOT_FOUND);
  SetMaintenance("b1", false);
  boards_["b1"].dead = false;
  ASSERT_TRUE(Recover("b1", &board).ok());
  EXPECT_EQ(board.health(), v1::BOARD_HEALTH_GOOD);
  client_.Watch(campaign, 60);
  EXPECT_EQ(client_.GetCampaign(campaign).counts().succeeded(), 1u);
}

TEST_F(HealthTest, ACampaignThatOnlyQuarantinedBoardsCouldTakeSaysSo) {
  FakeAgent alone(server_.address(), {"b1"}, "bench-2");
  alone.on_offer = [&](const v1::LeaseOffer& offer) {
    alone.Finish(FakeAgent::Failed(offer, v1::FAILURE_OWNER_BENCH, "probe lost"));
  };
  ASSERT_TRUE(alone.Connect());
  // This one failed on the board itself: that is its result.
  const uint64_t first = Submit();
  client_.Watch(first, 60);
  const auto results = client_.Results(first);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].failure().owner(), v1::FAILURE_OWNER_BENCH);
  EXPECT_EQ(results[0].failure().message(), "probe lost");
  EXPECT_THAT(results[0].failure().evidence(1), HasSubstr("quarantined"));
  // This one never had a chance: it waits.
  const uint64_t campaign = Submit();
  auto context = Client::Context();
  v1::WatchCampaignRequest request;
  request.set_campaign_id(campaign);
  const auto reader = client_.campaigns->WatchCampaign(context.get(), request);
  std::string note;
  for (v1::CampaignEvent event; note.empty() && reader->Read(&event);) {
    if (event.job_id() == 0) note = event.detail();
  }
  EXPECT_THAT(note, HasSubstr("b1 (the reference job failed: probe lost)"));
  EXPECT_THAT(note, HasSubstr("tinyrig board recover"));
}

TEST_F(HealthTest, ARecoveryEndsWithTheServer) {
  agent_.on_offer = [](const v1::LeaseOffer&) {};
  ASSERT_TRUE(agent_.Connect());
  ASSERT_TRUE(Eventually([&] { return Get("b1").state() == v1::BOARD_STATE_IDLE; }));
  auto answer = std::async(std::launch::async, [&] {
    v1::Board board;
    return Recover("b1", &board);
  });
  ASSERT_TRUE(Eventually([&] { return Get("b1").job_id() != 0; }));
  EXPECT_THAT(Get("b1").note(), HasSubstr("reference job"));
  EXPECT_EQ(server_.Terminate(), 0);
  EXPECT_EQ(answer.get().error_code(), grpc::UNAVAILABLE);
}

}  // namespace
}  // namespace tinyrig::server
