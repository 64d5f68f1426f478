#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "proto/status/status.h"

namespace tinyrig::agent::vboard {

/// Lines in, lines out, on a unix socket; any number of clients. Runs on the io_context's one
/// thread. A line that is too long is answered with an error and ends the connection.
class ControlServer {
 public:
  explicit ControlServer(boost::asio::io_context& io) : acceptor_(io) {}

  /// Answers one line, both without line end.
  std::function<std::string(std::string_view line)> execute;

  /// Listens on `path`, replacing what is there.
  Status Listen(const std::string& path);
  void Close();

 private:
  using Socket = boost::asio::local::stream_protocol::socket;

  boost::asio::awaitable<void> Accept();
  boost::asio::awaitable<void> Serve(std::shared_ptr<Socket> client);

  boost::asio::local::stream_protocol::acceptor acceptor_;
};

}  // namespace tinyrig::agent::vboard
