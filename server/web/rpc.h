#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "proto/status/status.h"

namespace tinyrig::server {

/// A call of the server's own API through its in-process channel: one request, any number of
/// answers, read one by one, so that a slow reader holds one message. All methods and the coroutine
/// are on the thread of `io`; gRPC's threads only post there. Frees itself when gRPC is done with
/// it.
class Rpc final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                  public std::enable_shared_from_this<Rpc> {
 public:
  struct Call {
    std::string method;  ///< "CampaignService/GetCampaign"
    std::string request;
    std::string authorization;  ///< As the HTTP client sent it.
    std::string peer;
  };
  enum class Event { kMessage, kEnd, kTick };

  static std::shared_ptr<Rpc> Start(grpc::GenericStub& stub, boost::asio::io_context& io,
                                    const Call& call);

  /// kMessage: message() is the next answer. kEnd: status() says how. kTick: nothing in `patience`.
  boost::asio::awaitable<Event> Next(std::chrono::seconds patience);
  std::string TakeMessage();
  Status status() const;
  /// To be called when nobody asks for more before kEnd.
  void Cancel();

  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  using Channel = boost::asio::experimental::channel<void(boost::system::error_code, Event)>;
  explicit Rpc(boost::asio::io_context& io)
      : io_(io), work_(io.get_executor()), events_(io, 8), timer_(io) {}
  void ReleaseHold();

  boost::asio::io_context& io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  grpc::Status status_;
  Channel events_;
  boost::asio::steady_timer timer_;
  bool reading_ = false;
  bool held_ = false;
  bool ended_ = false;
  std::shared_ptr<Rpc> self_;
};

}  // namespace tinyrig::server
