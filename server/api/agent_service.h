#pragma once

#include "proto/tinyrig/v1/agent.grpc.pb.h"
#include "server/service/backend.h"

namespace tinyrig::server {

/// tinyrig.v1.AgentService: one stream a bench. Messages are handed to the dispatcher on the io
/// thread.
class AgentServiceImpl final : public v1::AgentService::CallbackService {
 public:
  explicit AgentServiceImpl(Backend& backend) : backend_(backend) {}

  grpc::ServerBidiReactor<v1::AgentMessage, v1::ServerMessage>* Connect(
      grpc::CallbackServerContext* context) override;

 private:
  Backend& backend_;
};

}  // namespace tinyrig::server
