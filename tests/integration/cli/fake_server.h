#pragma once

#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "proto/tinyrig/v1/artifacts.grpc.pb.h"
#include "proto/tinyrig/v1/boards.grpc.pb.h"
#include "proto/tinyrig/v1/campaigns.grpc.pb.h"
#include "proto/tinyrig/v1/jobs.grpc.pb.h"
#include "proto/tinyrig/v1/results.grpc.pb.h"
#include "proto/tinyrig/v1/server.grpc.pb.h"

/// A server that answers from a script, on a unix socket of its own: for outcomes that real boards
/// do not give on demand. What it does not have answers UNIMPLEMENTED, as gRPC does by itself.
namespace tinyrig::cli {

/// What the server knows; a test fills it before it starts.
struct Script {
  std::vector<v1::JobResult> results;     ///< Outcomes of the one campaign, number 1.
  std::vector<v1::CampaignEvent> events;  ///< All that WatchCampaign tells.
  size_t events_per_stream = 1'000'000;  ///< Then the stream breaks off, as if the server had died.
  size_t page_size = 1'000;              ///< Of lists.
};

class FakeServer : public v1::CampaignService::Service,
                   public v1::JobService::Service,
                   public v1::ResultService::Service,
                   public v1::ArtifactService::Service,
                   public v1::ServerService::Service {
 public:
  FakeServer(const std::string& socket, Script script);
  ~FakeServer() override { server_->Shutdown(std::chrono::system_clock::now()); }

  const std::string& address() const { return address_; }
  /// Files by SHA-256 as they arrived, and how often one was uploaded.
  std::map<std::string, std::string> Files() const;
  size_t uploads() const;
  std::vector<v1::SubmitCampaignRequest> Submissions() const;
  /// `after_event` of every WatchCampaign.
  std::vector<uint64_t> Watches() const;

 private:
  using Context = grpc::ServerContext;
  grpc::Status GetServerInfo(Context*, const v1::GetServerInfoRequest*,
                             v1::ServerInfo* info) override;
  grpc::Status StatUpload(Context*, const v1::StatUploadRequest* request,
                          v1::UploadState* state) override;
  grpc::Status UploadArtifact(Context*, grpc::ServerReader<v1::UploadArtifactRequest>* reader,
                              v1::ArtifactRef* stored) override;
  grpc::Status SubmitCampaign(Context*, const v1::SubmitCampaignRequest* request,
                              v1::Campaign* campaign) override;
  grpc::Status GetCampaign(Context*, const v1::GetCampaignRequest* request,
                           v1::Campaign* campaign) override;
  grpc::Status ListCampaigns(Context*, const v1::ListCampaignsRequest*,
                             v1::ListCampaignsResponse* list) override;
  grpc::Status WatchCampaign(Context*, const v1::WatchCampaignRequest* request,
                             grpc::ServerWriter<v1::CampaignEvent>* writer) override;
  grpc::Status ListJobs(Context*, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* list) override;
  grpc::Status ListResults(Context*, const v1::ListResultsRequest* request,
                           v1::ListResultsResponse* list) override;
  grpc::Status GetFront(Context*, const v1::GetFrontRequest* request, v1::Front* front) override;
  grpc::Status Query(Context*, const v1::QueryRequest* request,
                     grpc::ServerWriter<v1::QueryRow>* writer) override;

  void FillCampaign(v1::Campaign& campaign) const;

  const std::string address_;
  const Script script_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string> files_;
  std::map<std::string, std::string> partial_;
  size_t uploads_ = 0;
  size_t told_ = 0;  ///< Events that were told so far: the campaign ends when all were.
  std::vector<v1::SubmitCampaignRequest> submissions_;
  std::vector<uint64_t> watches_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace tinyrig::cli
