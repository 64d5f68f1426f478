#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <string>

namespace tinyrig::server {

using HttpRequest = boost::beast::http::request<boost::beast::http::string_body>;

/// One HTTP client: bytes in, bytes out, with limits. A peer that is slower than kPatience with a
/// request (head and body) or with taking what is written is dropped.
class Connection {
 public:
  static constexpr std::chrono::seconds kPatience{15};
  static constexpr uint32_t kMaxHeadBytes = 16 << 10;
  static constexpr uint64_t kMaxBodyBytes = 64 << 10;

  virtual ~Connection() = default;
  /// Of TLS; true at once without.
  virtual boost::asio::awaitable<bool> Handshake() = 0;
  /// 0: read. -1: the peer is gone. Else the HTTP status that says what is wrong with the request.
  virtual boost::asio::awaitable<int> Read(HttpRequest* request) = 0;
  /// False: the peer is gone.
  virtual boost::asio::awaitable<bool> Write(std::string bytes) = 0;
  /// No more is read or written; what waits ends. Any number of times.
  virtual void Close() = 0;
};

/// `tls` null: in the clear.
std::shared_ptr<Connection> MakeConnection(boost::asio::ip::tcp::socket socket,
                                           boost::asio::ssl::context* tls);

}  // namespace tinyrig::server
