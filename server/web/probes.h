#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "server/model/histogram.h"
#include "server/service/backend.h"

namespace tinyrig::server {

/// How often the gateway answered, by route and HTTP status.
using HttpAnswers = std::map<std::pair<std::string, int>, uint64_t>;

/// How the server is, for machines that watch it.
class Probes {
 public:
  /// `state` is the server's folder.
  Probes(Backend& backend, std::filesystem::path state);

  /// Measures how late the io thread is, from now on. On the io thread.
  void Start();
  void Stop() { timer_.cancel(); }

  /// OK when the io thread answers, jobs are offered, the database can be written and the disk has
  /// room. Errors: kUnavailable with the word "draining" in a drain. From the gateway's thread.
  boost::asio::awaitable<Status> Ready();
  boost::asio::awaitable<std::string> Metrics(const HttpAnswers& answers);

 private:
  void Measure();

  Backend& backend_;
  const std::filesystem::path state_;
  const TimeUs started_us_;
  boost::asio::steady_timer timer_;
  Histogram lag_;
};

}  // namespace tinyrig::server
