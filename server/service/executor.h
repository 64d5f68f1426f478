#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <exception>
#include <utility>

#include "proto/status/status.h"

namespace tinyrig::server {

/// The two places where code runs: one io thread that owns all state, and a pool for what blocks or
/// computes.
struct Executors {
  boost::asio::io_context& io;
  boost::asio::thread_pool& pool;

  /// Runs `work` (-> Result<T>) on the pool, then `done(Result<T>)` on the io thread. An exception
  /// of `work` becomes kInternal.
  template <typename Work, typename Done>
  void Offload(Work work, Done done) const {
    boost::asio::post(pool, [this_io = &io, work = std::move(work),
                             done = std::move(done)]() mutable {
      auto result = Guarded(work);
      boost::asio::post(*this_io, [done = std::move(done), result = std::move(result)]() mutable {
        done(std::move(result));
      });
    });
  }

  /// `work()`, with an exception turned into kInternal: nothing thrown by a library ends the
  /// process.
  template <typename Work>
  static auto Guarded(Work& work) -> decltype(work()) {
    try {
      return work();
    } catch (const std::exception& error) {
      return Status(Code::kInternal,
                    std::string("unexpected: ") + error.what() + "; please report this");
    }
  }
};

}  // namespace tinyrig::server
