#include "agent/virtual/dap_server.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "agent/virtual/unix_socket.h"

namespace tinyrig::agent::vboard {
namespace {

namespace asio = boost::asio;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

DapServer::Bytes Frame(uint8_t type, std::span<const uint8_t> payload) {
  DapServer::Bytes frame(kDapHeaderBytes + payload.size());
  PutDapHeader(frame.data(), payload.size(), type);
  std::ranges::copy(payload, frame.begin() + kDapHeaderBytes);
  return frame;
}

// A client that has closed its end may not have been noticed by its coroutine yet.
bool PeerGone(int fd) {
  pollfd entry{fd, POLLRDHUP, 0};
  return poll(&entry, 1, 0) > 0;
}

}  // namespace

Status DapServer::Listen(const std::string& path) {
  TRY(ListenOn(acceptor_, path));
  asio::co_spawn(acceptor_.get_executor(), Accept(), asio::detached);
  return OkStatus();
}

void DapServer::Close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  DropClient();
}

void DapServer::DropClient() {
  if (!holder_) return;
  boost::system::error_code ignored;
  holder_->close(ignored);
  holder_.reset();
}

asio::awaitable<void> DapServer::Accept() {
  for (;;) {
    auto [error, socket] = co_await acceptor_.async_accept(kAwait);
    if (error) co_return;
    auto client = std::make_shared<Socket>(std::move(socket));
    asio::co_spawn(acceptor_.get_executor(), Serve(client), asio::detached);
  }
}

asio::awaitable<void> DapServer::Serve(Client client) {
  std::array<uint8_t, kDapHeaderBytes> header;
  std::array<uint8_t, kDapMaxPayload> payload;
  const auto header_buffer = asio::buffer(header);
  for (;;) {
    auto [error, got] = co_await asio::async_read(*client, header_buffer, kAwait);
    if (error) break;
    size_t length = 0;
    uint8_t type = 0;
    if (!GetDapHeader(header.data(), length, type)) {
      spdlog::warn("dap.sock: not a frame; connection closed");
      break;
    }
    const auto payload_buffer = asio::buffer(payload.data(), length);
    auto [body_error, body_got] = co_await asio::async_read(*client, payload_buffer, kAwait);
    if (body_error) break;
    Bytes answer;
    if (!Handle(client, type, std::span(payload).first(length), answer)) break;
    if (answer.empty()) continue;
    const auto answer_buffer = asio::buffer(answer);
    auto [write_error, put] = co_await asio::async_write(*client, answer_buffer, kAwait);
    if (write_error) break;
  }
  if (holder_ == client) holder_.reset();
  boost::system::error_code ignored;
  client->close(ignored);
}

bool DapServer::Handle(const Client& client, uint8_t type, std::span<const uint8_t> payload,
                       Bytes& answer) {
  switch (type) {
    case kDapDescribe: {
      Bytes description(1, plugged_in() ? 1 : 0);
      description.insert(description.end(), serial.begin(), serial.end());
      answer = Frame(kDapDescription, description);
      return true;
    }
    case kDapOpen: {
      const uint8_t result = Open(client);
      answer = Frame(kDapOpened, {&result, 1});
      return true;
    }
    case kDapRequest: {
      if (Open(client) != kDapOpenOk) return false;
      if (frozen()) return true;
      ++packets_;
      const Bytes reply = execute(payload);
      if (!reply.empty() && !frozen()) answer = Frame(kDapResponse, reply);
      return true;
    }
    default:
      spdlog::warn("dap.sock: frame type {} is unknown", type);
      return false;
  }
}

bool DapServer::held() const { return holder_ && !PeerGone(holder_->native_handle()); }

DapOpenResult DapServer::Open(const Client& client) {
  if (!plugged_in()) return kDapOpenAbsent;
  if (holder_ != client && (held() || taken())) return kDapOpenBusy;
  if (holder_ != client) DropClient();
  holder_ = client;
  return kDapOpenOk;
}

}  // namespace tinyrig::agent::vboard
