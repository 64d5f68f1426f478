#pragma once

#include "proto/tinyrig/v1/jobs.grpc.pb.h"
#include "server/service/backend.h"

namespace tinyrig::server {

/// tinyrig.v1.JobService.
class JobServiceImpl final : public v1::JobService::CallbackService {
 public:
  explicit JobServiceImpl(Backend& backend) : backend_(backend) {}

  grpc::ServerUnaryReactor* GetJob(grpc::CallbackServerContext* context,
                                   const v1::GetJobRequest* request, v1::Job* response) override;
  grpc::ServerUnaryReactor* ListJobs(grpc::CallbackServerContext* context,
                                     const v1::ListJobsRequest* request,
                                     v1::ListJobsResponse* response) override;
  grpc::ServerUnaryReactor* CancelJob(grpc::CallbackServerContext* context,
                                      const v1::CancelJobRequest* request,
                                      v1::Job* response) override;
  grpc::ServerUnaryReactor* RerunJob(grpc::CallbackServerContext* context,
                                     const v1::RerunJobRequest* request,
                                     v1::Job* response) override;
  grpc::ServerUnaryReactor* GetManifest(grpc::CallbackServerContext* context,
                                        const v1::GetManifestRequest* request,
                                        v1::Manifest* response) override;
  grpc::ServerWriteReactor<v1::LogLine>* StreamLogs(grpc::CallbackServerContext* context,
                                                    const v1::StreamLogsRequest* request) override;

 private:
  Backend& backend_;
};

}  // namespace tinyrig::server
