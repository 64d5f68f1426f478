#include "agent/drivers/uart/uart_link.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include <boost/asio/write.hpp>
#include <cerrno>
#include <cstring>

namespace tinyrig::agent::uart {
namespace {

using namespace asio::experimental::awaitable_operators;

struct Baud {
  uint32_t hz;
  speed_t constant;
};
constexpr Baud kBauds[] = {{9600, B9600},       {19200, B19200},     {38400, B38400},
                           {57600, B57600},     {115200, B115200},   {230400, B230400},
                           {460800, B460800},   {500000, B500000},   {921600, B921600},
                           {1000000, B1000000}, {2000000, B2000000}, {4000000, B4000000}};

class UartLink : public Link {
 public:
  UartLink(asio::io_context& io, int fd, std::string path)
      : port_(io, fd), path_(std::move(path)) {}

  Awaitable<Result<std::vector<uint8_t>>> Read(Deadline deadline) override {
    std::vector<uint8_t> bytes(4096);
    const auto target = asio::buffer(bytes);
    asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
    const auto first =
        co_await (port_.async_read_some(target, kAsTuple) || timer.async_wait(kAsTuple));
    if (first.index() == 1) co_return Status(Code::kDeadlineExceeded, path_ + ": nothing came");
    const auto [error, size] = std::get<0>(first);
    if (error) co_return Gone(error);
    bytes.resize(size);
    stats_.bytes_in += size;
    co_return bytes;
  }

  Awaitable<Status> Write(std::vector<uint8_t> bytes, Deadline deadline) override {
    const auto source = asio::buffer(bytes);
    asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
    const auto first =
        co_await (asio::async_write(port_, source, kAsTuple) || timer.async_wait(kAsTuple));
    if (first.index() == 1) {
      co_return Status(Code::kDeadlineExceeded,
                       path_ + ": the board takes no bytes; is it running?");
    }
    const auto [error, size] = std::get<0>(first);
    stats_.bytes_out += size;
    if (error) co_return Gone(error);
    co_return OkStatus();
  }

  Stats stats() const override { return stats_; }

 private:
  Status Gone(const boost::system::error_code& error) const {
    return {Code::kUnavailable, fmt::format("{}: the serial port is gone ({}); check the USB cable",
                                            path_, error.message())};
  }

  asio::posix::stream_descriptor port_;
  std::string path_;
  Stats stats_;
};

/// The lock keeps out every program that asks for it, and ends with the agent, however that ends.
/// TIOCEXCL keeps out those that do not ask, but not root. It is for real ports only: on a pty it
/// outlives its opener for as long as the virtual board lives. Returns 0, or -1 with errno.
int KeepOthersOut(int fd) {
  constexpr unsigned kFirstPtyMajor = 136;  // Linux devices.txt: 136-143 Unix98 pty slaves
  constexpr unsigned kLastPtyMajor = 143;
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) return -1;
  struct stat status {};
  if (fstat(fd, &status) != 0) return -1;
  const unsigned device = major(status.st_rdev);
  if (device >= kFirstPtyMajor && device <= kLastPtyMajor) return 0;
  return ioctl(fd, TIOCEXCL);
}

Status Failed(const std::string& path) {
  switch (errno) {
    case ENOENT:
      return {Code::kNotFound, path +
                                   ": no such serial port; check the cable and `port` in the "
                                   "bench file"};
    case EACCES:
      return {Code::kPermissionDenied,
              path + ": no permission; add the agent's user to the group dialout"};
    case EBUSY:
    case EWOULDBLOCK:
      return {Code::kUnavailable, path + ": another program has it open; end it (a terminal?)"};
    default:
      return {Code::kUnavailable, path + ": " + std::strerror(errno)};
  }
}

}  // namespace

Result<std::unique_ptr<Link>> UartPort::Open(LinkTarget) {
  const Baud* baud = nullptr;
  for (const Baud& known : kBauds) {
    if (known.hz == baud_hz_) baud = &known;
  }
  if (!baud) {
    return Status(Code::kInvalidArgument,
                  fmt::format("{}: {} baud is not supported; try 115200", path_, baud_hz_));
  }
  const int fd = open(path_.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return Failed(path_);
  termios settings{};
  if (KeepOthersOut(fd) != 0 || tcgetattr(fd, &settings) != 0) {
    const Status status = Failed(path_);
    close(fd);
    return status;
  }
  cfmakeraw(&settings);
  settings.c_cflag |= CLOCAL | CREAD;
  settings.c_cflag &= ~static_cast<tcflag_t>(CSTOPB | CRTSCTS);
  cfsetspeed(&settings, baud->constant);
  if (tcsetattr(fd, TCSANOW, &settings) != 0 || tcflush(fd, TCIOFLUSH) != 0) {
    const Status status = Failed(path_);
    close(fd);
    return status;
  }
  return std::unique_ptr<Link>(std::make_unique<UartLink>(io_, fd, path_));
}

}  // namespace tinyrig::agent::uart
