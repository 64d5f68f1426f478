#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <mutex>

#include "tests/integration/server/client.h"
#include "tests/integration/server/fake_agent.h"
#include "tests/integration/server/server_process.h"

/// The care of a store while its server works, over the API.
namespace tinyrig::server {
namespace {

class StoreCareTest : public testing::Test {
 protected:
  /// Without reference jobs: they are leases and campaigns that nobody asked for here.
  void Start() {
    ASSERT_TRUE(server_.Start({"--reference-model", "none", "--query-seconds", "10"}));
    Serve(agent_);
    ASSERT_TRUE(agent_.Connect());
  }
  /// Every offer is measured; its fence is kept.
  void Serve(FakeAgent& agent) {
    agent.on_offer = [this, &agent](const v1::LeaseOffer& offer) {
      {
        const std::lock_guard lock(mutex_);
        fences_.push_back(offer.key().fence());
      }
      agent.Finish(agent.Measure(offer));
    };
  }
  static uint64_t Measure(Client& client) { return Run(client, DigitsCampaign(client), 6); }
  static uint64_t Run(Client& client, const v1::CampaignSpec& spec, uint32_t jobs) {
    v1::Campaign campaign;
    const grpc::Status status = client.Submit(spec, "", &campaign);
    EXPECT_TRUE(status.ok()) << status.error_message();
    client.Watch(campaign.campaign_id(), 60);
    EXPECT_EQ(client.GetCampaign(campaign.campaign_id()).counts().succeeded(), jobs);
    return campaign.campaign_id();
  }
  static v1::CheckStoreResponse Check(Client& client) {
    v1::CheckStoreRequest request;
    request.set_deep(true);
    v1::CheckStoreResponse response;
    const grpc::Status status =
        client.server->CheckStore(Client::Context().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  grpc::Status Backup(const std::string& name, v1::BackupResponse* response) {
    v1::BackupRequest request;
    request.set_name(name);
    return client_.server->Backup(Client::Context().get(), request, response);
  }
  v1::PruneResponse Prune(bool dry_run) {
    v1::PruneRequest request;
    request.set_dry_run(dry_run);
    request.set_ended_before_us(INT64_MAX);
    v1::PruneResponse response;
    const grpc::Status status = client_.server->Prune(Client::Context().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  ServerProcess server_;
  Client client_{server_.address()};
  FakeAgent agent_{server_.address(), {"b1", "b2"}};
  std::mutex mutex_;
  std::vector<uint64_t> fences_;
};

TEST_F(StoreCareTest, ABackupBecomesAServerWhoseFencesAreHigher) {
  Start();
  const uint64_t before = Measure(client_);
  v1::BackupResponse backup;
  const grpc::Status made = Backup("nightly.db", &backup);
  ASSERT_TRUE(made.ok()) << made.error_message();
  EXPECT_EQ(backup.path(), (server_.state() / "backups" / "nightly.db").string());
  EXPECT_EQ(backup.size_bytes(), std::filesystem::file_size(backup.path()));
  EXPECT_GE(Check(client_).database_bytes(), backup.size_bytes()) << "what is in the log counts";
  EXPECT_EQ(Backup("nightly.db", &backup).error_code(), grpc::StatusCode::ALREADY_EXISTS);
  for (const char* name : {"../x", "/tmp/x", ".hidden", "a b", "x/y"}) {
    EXPECT_EQ(Backup(name, &backup).error_code(), grpc::StatusCode::INVALID_ARGUMENT) << name;
  }
  const uint64_t after = Measure(client_);
  const uint64_t highest = *std::max_element(fences_.begin(), fences_.end());
  agent_.Disconnect();

  // As server/store/README.md says: an empty state folder, the copy as its database, the artifacts.
  ServerProcess other;
  std::filesystem::create_directory(other.state());
  std::filesystem::copy(server_.state() / "backups" / "nightly.db", other.state() / "tinyrig.db");
  std::filesystem::copy(server_.state() / "artifacts", other.state() / "artifacts",
                        std::filesystem::copy_options::recursive);
  server_.Terminate();
  ASSERT_TRUE(other.Start({"--reference-model", "none"}));
  Client client(other.address());
  EXPECT_EQ(Check(client).problems_size(), 0);
  EXPECT_EQ(client.GetCampaign(before).counts().succeeded(), 6u);
  EXPECT_EQ(client.Results(before).size(), 6u);
  fences_.clear();
  FakeAgent agent(other.address(), {"b1", "b2"});
  Serve(agent);
  ASSERT_TRUE(agent.Connect());
  // The number of the campaign that the copy does not know is given again, its fences are not.
  EXPECT_EQ(Measure(client), after);
  ASSERT_FALSE(fences_.empty());
  EXPECT_GT(*std::min_element(fences_.begin(), fences_.end()), highest);
}

TEST_F(StoreCareTest, DamagedArtifactsAreFound) {
  Start();
  Measure(client_);
  EXPECT_EQ(Check(client_).problems_size(), 0);
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(server_.state() / "artifacts")) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  ASSERT_GT(files.size(), 2u);
  std::filesystem::resize_file(files[0], std::filesystem::file_size(files[0]) + 1);
  const v1::CheckStoreResponse checked = Check(client_);
  ASSERT_EQ(checked.problems_size(), 1);
  EXPECT_NE(checked.problems(0).find("changed on disk"), std::string::npos) << checked.problems(0);
  EXPECT_EQ(checked.artifacts(), files.size());
}

TEST_F(StoreCareTest, PruningForgetsWhatIsOldAndTheServerGoesOn) {
  Start();
  Measure(client_);
  const uint64_t files = Check(client_).artifacts();
  // The files are as old as their campaign.
  const timespec old[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(server_.state() / "artifacts")) {
    if (entry.is_regular_file()) ::utimensat(AT_FDCWD, entry.path().c_str(), old, 0);
  }
  const v1::PruneResponse planned = Prune(true);
  EXPECT_EQ(planned.jobs(), 6u);
  EXPECT_EQ(Check(client_).artifacts(), files);
  const v1::PruneResponse pruned = Prune(false);
  EXPECT_EQ(pruned.ShortDebugString(), planned.ShortDebugString());
  EXPECT_EQ(pruned.campaigns(), 1u);
  EXPECT_GT(pruned.measurements(), 6u * 20);
  EXPECT_GT(pruned.artifacts(), 6u);  // Raw results, blobs, models.
  const v1::CheckStoreResponse checked = Check(client_);
  EXPECT_EQ(checked.problems_size(), 0);
  EXPECT_EQ(checked.artifacts(), files - pruned.artifacts());
  std::vector<std::string> rows;
  ASSERT_TRUE(client_.Query("SELECT count(*) FROM jobs", &rows).ok());
  EXPECT_EQ(rows.back(), "0");
  // The firmware is still there.
  Measure(client_);
  EXPECT_EQ(Check(client_).problems_size(), 0);
}

TEST_F(StoreCareTest, ALongQueryMissesNoLease) {
  Start();
  std::atomic<bool> ended{false};
  grpc::Status status;
  std::chrono::steady_clock::duration took{};
  std::thread query([&] {
    v1::QueryRequest request;
    request.set_sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n");
    const auto context = Client::Context(60);
    const auto begun = std::chrono::steady_clock::now();
    const auto reader = client_.results->Query(context.get(), request);
    for (v1::QueryRow row; reader->Read(&row);) {
    }
    status = reader->Finish();
    took = std::chrono::steady_clock::now() - begun;
    ended = true;
  });
  v1::CampaignSpec spec = DigitsCampaign(client_);  // Of one job, soon measured.
  spec.mutable_models()->RemoveLast();
  spec.mutable_variants()->mutable_kernels()->RemoveLast();
  spec.mutable_variants()->clear_weights();
  spec.mutable_vectors()->set_patterns("AB");
  std::vector<uint64_t> campaigns;
  do {
    campaigns.push_back(Run(client_, spec, 1));
  } while (!ended);
  query.join();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << status.error_message();
  EXPECT_GE(took, std::chrono::seconds(10));
  // Whatever waited for the query would have been one or two.
  EXPECT_GE(campaigns.size(), 10u);
  RecordProperty("campaigns", static_cast<int>(campaigns.size()));
  // Each lease was taken up once, ended once and acknowledged.
  for (const uint64_t campaign : campaigns) {
    for (const v1::JobResult& result : client_.Results(campaign)) EXPECT_EQ(result.attempt(), 1u);
  }
  const auto leases = static_cast<int>(campaigns.size());
  EXPECT_TRUE(Eventually([&] { return agent_.acks == leases; }));
  EXPECT_EQ(agent_.offers, leases);
}

}  // namespace
}  // namespace tinyrig::server
