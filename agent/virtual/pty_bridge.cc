#include "agent/virtual/pty_bridge.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace tinyrig::agent::vboard {
namespace {

using boost::system::error_code;

constexpr size_t kChunkBytes = size_t{16} * 1024;
constexpr std::chrono::milliseconds kFirstNudge{2};
constexpr std::chrono::milliseconds kLastNudge{64};

// Bytes read into `chunk`: 0 when none are there now, -1 when the other end is gone.
ssize_t ReadSome(int fd, std::span<uint8_t> chunk) {
  for (;;) {
    const ssize_t got = read(fd, chunk.data(), chunk.size());
    if (got > 0) return got;
    if (got < 0 && errno == EINTR) continue;
    return got < 0 && errno == EAGAIN ? 0 : -1;
  }
}

// Writes what fits now off the front of `pending`; false when the other end is gone.
bool WriteSome(int fd, std::vector<uint8_t>& pending) {
  size_t done = 0;
  bool alive = true;
  while (done < pending.size()) {
    const ssize_t put = write(fd, pending.data() + done, pending.size() - done);
    if (put > 0) {
      done += static_cast<size_t>(put);
    } else if (errno != EINTR) {
      alive = errno == EAGAIN;
      break;
    }
  }
  pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(done));
  return alive;
}

}  // namespace

PtyBridge::PtyBridge(boost::asio::io_context& io, const FaultSet& faults)
    : master_(io), stall_timer_(io), nudge_timer_(io), faults_(faults), noise_(faults) {}

Status PtyBridge::Open(const std::string& link) {
  UniqueFd master(posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  std::array<char, 128> name{};
  if (!master.valid() || grantpt(master.get()) != 0 || unlockpt(master.get()) != 0 ||
      ptsname_r(master.get(), name.data(), name.size()) != 0) {
    return {Code::kUnavailable,
            fmt::format("cannot make a pseudo terminal: {}; is /dev/pts mounted?",
                        std::strerror(errno))};
  }
  slave_.Reset(open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  termios settings{};
  if (!slave_.valid() || tcgetattr(slave_.get(), &settings) != 0) {
    return {Code::kUnavailable,
            fmt::format("cannot open {}: {}", name.data(), std::strerror(errno))};
  }
  cfmakeraw(&settings);
  tcsetattr(slave_.get(), TCSANOW, &settings);
  std::error_code error;
  std::filesystem::remove(link, error);
  std::filesystem::create_symlink(name.data(), link, error);
  if (error) {
    return {Code::kUnavailable, fmt::format("cannot make the link {}: {}", link, error.message())};
  }
  terminal_ = name.data();
  link_ = link;
  master_.assign(master.Release());
  Pump();
  return OkStatus();
}

void PtyBridge::Close() {
  error_code ignored;
  Attach(UniqueFd());
  stall_timer_.cancel(ignored);
  nudge_timer_.cancel(ignored);
  master_.close(ignored);
  slave_.Reset();
  std::error_code remove_error;
  if (!link_.empty()) std::filesystem::remove(link_, remove_error);
}

void PtyBridge::Attach(UniqueFd serial) {
  if (serial_) {
    while (TakeFromSerial() > 0) {
    }
    error_code ignored;
    serial_->close(ignored);
    serial_.reset();
  }
  to_host_.waiting_to_read = to_board_.waiting_to_write = false;
  to_board_.pending.clear();
  if (serial.valid()) {
    serial_ = std::make_shared<Descriptor>(master_.get_executor(), serial.Release());
  }
  Pump();
}

void PtyBridge::InjectToHost(std::span<const uint8_t> bytes) {
  to_host_.pending.insert(to_host_.pending.end(), bytes.begin(), bytes.end());
  Pump();
}

void PtyBridge::Stall(std::chrono::milliseconds duration) {
  stalled_ = duration.count() > 0;
  stall_timer_.expires_after(duration);
  stall_timer_.async_wait([this](error_code error) {
    if (error) return;
    stalled_ = false;
    Pump();
  });
}

void PtyBridge::NoteChunk(size_t bytes) {
  if (on_bytes) on_bytes(bytes);
  const double delay_ms = faults_.Value(Fault::kUartDelay, "ms");
  if (delay_ms > 0 && !stalled_) Stall(std::chrono::milliseconds(static_cast<int64_t>(delay_ms)));
}

void PtyBridge::Pump() {
  if (stalled_ || !master_.is_open()) return;
  WriteTerminal();
  WriteSerial();
  ReadSerial();
  ReadTerminal();
}

ssize_t PtyBridge::TakeFromSerial() {
  std::array<uint8_t, kChunkBytes> chunk;
  const ssize_t got = ReadSome(serial_->native_handle(), chunk);
  if (got <= 0) return got;
  const auto left =
      noise_.Apply(Direction::kToHost, std::span(chunk).first(static_cast<size_t>(got)));
  to_host_.pending.insert(to_host_.pending.end(), left.begin(), left.end());
  bytes_to_host_ += left.size();
  NoteChunk(left.size());
  return got;
}

// Waits carry the descriptor they wait on: when it is not the current one any more, power was cut
// meanwhile and the wait means nothing.
void PtyBridge::ReadSerial() {
  if (!serial_ || to_host_.waiting_to_read || to_host_.pending.size() >= kBufferBytes) return;
  to_host_.waiting_to_read = true;
  serial_->async_wait(Descriptor::wait_read, [this, serial = serial_](error_code error) {
    if (serial != serial_ || error) return;
    to_host_.waiting_to_read = false;
    if (stalled_) return;
    // At its end the socket is left alone: the supervisor notices that QEMU died.
    to_host_.waiting_to_read = TakeFromSerial() < 0;
    Pump();
  });
}

void PtyBridge::WriteTerminal() {
  if (to_host_.waiting_to_write || to_host_.pending.empty()) return;
  WriteSome(master_.native_handle(), to_host_.pending);
  if (to_host_.pending.empty()) return;
  to_host_.waiting_to_write = true;
  master_.async_wait(Descriptor::wait_write, [this](error_code error) {
    to_host_.waiting_to_write = false;
    if (!error) Pump();
  });
}

void PtyBridge::ReadTerminal() {
  if (to_board_.waiting_to_read || to_board_.pending.size() >= kBufferBytes) return;
  to_board_.waiting_to_read = true;
  master_.async_wait(Descriptor::wait_read, [this](error_code error) {
    to_board_.waiting_to_read = false;
    if (error || stalled_) return;
    std::array<uint8_t, kChunkBytes> chunk;
    const ssize_t got = ReadSome(master_.native_handle(), chunk);
    if (got < 0) return;
    if (got > 0 && serial_) {
      const auto left =
          noise_.Apply(Direction::kToBoard, std::span(chunk).first(static_cast<size_t>(got)));
      to_board_.pending.insert(to_board_.pending.end(), left.begin(), left.end());
      bytes_to_board_ += left.size();
      NoteChunk(left.size());
    }
    Pump();
  });
}

void PtyBridge::WriteSerial() {
  if (!serial_ || to_board_.waiting_to_write || to_board_.pending.empty()) return;
  if (!WriteSome(serial_->native_handle(), to_board_.pending)) to_board_.pending.clear();
  WatchBacklog(kFirstNudge);
  if (to_board_.pending.empty()) return;
  to_board_.waiting_to_write = true;
  serial_->async_wait(Descriptor::wait_write, [this, serial = serial_](error_code error) {
    if (serial != serial_ || error) return;
    to_board_.waiting_to_write = false;
    Pump();
  });
}

// What a unix socket has sent and its peer has not read is SIOCOUTQ.
void PtyBridge::WatchBacklog(std::chrono::milliseconds delay) {
  if (watching_backlog_) return;
  watching_backlog_ = true;
  nudge_timer_.expires_after(delay);
  nudge_timer_.async_wait([this, delay](error_code error) {
    watching_backlog_ = false;
    int unread = 0;
    if (error || !serial_) return;
    if (ioctl(serial_->native_handle(), SIOCOUTQ, &unread) != 0 || unread == 0) return;
    if (nudge) nudge();
    WatchBacklog(std::min(2 * delay, kLastNudge));
  });
}

}  // namespace tinyrig::agent::vboard
