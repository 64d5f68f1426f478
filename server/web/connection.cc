#include "server/web/connection.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <type_traits>

namespace tinyrig::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

int StatusFor(const beast::error_code& error) {
  if (error == http::error::header_limit) return 431;
  if (error == http::error::body_limit) return 413;
  // Every other error of the parser is the client's; errors of the socket are nobody's to answer.
  const bool parsing = error.category() == make_error_code(http::error::bad_method).category();
  const bool over =
      error == http::error::end_of_stream || error == http::error::partial_message || !parsing;
  return over ? -1 : 400;
}

template <typename Stream>
class ConnectionOf final : public Connection {
 public:
  template <typename... Args>
  explicit ConnectionOf(Args&&... args) : stream_(std::forward<Args>(args)...) {
    buffer_.max_size(kMaxHeadBytes + kMaxBodyBytes);
  }

  asio::awaitable<bool> Handshake() override {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      Tcp().expires_after(kPatience);
      const auto [error] =
          co_await stream_.async_handshake(asio::ssl::stream_base::server, kAsTuple);
      co_return !error;
    }
    co_return true;
  }

  asio::awaitable<int> Read(HttpRequest* request) override {
    http::request_parser<http::string_body> parser;
    parser.header_limit(kMaxHeadBytes);
    parser.body_limit(kMaxBodyBytes);
    Tcp().expires_after(kPatience);
    const auto [error, size] = co_await http::async_read(stream_, buffer_, parser, kAsTuple);
    if (error) co_return StatusFor(error);
    *request = parser.release();
    co_return 0;
  }

  asio::awaitable<bool> Write(std::string bytes) override {
    Tcp().expires_after(kPatience);
    const auto source = asio::buffer(bytes);
    const auto [error, size] = co_await asio::async_write(stream_, source, kAsTuple);
    co_return !error;
  }

  void Close() override {
    beast::error_code ignored;
    Tcp().socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    Tcp().close();
  }

 private:
  beast::tcp_stream& Tcp() { return beast::get_lowest_layer(stream_); }

  Stream stream_;
  beast::flat_buffer buffer_;
};

}  // namespace

std::shared_ptr<Connection> MakeConnection(asio::ip::tcp::socket socket, asio::ssl::context* tls) {
  if (tls == nullptr) return std::make_shared<ConnectionOf<beast::tcp_stream>>(std::move(socket));
  return std::make_shared<ConnectionOf<TlsStream>>(beast::tcp_stream(std::move(socket)), *tls);
}

}  // namespace tinyrig::server
