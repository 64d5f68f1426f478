#pragma once

#include <grpcpp/grpcpp.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "agent/instruments/async.h"
#include "agent/uplink/backoff.h"
#include "proto/channel/channel.h"
#include "proto/status/status.h"
#include "proto/tinyrig/v1/agent.grpc.pb.h"

namespace tinyrig::agent {

/// A channel for `address` ("unix:PATH" or HOST:PORT) that notices a peer that vanished: pings
/// after 10 s of silence. Errors: those of OpenChannel().
Result<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& address,
                                                   const ChannelSecurity& security);

/// Keeps one stream to the server open, for ever: dials, says hello, dials again when the stream
/// ends, with growing pauses. Every method and every call of the listener is on the io thread;
/// gRPC's threads only post there.
///
/// Life of a stream: dialling -> (welcome) connected -> ended. Messages are only taken while
/// connected: what must not be lost is kept by the caller and sent again after the next welcome.
class ServerLink {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    /// The first message of a new stream.
    virtual v1::AgentHello MakeHello() = 0;
    /// The server took the hello; Send() works from now on.
    virtual void OnWelcome() = 0;
    virtual void OnMessage(v1::ServerMessage message) = 0;
  };

  /// `io` and `listener` outlive the link; the link outlives the work on `io`.
  ServerLink(boost::asio::io_context& io, std::shared_ptr<grpc::Channel> channel,
             Listener& listener);
  ~ServerLink();

  void Start();
  /// Ends the stream and dials no more; `io` runs dry when gRPC is done with it.
  void Stop();

  /// Queues the message; false when not connected.
  bool Send(v1::AgentMessage message);
  bool connected() const { return connected_; }
  /// Messages that wait for the server to take them.
  size_t queued() const;

 private:
  class Stream;
  void Dial();
  void Received(v1::ServerMessage message);
  void Ended(const grpc::Status& status);

  boost::asio::io_context& io_;
  std::unique_ptr<v1::AgentService::Stub> stub_;
  Listener& listener_;
  asio::steady_timer redial_;
  Backoff backoff_;
  Deadline welcomed_{};
  std::shared_ptr<Stream> stream_;
  std::string last_failure_;
  bool connected_ = false;
  bool stopped_ = false;
};

}  // namespace tinyrig::agent
