#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>

#include "agent/instruments/async.h"

namespace tinyrig::agent {

template <typename T>
Awaitable<void> Keep(Awaitable<T> coroutine, std::optional<T>& value) {
  value.emplace(co_await std::move(coroutine));
}

/// Runs a coroutine to its end and returns what it gave.
template <typename T>
T RunCoroutine(asio::io_context& io, Awaitable<T> coroutine) {
  std::optional<T> value;
  asio::co_spawn(io, Keep(std::move(coroutine), value), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
  io.restart();
  io.run();
  return std::move(*value);
}

}  // namespace tinyrig::agent
