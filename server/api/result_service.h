#pragma once

#include "proto/tinyrig/v1/results.grpc.pb.h"
#include "server/service/backend.h"

namespace tinyrig::server {

/// tinyrig.v1.ResultService.
class ResultServiceImpl final : public v1::ResultService::CallbackService {
 public:
  explicit ResultServiceImpl(Backend& backend) : backend_(backend) {}

  grpc::ServerUnaryReactor* ListResults(grpc::CallbackServerContext* context,
                                        const v1::ListResultsRequest* request,
                                        v1::ListResultsResponse* response) override;
  grpc::ServerUnaryReactor* GetFront(grpc::CallbackServerContext* context,
                                     const v1::GetFrontRequest* request,
                                     v1::Front* response) override;
  grpc::ServerWriteReactor<v1::QueryRow>* Query(grpc::CallbackServerContext* context,
                                                const v1::QueryRequest* request) override;
  grpc::ServerUnaryReactor* CompareJobs(grpc::CallbackServerContext* context,
                                        const v1::CompareJobsRequest* request,
                                        v1::CompareJobsResponse* response) override;

 private:
  Backend& backend_;
};

}  // namespace tinyrig::server
