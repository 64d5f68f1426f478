#include "server/api/agent_service.h"

#include <fmt/format.h>

#include <memory>

#include "server/api/bidi_stream.h"
#include "server/service/agent_messages.h"
#include "server/service/offer_times.h"

namespace tinyrig::server {
namespace {

class AgentStream final : public BidiStream<v1::AgentMessage, v1::ServerMessage>, public AgentLink {
 public:
  using BidiStream::BidiStream;

  void Send(v1::ServerMessage message) override {
    if (message.has_offer()) {
      const Lease* lease = LeaseOf(message.offer().key());
      if (lease != nullptr) times_.Offered(*lease, backend_.clock.Now());
    }
    Write(std::move(message));
  }
  void Close(const Status& reason) override { End(reason); }

 private:
  void Received(v1::AgentMessage& message) override {
    // Nobody takes another bench's place.
    if (message.has_hello() && !caller().local && message.hello().agent_id() != caller().user) {
      return End(Status(
          Code::kPermissionDenied,
          fmt::format("{} lets in the agent '{}', and this one calls itself '{}'; give the agent "
                      "that --agent-id, or the right token or certificate",
                      caller().by, caller().user, message.hello().agent_id())));
    }
    if (message.has_result()) {
      const Lease* lease = LeaseOf(message.result().key());
      if (lease != nullptr) times_.Reported(*lease, backend_.clock.Now());
    }
    backend_.dispatcher.Message(Link(), message);
    if (message.has_heartbeat()) times_.Forget();
  }
  void Gone() override { backend_.dispatcher.Disconnected(Link()); }
  std::shared_ptr<AgentLink> Link() {
    return std::static_pointer_cast<AgentStream>(shared_from_this());
  }
  /// nullptr when it is not in force.
  const Lease* LeaseOf(const v1::AttemptKey& key) const {
    return backend_.dispatcher.scheduler().Find(KeyOf(key));
  }

  OfferTimes times_;
};

}  // namespace

grpc::ServerBidiReactor<v1::AgentMessage, v1::ServerMessage>* AgentServiceImpl::Connect(
    grpc::CallbackServerContext* context) {
  return AgentStream::Start(context, std::make_shared<AgentStream>(backend_));
}

}  // namespace tinyrig::server
