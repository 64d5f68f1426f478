#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>

#include "server/model/sha256.h"
#include "tests/integration/server/client.h"
#include "tests/integration/server/fake_agent.h"
#include "tests/integration/server/server_process.h"

namespace tinyrig::server {
namespace {

class ApiTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.Start()); }

  static v1::ArtifactRef RefOf(const std::string& bytes) {
    v1::ArtifactRef artifact;
    artifact.set_sha256(Sha256Hex(AsBytes(bytes)));
    artifact.set_size_bytes(bytes.size());
    artifact.set_name("some.bin");
    return artifact;
  }

  ServerProcess server_;
  Client client_{server_.address()};
};

TEST_F(ApiTest, SaysWhatItIs) {
  auto context = Client::Context();
  v1::ServerInfo info;
  ASSERT_TRUE(client_.server->GetServerInfo(context.get(), {}, &info).ok());
  EXPECT_FALSE(info.version().empty());
  EXPECT_GE(info.schema_version(), 1u);
  EXPECT_GE(info.firmware_size(), 2);
  auto types_context = Client::Context();
  v1::ListBoardTypesResponse types;
  ASSERT_TRUE(client_.boards->ListBoardTypes(types_context.get(), {}, &types).ok());
  const auto is_m4 = [](const v1::BoardType& type) { return type.name() == "virtual_m4"; };
  const auto virtual_m4 = std::ranges::find_if(types.board_types(), is_m4);
  ASSERT_NE(virtual_m4, types.board_types().end());
  EXPECT_EQ(virtual_m4->ram_bytes(), 262'144u);
}

TEST_F(ApiTest, ArtifactsArriveWholeOrNotAtAll) {
  std::string bytes(3'000'000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * i >> 7);
  const v1::ArtifactRef good = RefOf(bytes);
  EXPECT_TRUE(client_.Upload(good, bytes).ok());
  EXPECT_TRUE(client_.Upload(good, bytes).ok());
  EXPECT_EQ(client_.Download(good.sha256()), bytes);
  EXPECT_EQ(client_.Download(good.sha256(), 2'999'990), bytes.substr(2'999'990));
  auto context = Client::Context();
  v1::StatArtifactRequest stat;
  stat.set_sha256(good.sha256());
  v1::ArtifactRef found;
  ASSERT_TRUE(client_.artifacts->StatArtifact(context.get(), stat, &found).ok());
  EXPECT_EQ(found.size_bytes(), bytes.size());

  v1::ArtifactRef wrong = RefOf("something else");
  wrong.set_size_bytes(bytes.size());
  EXPECT_EQ(client_.Upload(wrong, bytes).error_code(), grpc::DATA_LOSS);
  wrong.set_size_bytes(10);
  EXPECT_EQ(client_.Upload(wrong, bytes).error_code(), grpc::RESOURCE_EXHAUSTED);
  wrong.set_size_bytes(uint64_t{2} << 30);
  EXPECT_EQ(client_.Upload(wrong, bytes).error_code(), grpc::RESOURCE_EXHAUSTED);
  wrong.set_sha256("../../../tmp/evil");
  EXPECT_EQ(client_.Upload(wrong, bytes).error_code(), grpc::INVALID_ARGUMENT);
  auto missing_context = Client::Context();
  stat.set_sha256(RefOf("something else").sha256());
  EXPECT_EQ(client_.artifacts->StatArtifact(missing_context.get(), stat, &found).error_code(),
            grpc::NOT_FOUND);
}

TEST_F(ApiTest, QueriesAreReadOnlyAndExplained) {
  std::vector<std::string> rows;
  EXPECT_TRUE(client_.Query("SELECT 1 AS a, 'x' AS b", &rows).ok());
  EXPECT_EQ(rows, (std::vector<std::string>{"a|b", "1|x"}));
  EXPECT_EQ(client_.Query("DELETE FROM job", &rows).error_code(), grpc::PERMISSION_DENIED);
  const grpc::Status invalid = client_.Query("SELECT nonsense", &rows);
  EXPECT_EQ(invalid.error_code(), grpc::INVALID_ARGUMENT) << invalid.error_message();
}

TEST_F(ApiTest, ASlowQueryDelaysNobody) {
  std::vector<std::string> rows;
  std::thread slow([&] {
    Client other(server_.address());
    std::vector<std::string> none;
    EXPECT_EQ(other
                  .Query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT "
                         "sum(i) FROM n",
                         &none)
                  .error_code(),
              grpc::DEADLINE_EXCEEDED);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const auto start = std::chrono::steady_clock::now();
  auto context = Client::Context();
  v1::ListBoardsResponse boards;
  EXPECT_TRUE(client_.boards->ListBoards(context.get(), {}, &boards).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  slow.join();
}

TEST_F(ApiTest, MissingThingsAreNotFound) {
  auto context = Client::Context();
  v1::GetCampaignRequest campaign_request;
  campaign_request.set_campaign_id(77);
  v1::Campaign campaign;
  EXPECT_EQ(client_.campaigns->GetCampaign(context.get(), campaign_request, &campaign).error_code(),
            grpc::NOT_FOUND);
  auto job_context = Client::Context();
  v1::GetJobRequest job_request;
  job_request.set_job_id(uint64_t{1} << 63);
  v1::Job job;
  EXPECT_EQ(client_.jobs->GetJob(job_context.get(), job_request, &job).error_code(),
            grpc::NOT_FOUND);
  auto watch_context = Client::Context();
  v1::WatchCampaignRequest watch_request;
  watch_request.set_campaign_id(77);
  v1::CampaignEvent event;
  auto watch = client_.campaigns->WatchCampaign(watch_context.get(), watch_request);
  EXPECT_FALSE(watch->Read(&event));
  EXPECT_EQ(watch->Finish().error_code(), grpc::NOT_FOUND);
  auto board_context = Client::Context();
  v1::GetBoardRequest board_request;
  board_request.set_board_id("nobody");
  v1::Board board;
  EXPECT_EQ(client_.boards->GetBoard(board_context.get(), board_request, &board).error_code(),
            grpc::NOT_FOUND);
}

TEST_F(ApiTest, ReservedBoardsAndBoardsInMaintenanceTakeNoJobs) {
  FakeAgent agent(server_.address(), {"b1"});
  agent.on_offer = [&](const v1::LeaseOffer& offer) { agent.Finish(agent.Measure(offer)); };
  ASSERT_TRUE(agent.Connect());
  v1::ReserveBoardRequest reserve;
  reserve.set_board_id("b1");
  reserve.set_user("ann");
  reserve.set_reason("debugging");
  reserve.set_expires_us(
      std::chrono::duration_cast<std::chrono::microseconds>(
          (std::chrono::system_clock::now() + std::chrono::hours(1)).time_since_epoch())
          .count());
  v1::Board board;
  grpc::Status status;
  Eventually([&] {
    auto context = Client::Context();
    status = client_.boards->ReserveBoard(context.get(), reserve, &board);
    return status.ok();
  });
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(board.state(), v1::BOARD_STATE_RESERVED);
  v1::Campaign campaign;
  v1::CampaignSpec spec = DigitsCampaign(client_);
  ASSERT_TRUE(client_.Submit(spec, "", &campaign).ok());
  EXPECT_EQ(campaign.counts().queued(), 6u);
  // It survives a restart, and only its owner releases it.
  server_.Kill();
  agent.Disconnect();
  ASSERT_TRUE(server_.Start());
  ASSERT_TRUE(agent.Connect());
  v1::ReleaseBoardRequest release;
  release.set_board_id("b1");
  release.set_user("bob");
  auto denied = Client::Context();
  EXPECT_EQ(client_.boards->ReleaseBoard(denied.get(), release, &board).error_code(),
            grpc::PERMISSION_DENIED);
  EXPECT_EQ(agent.offers, 0);
  auto maintenance_context = Client::Context();
  v1::SetMaintenanceRequest maintenance;
  maintenance.set_board_id("b1");
  maintenance.set_maintenance(true);
  maintenance.set_reason("new cable");
  ASSERT_TRUE(client_.boards->SetMaintenance(maintenance_context.get(), maintenance, &board).ok());
  auto release_context = Client::Context();
  release.set_user("ann");
  ASSERT_TRUE(client_.boards->ReleaseBoard(release_context.get(), release, &board).ok());
  EXPECT_EQ(board.state(), v1::BOARD_STATE_MAINTENANCE);
  EXPECT_EQ(agent.offers, 0);
  auto end_context = Client::Context();
  maintenance.set_maintenance(false);
  ASSERT_TRUE(client_.boards->SetMaintenance(end_context.get(), maintenance, &board).ok());
  client_.Watch(campaign.campaign_id(), 60);
  EXPECT_EQ(client_.GetCampaign(campaign.campaign_id()).counts().succeeded(), 6u);
}

TEST_F(ApiTest, GarbageOnTheAgentStreamEndsThatStreamOnly) {
  auto stub = v1::AgentService::NewStub(client_.channel);
  auto context = Client::Context();
  auto stream = stub->Connect(context.get());
  v1::AgentMessage message;
  message.mutable_heartbeat();
  stream->Write(message);
  v1::ServerMessage answer;
  EXPECT_FALSE(stream->Read(&answer));
  EXPECT_EQ(stream->Finish().error_code(), grpc::FAILED_PRECONDITION);

  FakeAgent agent(server_.address(), {"b1"});
  ASSERT_TRUE(agent.Connect());
  v1::AgentMessage nonsense;
  nonsense.mutable_result()->mutable_key()->set_job_id(12345);
  agent.Send(nonsense);
  nonsense.mutable_refused()->mutable_key()->set_job_id(12345);
  agent.Send(nonsense);
  nonsense.mutable_progress()->mutable_key()->set_job_id(12345);
  agent.Send(nonsense);
  agent.Send(v1::AgentMessage());
  EXPECT_TRUE(Eventually([&] {
    return agent.acks == 1;
  }));  // A result that nobody waits for must not be kept for ever.
}

TEST(Daemon, RefusesWhatItCannotDoWithItsOwnExitCode) {
  ServerProcess running;
  ASSERT_TRUE(running.Start());
  EXPECT_EQ(ServerProcess::Run({"--state", running.state().string()}), 2);
  TempDir dir;
  EXPECT_EQ(ServerProcess::Run({}), 1);
  EXPECT_EQ(ServerProcess::Run({"--help"}), 0);
  EXPECT_EQ(ServerProcess::Run({"--state", dir.path().string(), "--listen", "0.0.0.0:0"}), 1);
  EXPECT_EQ(ServerProcess::Run({"--state", dir.path().string(), "--listen", "nonsense"}), 1);
  EXPECT_EQ(ServerProcess::Run({"--state", (dir.path() / std::string(120, 'x')).string()}), 1);
  EXPECT_EQ(ServerProcess::Run({"--state", "/proc/nothing"}), 2);
  std::ofstream(dir.path() / "tinyrig.db") << std::string(5000, 'x');
  EXPECT_EQ(ServerProcess::Run({"--state", dir.path().string()}), 4);
}

}  // namespace
}  // namespace tinyrig::server
