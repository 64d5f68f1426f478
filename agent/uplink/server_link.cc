#include "agent/uplink/server_link.h"

#include <spdlog/spdlog.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <deque>

#include "proto/text/clean.h"

namespace tinyrig::agent {
namespace {

constexpr int kKeepaliveMs = 10'000;
constexpr int kMaxMessageBytes = 64 << 20;
/// A stream that lived so long was a good one: the next dial does not wait long.
constexpr std::chrono::seconds kGoodStream{10};

}  // namespace

Result<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& address,
                                                   const ChannelSecurity& security) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // Despite its name this is the time that a connection may take to be made.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000);
  // Each agent of a process (in tests) reconnects on its own.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  return OpenChannel(address, security, arguments);
}

// One call. At most one read and one write are outstanding; a hold keeps gRPC from ending the call
// while the io thread may still start one, and goes when a read failed and no write is under way.
class ServerLink::Stream final
    : public grpc::ClientBidiReactor<v1::AgentMessage, v1::ServerMessage>,
      public std::enable_shared_from_this<Stream> {
 public:
  explicit Stream(ServerLink& link) : link_(link), work_(link.io_.get_executor()) {}

  void Start(v1::AgentMessage hello) {
    self_ = shared_from_this();
    link_.stub_->async()->Connect(&context_, this);
    AddHold();
    CleanText(&hello);
    outgoing_.push_back(std::move(hello));
    writing_ = true;
    StartWrite(&outgoing_.front());
    StartRead(&incoming_);
    StartCall();
  }

  void Send(v1::AgentMessage message) {
    if (ended_) return;
    // The server cannot read a message with other text, and would hang up each time that it comes.
    CleanText(&message);
    outgoing_.push_back(std::move(message));
    WriteNext();
  }

  void Cancel() { context_.TryCancel(); }
  size_t queued() const { return outgoing_.size(); }

  void OnReadDone(bool ok) override {
    asio::post(link_.io_, [self = shared_from_this(), ok] { self->Read(ok); });
  }

  void OnWriteDone(bool ok) override {
    asio::post(link_.io_, [self = shared_from_this(), ok] { self->Written(ok); });
  }

  void OnDone(const grpc::Status& status) override {
    asio::post(link_.io_, [self = std::move(self_), status] {
      self->link_.Ended(status);
      self->work_.reset();
    });
  }

 private:
  void Read(bool ok) {
    if (!ok) {
      ended_ = true;
      context_.TryCancel();
      if (!writing_) RemoveHold();
      return;
    }
    link_.Received(std::move(incoming_));
    incoming_.Clear();
    StartRead(&incoming_);
  }

  void Written(bool ok) {
    writing_ = false;
    outgoing_.pop_front();
    if (ended_) return RemoveHold();
    // The read that is outstanding fails then and ends the stream.
    if (!ok) return context_.TryCancel();
    WriteNext();
  }

  void WriteNext() {
    if (writing_ || outgoing_.empty()) return;
    writing_ = true;
    StartWrite(&outgoing_.front());
  }

  ServerLink& link_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  grpc::ClientContext context_;
  v1::ServerMessage incoming_;
  std::deque<v1::AgentMessage> outgoing_;
  bool writing_ = false;
  bool ended_ = false;
  std::shared_ptr<Stream> self_;
};

ServerLink::ServerLink(boost::asio::io_context& io, std::shared_ptr<grpc::Channel> channel,
                       Listener& listener)
    : io_(io),
      stub_(v1::AgentService::NewStub(std::move(channel))),
      listener_(listener),
      redial_(io) {}

ServerLink::~ServerLink() = default;

void ServerLink::Start() { Dial(); }

void ServerLink::Stop() {
  stopped_ = true;
  connected_ = false;
  redial_.cancel();
  if (stream_) stream_->Cancel();
}

bool ServerLink::Send(v1::AgentMessage message) {
  if (!connected_) return false;
  stream_->Send(std::move(message));
  return true;
}

size_t ServerLink::queued() const { return stream_ ? stream_->queued() : 0; }

void ServerLink::Dial() {
  v1::AgentMessage hello;
  *hello.mutable_hello() = listener_.MakeHello();
  stream_ = std::make_shared<Stream>(*this);
  stream_->Start(std::move(hello));
}

void ServerLink::Received(v1::ServerMessage message) {
  if (stopped_) return;
  if (message.has_welcome()) {
    spdlog::info("connected to server {}", message.welcome().server_instance_id());
    connected_ = true;
    welcomed_ = Clock::now();
    last_failure_.clear();
    listener_.OnWelcome();
  }
  listener_.OnMessage(std::move(message));
}

void ServerLink::Ended(const grpc::Status& status) {
  if (connected_ && Clock::now() - welcomed_ > kGoodStream) backoff_.Reset();
  connected_ = false;
  stream_.reset();
  if (stopped_) return;
  // A server that is away for a night is one line in the log.
  const std::string failure = status.ok() ? "the server closed the stream" : status.error_message();
  spdlog::log(failure == last_failure_ ? spdlog::level::debug : spdlog::level::warn,
              "no server: {}; trying again", failure);
  last_failure_ = failure;
  redial_.expires_after(backoff_.Next());
  redial_.async_wait([this](const boost::system::error_code& error) {
    if (!error && !stopped_) Dial();
  });
}

}  // namespace tinyrig::agent
