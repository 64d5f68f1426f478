#pragma once

#include "proto/tinyrig/v1/server.grpc.pb.h"
#include "server/service/backend.h"

namespace tinyrig::server {

/// tinyrig.v1.ServerService.
class ServerServiceImpl final : public v1::ServerService::CallbackService {
 public:
  explicit ServerServiceImpl(Backend& backend) : backend_(backend) {}

  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context,
                                          const v1::GetServerInfoRequest* request,
                                          v1::ServerInfo* response) override;
  grpc::ServerUnaryReactor* SetDrain(grpc::CallbackServerContext* context,
                                     const v1::SetDrainRequest* request,
                                     v1::ServerInfo* response) override;
  grpc::ServerUnaryReactor* CheckStore(grpc::CallbackServerContext* context,
                                       const v1::CheckStoreRequest* request,
                                       v1::CheckStoreResponse* response) override;
  grpc::ServerUnaryReactor* Backup(grpc::CallbackServerContext* context,
                                   const v1::BackupRequest* request,
                                   v1::BackupResponse* response) override;
  grpc::ServerUnaryReactor* Prune(grpc::CallbackServerContext* context,
                                  const v1::PruneRequest* request,
                                  v1::PruneResponse* response) override;

 private:
  void Describe(v1::ServerInfo* info) const;

  Backend& backend_;
};

}  // namespace tinyrig::server
