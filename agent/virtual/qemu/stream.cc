#include "agent/virtual/qemu/stream.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace tinyrig::agent::vboard {

Status Stream::Wait(short events) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd entry{fd_.get(), events, 0};
    const int ready = poll(&entry, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (ready > 0) return OkStatus();
    if (ready == 0) {
      return {Code::kDeadlineExceeded,
              fmt::format("QEMU's {} did not answer within {} ms; see qemu.log", name_,
                          kDeadline.count())};
    }
    if (errno != EINTR) {
      return {Code::kInternal, fmt::format("poll on QEMU's {}: {}", name_, std::strerror(errno))};
    }
  }
}

Status Stream::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put > 0) {
      bytes.remove_prefix(static_cast<size_t>(put));
    } else if (errno == EAGAIN) {
      TRY(Wait(POLLOUT));
    } else if (errno != EINTR) {
      return {Code::kUnavailable,
              fmt::format("QEMU's {} is gone ({}); see qemu.log", name_, std::strerror(errno))};
    }
  }
  return OkStatus();
}

Status Stream::Fill() {
  std::array<char, 65536> chunk;
  for (;;) {
    const ssize_t got = recv(fd_.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (got > 0) {
      buffer_.erase(0, at_);
      at_ = 0;
      buffer_.append(chunk.data(), static_cast<size_t>(got));
      return OkStatus();
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      return {Code::kUnavailable, fmt::format("QEMU closed its {}; see qemu.log", name_)};
    }
    if (errno == EAGAIN) TRY(Wait(POLLIN));
  }
}

Result<char> Stream::ReadByte() {
  if (at_ >= buffer_.size()) TRY(Fill());
  return buffer_[at_++];
}

Result<std::string> Stream::ReadLine() {
  for (;;) {
    const size_t end = buffer_.find('\n', at_);
    if (end != std::string::npos) {
      std::string line = buffer_.substr(at_, end - at_);
      at_ = end + 1;
      if (!line.empty() && line.back() == '\r') line.pop_back();
      return line;
    }
    TRY(Fill());
  }
}

bool Stream::Readable() {
  if (at_ < buffer_.size()) return true;
  pollfd entry{fd_.get(), POLLIN, 0};
  return poll(&entry, 1, 0) > 0;
}

}  // namespace tinyrig::agent::vboard
