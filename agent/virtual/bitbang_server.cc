#include "agent/virtual/bitbang_server.h"

#include <poll.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "agent/virtual/unix_socket.h"

namespace tinyrig::agent::vboard {
namespace {

namespace asio = boost::asio;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// A client that has closed its end may not have been noticed by its coroutine yet.
bool PeerGone(int fd) {
  pollfd entry{fd, POLLRDHUP, 0};
  return poll(&entry, 1, 0) > 0;
}

}  // namespace

bool BitbangServer::held() const { return client_ && !PeerGone(client_->native_handle()); }

Status BitbangServer::Listen(const std::string& path) {
  TRY(ListenOn(acceptor_, path));
  asio::co_spawn(acceptor_.get_executor(), Accept(), asio::detached);
  return OkStatus();
}

void BitbangServer::Close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  DropClient();
}

void BitbangServer::DropClient() {
  if (!client_) return;
  boost::system::error_code ignored;
  client_->close(ignored);
  client_.reset();
}

asio::awaitable<void> BitbangServer::Accept() {
  for (;;) {
    auto [error, socket] = co_await acceptor_.async_accept(kAwait);
    if (error) co_return;
    if (held() || !available()) continue;  // the socket closes as it goes
    DropClient();
    client_ = std::make_shared<Socket>(std::move(socket));
    on_open();
    asio::co_spawn(acceptor_.get_executor(), Serve(client_), asio::detached);
  }
}

asio::awaitable<void> BitbangServer::Serve(std::shared_ptr<Socket> client) {
  std::array<char, 4096> chunk;
  const auto buffer = asio::buffer(chunk);
  for (;;) {
    auto [error, got] = co_await client->async_read_some(buffer, kAwait);
    if (error) break;
    const std::string_view received(chunk.data(), got);
    const size_t quit = received.find('Q');
    const std::string answer = execute(received.substr(0, quit));
    if (!client->is_open()) break;
    const auto out = asio::buffer(answer);
    auto [write_error, put] = co_await asio::async_write(*client, out, kAwait);
    if (write_error || quit != std::string_view::npos) break;
  }
  if (client_ == client) client_.reset();
  boost::system::error_code ignored;
  client->close(ignored);
}

}  // namespace tinyrig::agent::vboard
