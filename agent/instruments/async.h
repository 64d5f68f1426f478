#pragma once

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

/// The words of asynchronous code in the agent. Everything runs on one thread, that of the
/// io_context; nothing here locks.
///
/// Two habits keep GCC 12 from miscompiling coroutines: parameters by value, and no lambda or
/// braced temporary inside a co_await expression (name it first, then move it in).
namespace tinyrig::agent {

namespace asio = boost::asio;

template <typename T>
using Awaitable = asio::awaitable<T>;

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;
using std::chrono::milliseconds;

/// Completion token: the operation's error comes as a value, not as an exception.
inline constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

/// The earlier of `limit` and `duration` from now.
inline Deadline Within(Clock::duration duration, Deadline limit = Deadline::max()) {
  return std::min(Clock::now() + duration, limit);
}

/// Waits; stops early only when the coroutine is cancelled.
inline Awaitable<void> SleepUntil(Deadline until) {
  asio::steady_timer timer(co_await asio::this_coro::executor, until);
  co_await timer.async_wait(kAsTuple);
}

}  // namespace tinyrig::agent
