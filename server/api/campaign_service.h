#pragma once

#include "proto/tinyrig/v1/campaigns.grpc.pb.h"
#include "server/service/backend.h"

namespace tinyrig::server {

/// tinyrig.v1.CampaignService. Planning a submission runs on the pool, storing it on the io thread.
class CampaignServiceImpl final : public v1::CampaignService::CallbackService {
 public:
  explicit CampaignServiceImpl(Backend& backend) : backend_(backend) {}

  grpc::ServerUnaryReactor* SubmitCampaign(grpc::CallbackServerContext* context,
                                           const v1::SubmitCampaignRequest* request,
                                           v1::Campaign* response) override;
  grpc::ServerUnaryReactor* GetCampaign(grpc::CallbackServerContext* context,
                                        const v1::GetCampaignRequest* request,
                                        v1::Campaign* response) override;
  grpc::ServerUnaryReactor* ListCampaigns(grpc::CallbackServerContext* context,
                                          const v1::ListCampaignsRequest* request,
                                          v1::ListCampaignsResponse* response) override;
  grpc::ServerUnaryReactor* CancelCampaign(grpc::CallbackServerContext* context,
                                           const v1::CancelCampaignRequest* request,
                                           v1::Campaign* response) override;
  grpc::ServerWriteReactor<v1::CampaignEvent>* WatchCampaign(
      grpc::CallbackServerContext* context, const v1::WatchCampaignRequest* request) override;

 private:
  Backend& backend_;
};

}  // namespace tinyrig::server
