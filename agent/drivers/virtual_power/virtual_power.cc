#include "agent/drivers/virtual_power/virtual_power.h"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <nlohmann/json.hpp>

namespace tinyrig::agent::virtual_power {
namespace {

constexpr size_t kMaxAnswer = 64 * 1024;

}  // namespace

Awaitable<Status> VirtualPowerSwitch::Ask(std::string state) {
  const std::string unreachable =
      path_ + ": the virtual board's control socket does not answer; is tinyrig-vboard running? (";
  asio::local::stream_protocol::socket socket(co_await asio::this_coro::executor);
  if (path_.size() >= 108) co_return Status(Code::kInvalidArgument, path_ + ": path too long");
  const asio::local::stream_protocol::endpoint endpoint(path_);
  const auto [connect_error] = co_await socket.async_connect(endpoint, kAsTuple);
  if (connect_error) {
    co_return Status(Code::kUnavailable, unreachable + connect_error.message() + ")");
  }
  const std::string request = nlohmann::json{{"cmd", "power"}, {"state", state}}.dump() + "\n";
  const auto source = asio::buffer(request);
  const auto [write_error, written] = co_await asio::async_write(socket, source, kAsTuple);
  if (write_error) {
    co_return Status(Code::kUnavailable, unreachable + write_error.message() + ")");
  }
  std::string answer;
  auto target = asio::dynamic_buffer(answer, kMaxAnswer);
  const auto [read_error, size] = co_await asio::async_read_until(socket, target, '\n', kAsTuple);
  if (read_error) {
    co_return Status(Code::kUnavailable, unreachable + read_error.message() + ")");
  }
  const auto json = nlohmann::json::parse(answer.substr(0, size), nullptr, false);
  if (json.is_object() && json.value("ok", false)) co_return OkStatus();
  co_return Status(Code::kUnavailable, path_ + ": power " + state + " was refused: " + answer);
}

Awaitable<Status> VirtualPowerSwitch::Set(std::string state, Deadline deadline) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
  auto ask = Ask(state);
  const auto first = co_await (std::move(ask) || timer.async_wait(kAsTuple));
  if (first.index() == 1) {
    co_return Status(Code::kDeadlineExceeded, path_ + ": power " + state + " took too long");
  }
  co_return std::get<0>(first);
}

}  // namespace tinyrig::agent::virtual_power
