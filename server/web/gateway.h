#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "proto/status/status.h"
#include "server/api/tls.h"
#include "server/web/http_session.h"

namespace tinyrig::server {

/// HTTP for reading: the routes of routes.h, /healthz, /readyz and /metrics. Has a thread of its
/// own; every answer of the API comes through the in-process channel, so that admission, limits and
/// handlers are those of gRPC.
class Gateway {
 public:
  static constexpr size_t kMaxConnections = 256;

  /// `addresses` are HOST:PORT as in CheckListenAddress(), port 0: any. Errors: kInvalidArgument
  /// for what is no address; kUnavailable when one cannot be bound.
  static Result<std::unique_ptr<Gateway>> Start(std::shared_ptr<grpc::Channel> channel,
                                                const std::vector<std::string>& addresses,
                                                const std::optional<TlsIdentity>& tls,
                                                Probes& probes);
  /// Waits until every call has ended.
  ~Gateway();

  /// Ends all connections; takes no new ones. To be called before the API's server shuts down.
  void Close();
  /// With the ports that were found.
  const std::vector<std::string>& addresses() const { return addresses_; }

 private:
  Gateway(std::shared_ptr<grpc::Channel> channel, Probes& probes);
  Status Listen(const std::string& address);
  boost::asio::awaitable<void> Accept(boost::asio::ip::tcp::acceptor& acceptor);
  boost::asio::awaitable<void> Serve(boost::asio::ip::tcp::socket socket);

  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::optional<boost::asio::ssl::context> tls_;
  grpc::GenericStub stub_;
  WebShared shared_;
  std::list<boost::asio::ip::tcp::acceptor> acceptors_;
  std::list<std::weak_ptr<Connection>> connections_;
  std::vector<std::string> addresses_;
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace tinyrig::server
