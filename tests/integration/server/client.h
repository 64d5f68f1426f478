#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "proto/tinyrig/v1/artifacts.grpc.pb.h"
#include "proto/tinyrig/v1/boards.grpc.pb.h"
#include "proto/tinyrig/v1/campaigns.grpc.pb.h"
#include "proto/tinyrig/v1/jobs.grpc.pb.h"
#include "proto/tinyrig/v1/results.grpc.pb.h"
#include "proto/tinyrig/v1/server.grpc.pb.h"

namespace tinyrig::server {

/// Blocking calls against a server; every call has a deadline.
class Client {
 public:
  explicit Client(const std::string& address);

  /// A context that ends after `seconds` and waits for the server to be there.
  static std::unique_ptr<grpc::ClientContext> Context(int seconds = 20);

  grpc::Status Upload(const v1::ArtifactRef& artifact, const std::string& bytes,
                      size_t chunk = 100'000);
  /// Empty when it is not there.
  std::string Download(const std::string& sha256, uint64_t offset = 0);
  /// Uploads a file and returns what refers to it.
  v1::ArtifactRef UploadFile(const std::filesystem::path& path);

  grpc::Status Submit(const v1::CampaignSpec& spec, const std::string& key, v1::Campaign* campaign);
  v1::Campaign GetCampaign(uint64_t campaign_id);
  v1::Job GetJob(uint64_t job_id);
  /// All ended jobs of a campaign.
  std::vector<v1::JobResult> Results(uint64_t campaign_id, bool with_layers = false);
  /// Watches until the campaign has ended or `seconds` are over; returns what came.
  std::vector<v1::CampaignEvent> Watch(uint64_t campaign_id, int seconds, uint64_t after = 0);
  /// Rows as text, columns joined by '|'; or the error.
  grpc::Status Query(const std::string& sql, std::vector<std::string>* rows);

  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::CampaignService::Stub> campaigns;
  std::unique_ptr<v1::JobService::Stub> jobs;
  std::unique_ptr<v1::BoardService::Stub> boards;
  std::unique_ptr<v1::ResultService::Stub> results;
  std::unique_ptr<v1::ArtifactService::Stub> artifacts;
  std::unique_ptr<v1::ServerService::Stub> server;
};

/// Whether the condition came true within `seconds`.
template <typename Condition>
bool Eventually(Condition condition, int seconds = 30) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

/// Folder of the project's own models.
std::filesystem::path Zoo();
/// The spec of a campaign over the zoo's two digit models with every variant that compiles: six
/// jobs.
v1::CampaignSpec DigitsCampaign(Client& client);
/// Value of a metric; fails the test when it is not there.
double MetricOf(const v1::JobResult& result, const std::string& metric);

}  // namespace tinyrig::server
