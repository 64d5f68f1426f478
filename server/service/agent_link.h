#pragma once

#include "proto/status/status.h"
#include "proto/tinyrig/v1/agent.pb.h"

namespace tinyrig::server {

/// The server's end of one agent stream, as the dispatcher sees it. Methods are called on the io
/// thread and return at once; after Close() nothing is sent any more.
class AgentLink {
 public:
  virtual ~AgentLink() = default;
  virtual void Send(v1::ServerMessage message) = 0;
  virtual void Close(const Status& reason) = 0;
};

}  // namespace tinyrig::server
