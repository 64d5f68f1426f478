#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "proto/tinyrig/v1/access.grpc.pb.h"
#include "tests/integration/server/client.h"
#include "tests/integration/server/fake_agent.h"
#include "tests/integration/server/raw_call.h"
#include "tests/integration/server/server_process.h"

namespace tinyrig::server {
namespace {

/// What /metrics says of a queue that is worked off. Its format is read by tests/integration/http.
class MetricsTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.Start({"--listen", server_.address(), "--http", "127.0.0.1:0"}));
    v1::CreateTokenRequest request;
    request.set_name("prometheus");
    request.set_user("prometheus");
    request.set_role(v1::ROLE_VIEWER);
    v1::CreateTokenResponse response;
    const auto access = v1::AccessService::NewStub(client_.channel);
    ASSERT_TRUE(access->CreateToken(Client::Context().get(), request, &response).ok());
    secret_ = response.secret();
  }

  std::map<std::string, double> Metrics() {
    std::istringstream answer(SendBytes(server_.addresses().back(),
                                        "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                        "Authorization: Bearer " +
                                            secret_ + "\r\n\r\n"));
    std::map<std::string, double> samples;
    for (std::string line; std::getline(answer, line);) {
      const size_t blank = line.rfind(' ');
      if (line.starts_with("tinyrig_")) {
        samples[line.substr(0, blank)] = std::stod(line.substr(blank));
      }
    }
    return samples;
  }
  uint64_t Submit(int32_t priority) {
    v1::CampaignSpec spec = DigitsCampaign(client_);
    spec.set_priority(priority);
    v1::Campaign campaign;
    const grpc::Status status = client_.Submit(spec, std::to_string(priority), &campaign);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return campaign.campaign_id();
  }

  ServerProcess server_;
  Client client_{server_.address()};
  std::string secret_;
};

TEST_F(MetricsTest, TheQueueIsCountedByPriority) {
  Submit(3);
  Submit(-2);
  std::map<std::string, double> metrics = Metrics();
  EXPECT_EQ(metrics["tinyrig_queue_priority_jobs{priority=\"3\"}"], 6);
  EXPECT_EQ(metrics["tinyrig_queue_priority_jobs{priority=\"-2\"}"], 6);
  EXPECT_EQ(metrics["tinyrig_queue_jobs{board_type=\"virtual_m4\"}"], 12);
  EXPECT_EQ(metrics["tinyrig_queue_wait_seconds_count"], 0);
}

TEST_F(MetricsTest, EveryOfferIsCountedAndHowSoonItCameAfterAResult) {
  FakeAgent agent(server_.address(), {"b1"});
  agent.on_offer = [&](const v1::LeaseOffer& offer) { agent.Finish(agent.Measure(offer)); };
  const uint64_t campaign = Submit(0);
  ASSERT_TRUE(agent.Connect());
  client_.Watch(campaign, 60);
  ASSERT_EQ(client_.GetCampaign(campaign).counts().succeeded(), 6u);
  std::map<std::string, double> metrics;
  // A board that is idle long enough is checked: one more offer, and no job waited for it.
  EXPECT_TRUE(Eventually([&] {
    metrics = Metrics();
    return metrics["tinyrig_queue_wait_seconds_count"] == agent.offers;
  }));
  EXPECT_GE(metrics["tinyrig_queue_wait_seconds_count"], 6);
  EXPECT_EQ(metrics["tinyrig_dispatch_seconds_count"], 5) << "six jobs, one board";
  EXPECT_GT(metrics["tinyrig_dispatch_seconds_sum"], 0);
  EXPECT_GE(metrics["tinyrig_queue_wait_seconds_sum"], metrics["tinyrig_dispatch_seconds_sum"]);
  EXPECT_EQ(metrics.count("tinyrig_queue_priority_jobs{priority=\"0\"}"), 0u);

  // The board was idle when these came: the first of them waited for nothing.
  client_.Watch(Submit(1), 60);
  EXPECT_TRUE(Eventually([&] { return Metrics()["tinyrig_dispatch_seconds_count"] == 10; }));
  EXPECT_GE(Metrics()["tinyrig_queue_wait_seconds_count"], 12);
}

}  // namespace
}  // namespace tinyrig::server
