#include "tests/integration/agent_uplink/fake_server.h"

#include <utility>

namespace tinyrig::agent {

void FakeServer::Start(const std::string& instance_id) {
  instance_id_ = instance_id;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
}

void FakeServer::Stop() {
  if (!server_) return;
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  server_.reset();
}

grpc::Status FakeServer::Connect(grpc::ServerContext*, Stream* stream) {
  v1::AgentMessage message;
  while (stream->Read(&message)) {
    const std::lock_guard lock(mutex_);
    if (message.has_hello()) {
      v1::ServerMessage welcome;
      welcome.mutable_welcome()->set_server_instance_id(instance_id_);
      stream->Write(welcome);
      stream_ = stream;
    }
    inbox_.push_back(std::move(message));
    arrived_.notify_all();
  }
  const std::lock_guard lock(mutex_);
  if (stream_ == stream) stream_ = nullptr;
  return grpc::Status::OK;
}

bool FakeServer::Send(const v1::ServerMessage& message) {
  const std::lock_guard lock(mutex_);
  return stream_ != nullptr && stream_->Write(message);
}

std::optional<v1::AgentMessage> FakeServer::Take(const Wanted& wanted,
                                                 std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::unique_lock lock(mutex_);
  for (;;) {
    while (!inbox_.empty()) {
      v1::AgentMessage message = std::move(inbox_.front());
      inbox_.pop_front();
      if (wanted(message)) return message;
    }
    if (arrived_.wait_until(lock, deadline) == std::cv_status::timeout && inbox_.empty()) {
      return std::nullopt;
    }
  }
}

std::deque<v1::AgentMessage> FakeServer::TakeAll() {
  const std::lock_guard lock(mutex_);
  return std::exchange(inbox_, {});
}

}  // namespace tinyrig::agent
