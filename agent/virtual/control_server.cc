#include "agent/virtual/control_server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "agent/virtual/control.h"
#include "agent/virtual/unix_socket.h"

namespace tinyrig::agent::vboard {
namespace {

namespace asio = boost::asio;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

}  // namespace

Status ControlServer::Listen(const std::string& path) {
  TRY(ListenOn(acceptor_, path));
  asio::co_spawn(acceptor_.get_executor(), Accept(), asio::detached);
  return OkStatus();
}

void ControlServer::Close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
}

asio::awaitable<void> ControlServer::Accept() {
  for (;;) {
    auto [error, socket] = co_await acceptor_.async_accept(kAwait);
    if (error) co_return;
    auto client = std::make_shared<Socket>(std::move(socket));
    asio::co_spawn(acceptor_.get_executor(), Serve(client), asio::detached);
  }
}

asio::awaitable<void> ControlServer::Serve(std::shared_ptr<Socket> client) {
  std::string received;
  for (;;) {
    auto buffer = asio::dynamic_buffer(received, kMaxControlLine);
    auto [error, length] = co_await asio::async_read_until(*client, buffer, '\n', kAwait);
    const bool too_long = error == asio::error::not_found;
    if (error && !too_long) co_return;
    std::string answer;
    if (too_long) {
      const Status status(Code::kInvalidArgument, "the line is too long; 4096 bytes are allowed");
      answer = ControlError(status);
    } else {
      answer = execute(std::string_view(received).substr(0, length - 1));
      received.erase(0, length);
    }
    answer += '\n';
    const auto out = asio::buffer(answer);
    auto [write_error, put] = co_await asio::async_write(*client, out, kAwait);
    if (write_error || too_long) co_return;
  }
}

}  // namespace tinyrig::agent::vboard
