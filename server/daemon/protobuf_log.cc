#include "server/daemon/protobuf_log.h"

#include <google/protobuf/stubs/logging.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <mutex>
#include <string>

namespace tinyrig::server {
namespace {

using Clock = std::chrono::steady_clock;

void Log(google::protobuf::LogLevel level, const char*, int, const std::string& message) {
  static std::mutex mutex;
  static Clock::time_point next{};
  static uint64_t left_out = 0;
  const std::lock_guard lock(mutex);
  const bool fatal = level == google::protobuf::LOGLEVEL_FATAL;
  if (Clock::now() < next && !fatal) {
    ++left_out;
    return;
  }
  next = Clock::now() + std::chrono::seconds(1);
  spdlog::log(fatal ? spdlog::level::critical : spdlog::level::warn,
              "protobuf: {} ({} more such lines were left out before)", message, left_out);
  left_out = 0;
}

}  // namespace

void LogProtobuf() { google::protobuf::SetLogHandler(&Log); }

}  // namespace tinyrig::server
