#include "server/api/agent_service.h"

#include <boost/asio/post.hpp>
#include <deque>
#include <memory>

#include "server/api/unary.h"

namespace tinyrig::server {
namespace {

// One agent stream. Callbacks of gRPC only post; everything else runs on the io thread. One read
// and one write are outstanding at most, and Finish() waits for the write: gRPC demands it.
class AgentStream final : public grpc::ServerBidiReactor<v1::AgentMessage, v1::ServerMessage>,
                          public AgentLink,
                          public std::enable_shared_from_this<AgentStream> {
 public:
  explicit AgentStream(Backend& backend) : backend_(backend) {}

  void Start(std::shared_ptr<AgentStream> self) {
    self_ = std::move(self);
    StartRead(&incoming_);
  }

  // The next message is read after this one was handled: a flood waits in the client.
  void OnReadDone(bool ok) override {
    Post([ok](AgentStream& stream) {
      if (!ok) return stream.Ended();
      stream.backend_.dispatcher.Message(stream.shared_from_this(), stream.incoming_);
      if (!stream.finished_) stream.StartRead(&stream.incoming_);
    });
  }

  void OnWriteDone(bool ok) override {
    Post([ok](AgentStream& stream) {
      stream.writing_ = false;
      stream.outgoing_.pop_front();
      if (!ok) stream.outgoing_.clear();
      stream.Continue();
    });
  }

  void OnCancel() override {
    Post([](AgentStream& stream) { stream.Ended(); });
  }

  void OnDone() override { self_.reset(); }

  void Send(v1::ServerMessage message) override {
    if (closing_) return;
    outgoing_.push_back(std::move(message));
    Continue();
  }

  void Close(const Status& reason) override {
    if (closing_) return;
    closing_ = true;
    reason_ = reason;
    Continue();
  }

 private:
  template <typename Work>
  void Post(Work work) {
    boost::asio::post(backend_.executors.io, [self = shared_from_this(), work] { work(*self); });
  }

  void Ended() {
    backend_.dispatcher.Disconnected(shared_from_this());
    outgoing_.resize(writing_ ? 1 : 0);
    Close(OkStatus());
  }

  void Continue() {
    if (writing_ || finished_) return;
    if (!outgoing_.empty()) {
      writing_ = true;
      StartWrite(&outgoing_.front());
    } else if (closing_) {
      finished_ = true;
      Finish(ToGrpc(reason_));
    }
  }

  Backend& backend_;
  v1::AgentMessage incoming_;
  std::deque<v1::ServerMessage> outgoing_;
  bool writing_ = false;
  bool closing_ = false;
  bool finished_ = false;
  Status reason_;
  std::shared_ptr<AgentStream> self_;
};

}  // namespace

grpc::ServerBidiReactor<v1::AgentMessage, v1::ServerMessage>* AgentServiceImpl::Connect(
    grpc::CallbackServerContext*) {
  auto stream = std::make_shared<AgentStream>(backend_);
  AgentStream* raw = stream.get();
  raw->Start(std::move(stream));
  return raw;
}

}  // namespace tinyrig::server
