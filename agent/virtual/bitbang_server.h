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

/// A JTAG cable on a unix socket, in the one-character protocol of OpenOCD's remote_bitbang
/// driver. One client at a time; a second is disconnected at once. Runs on the io_context's one
/// thread.
class BitbangServer {
 public:
  explicit BitbangServer(boost::asio::io_context& io) : acceptor_(io) {}

  /// May a client have the cable now?
  std::function<bool()> available;
  /// A new client has it.
  std::function<void()> on_open;
  /// Carries characters out and returns the answers. The client is disconnected behind a 'Q'.
  std::function<std::string(std::string_view)> execute;

  /// Listens on `path`, replacing what is there.
  Status Listen(const std::string& path);
  void Close();
  void DropClient();
  bool held() const;

 private:
  using Socket = boost::asio::local::stream_protocol::socket;

  boost::asio::awaitable<void> Accept();
  boost::asio::awaitable<void> Serve(std::shared_ptr<Socket> client);

  boost::asio::local::stream_protocol::acceptor acceptor_;
  std::shared_ptr<Socket> client_;
};

}  // namespace tinyrig::agent::vboard
