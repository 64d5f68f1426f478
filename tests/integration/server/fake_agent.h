#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "proto/tinyrig/v1/agent.grpc.pb.h"
#include "tests/integration/server/client.h"

namespace tinyrig::server {

/// An agent that speaks the real protocol and runs offers by a script instead of on boards. What a
/// real agent keeps on disk (the spool) is here a map that survives Disconnect().
///
///   FakeAgent agent(address, {"b1"});
///   agent.on_offer = [&](const v1::LeaseOffer& offer) { agent.Finish(agent.Measure(offer)); };
///   agent.Connect();
class FakeAgent {
 public:
  FakeAgent(std::string address, std::vector<std::string> boards, std::string id = "bench-1");
  ~FakeAgent();

  /// Opens a stream: hello with everything held, then the spool again. False when there is no
  /// server.
  bool Connect();
  /// The stream breaks. `forget`: the process died and its spool with it (a new bench).
  void Disconnect(bool forget = false);
  /// Connects again whenever the stream ends, until Disconnect().
  void ConnectForever();

  /// Called on the stream's thread for each offer.
  std::function<void(const v1::LeaseOffer&)> on_offer;
  std::function<void(const v1::LeaseCancel&)> on_cancel;

  /// What a board would answer: runs the offered blob on this host over the offered vectors.
  v1::AttemptResult Measure(const v1::LeaseOffer& offer);
  static v1::AttemptResult Failed(const v1::LeaseOffer& offer, v1::FailureOwner owner,
                                  const std::string& message);
  /// Spools and sends.
  void Finish(const v1::AttemptResult& result);
  void Refuse(const v1::LeaseOffer& offer, const std::string& reason);
  void Progress(const v1::LeaseOffer& offer, const std::string& phase, uint32_t done,
                uint32_t total, const std::string& log);
  void Send(const v1::AgentMessage& message);

  std::set<std::string> broken;  ///< Boards reported as broken.
  std::atomic<int> offers{0};
  std::atomic<int> acks{0};
  std::atomic<int> cancels{0};
  std::atomic<bool> lose_acks{false};  ///< As if the connection broke before they arrived.

 private:
  using Stream = grpc::ClientReaderWriter<v1::AgentMessage, v1::ServerMessage>;
  static std::string KeyText(const v1::AttemptKey& key);
  void Read();
  void Handle(const v1::ServerMessage& message);

  Client client_;
  std::string id_;
  std::vector<std::string> boards_;
  std::unique_ptr<v1::AgentService::Stub> stub_;
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<Stream> stream_;
  std::thread reader_;
  std::thread forever_;
  std::atomic<bool> again_{false};
  std::atomic<bool> connected_{false};
  std::mutex mutex_;  // Guards writes and the two maps.
  std::map<std::string, v1::AttemptKey> running_;
  std::map<std::string, v1::AttemptResult> spool_;
};

/// Whether the server wants to know how the board is: a job of its own (see
/// server/service/reference_jobs.h).
bool IsReference(const v1::LeaseOffer& offer);

}  // namespace tinyrig::server
