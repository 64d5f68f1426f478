#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "proto/tinyrig/v1/agent.grpc.pb.h"

namespace tinyrig::agent {

/// A server with the agent service only, on a unix socket: welcomes every hello, keeps what agents
/// send for the test to take, and says what the test tells it to. Real gRPC, no scheduler behind
/// it.
class FakeServer final : public v1::AgentService::Service {
 public:
  explicit FakeServer(std::string address) : address_(std::move(address)) {}
  ~FakeServer() override { Stop(); }

  void Start(const std::string& instance_id = "server-1");
  void Stop();

  /// Sends on the newest stream. False when there is none.
  bool Send(const v1::ServerMessage& message);

  using Wanted = std::function<bool(const v1::AgentMessage&)>;
  /// Takes the first message that is wanted; those before it are thrown away. Nothing after
  /// `limit`.
  std::optional<v1::AgentMessage> Take(const Wanted& wanted,
                                       std::chrono::milliseconds limit = std::chrono::seconds(20));
  /// What is there now, in order.
  std::deque<v1::AgentMessage> TakeAll();

 private:
  using Stream = grpc::ServerReaderWriter<v1::ServerMessage, v1::AgentMessage>;
  grpc::Status Connect(grpc::ServerContext* context, Stream* stream) override;

  const std::string address_;
  std::unique_ptr<grpc::Server> server_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::string instance_id_;
  std::deque<v1::AgentMessage> inbox_;
  Stream* stream_ = nullptr;
};

}  // namespace tinyrig::agent
