#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <utility>

#include "proto/status/status.h"
#include "server/web/connection.h"
#include "server/web/probes.h"
#include "server/web/routes.h"
#include "server/web/rpc.h"

namespace tinyrig::server {

/// What all HTTP sessions share. Lives on the gateway's thread.
struct WebShared {
  boost::asio::io_context& io;
  grpc::GenericStub& stub;
  Probes& probes;
  HttpAnswers answers;
};

/// Answers the requests of one connection, one after the other, until either side ends it.
class HttpSession {
 public:
  HttpSession(std::shared_ptr<Connection> connection, WebShared& shared, std::string peer)
      : connection_(std::move(connection)), shared_(shared), peer_(std::move(peer)) {}

  boost::asio::awaitable<void> Run();

 private:
  using Awaitable = boost::asio::awaitable<bool>;  // False: the connection is over.

  Awaitable Answer();
  Awaitable AnswerRoute(const Target& target);
  Awaitable AnswerOwnPage(const std::string& path);
  Awaitable AnswerMessage(const Route& route, std::shared_ptr<Rpc> rpc);
  Awaitable AnswerStream(const Route& route, std::shared_ptr<Rpc> rpc);
  Awaitable Whole(int status, std::string type, std::string body, std::string extra = "");
  Awaitable Error(Status status, int http_status = 0);
  Result<std::string> RequestFor(const Route& route, const RouteMatch& match, const Target& target);
  std::string Piece(const Route& route, const std::string& message, bool first, bool* done) const;
  std::shared_ptr<Rpc> Call(std::string_view method, std::string request) const;
  void Count(int status);

  std::shared_ptr<Connection> connection_;
  WebShared& shared_;
  const std::string peer_;
  HttpRequest request_;
  std::string route_;  // Of the request at hand, for counting.
};

}  // namespace tinyrig::server
