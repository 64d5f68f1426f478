#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agent/virtual/dap_frame.h"
#include "proto/status/status.h"

namespace tinyrig::agent::vboard {

/// The probe's USB side on a unix socket: enumeration, one open client at a time, packets.
/// A second client is refused while the first one lives, as USB does; the first request frame of
/// a client that never asked to open counts as opening.
/// Frames that are none end their connection. Runs on the io_context's one thread.
class DapServer {
 public:
  using Bytes = std::vector<uint8_t>;

  explicit DapServer(boost::asio::io_context& io) : acceptor_(io) {}

  /// What the probe says when it is enumerated, and what it does.
  std::string serial;
  std::function<bool()> plugged_in;
  std::function<bool()> frozen;
  /// Another front has the target: nobody can open the probe.
  std::function<bool()> taken;
  std::function<Bytes(std::span<const uint8_t> request)> execute;

  /// Listens on `path`, replacing what is there.
  Status Listen(const std::string& path);
  void Close();
  /// Ends the connection of the client that holds the probe.
  void DropClient();

  bool open() const { return holder_ != nullptr; }
  /// The same, asking the connection itself: a client that has just gone may still be noted.
  bool held() const;
  uint64_t packets() const { return packets_; }

 private:
  using Socket = boost::asio::local::stream_protocol::socket;
  using Client = std::shared_ptr<Socket>;

  boost::asio::awaitable<void> Accept();
  boost::asio::awaitable<void> Serve(Client client);
  /// The answer to one frame; nothing to send is an empty vector. False ends the connection.
  bool Handle(const Client& client, uint8_t type, std::span<const uint8_t> payload, Bytes& answer);
  DapOpenResult Open(const Client& client);

  boost::asio::local::stream_protocol::acceptor acceptor_;
  Client holder_;
  uint64_t packets_ = 0;
};

}  // namespace tinyrig::agent::vboard
