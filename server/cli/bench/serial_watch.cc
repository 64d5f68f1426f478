#include "server/cli/bench/serial_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace tinyrig::cli {
namespace {

constexpr int kStepMs = 100;

/// An open tty, or -1.
class Tty {
 public:
  explicit Tty(const std::string& path)
      : path_(path), fd_(open(path.c_str(), O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)) {
    termios settings{};
    if (fd_ >= 0 && tcgetattr(fd_, &settings) == 0) {
      cfmakeraw(&settings);
      cfsetspeed(&settings, B115200);
      settings.c_cflag |= CLOCAL | CREAD;
      tcsetattr(fd_, TCSANOW, &settings);
      tcflush(fd_, TCIFLUSH);
    }
  }
  Tty(Tty&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  Tty& operator=(Tty&&) = delete;
  ~Tty() {
    if (fd_ >= 0) close(fd_);
  }

  int fd() const { return fd_; }
  bool Spoke() const {
    char bytes[256];
    return fd_ >= 0 && read(fd_, bytes, sizeof(bytes)) > 0;
  }
  bool Vanished() const {
    struct stat info {};
    return stat(path_.c_str(), &info) != 0;
  }

 private:
  std::string path_;
  int fd_;
};

}  // namespace

std::optional<SeenSign> WatchPorts(const std::filesystem::path& root,
                                   const std::vector<std::string>& ports,
                                   std::chrono::milliseconds limit,
                                   const std::function<bool()>& give_up) {
  std::vector<Tty> ttys;
  for (const std::string& port : ports) ttys.emplace_back((root / port.substr(1)).string());
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < deadline && !give_up()) {
    for (size_t i = 0; i < ttys.size(); ++i) {
      if (ttys[i].Vanished()) return SeenSign{i, Sign::kVanished};
      if (ttys[i].Spoke()) return SeenSign{i, Sign::kSpoke};
    }
    std::vector<pollfd> waits;
    for (const Tty& tty : ttys) waits.push_back({tty.fd(), POLLIN, 0});
    const int ready = poll(waits.data(), waits.size(), kStepMs);
    // A port that was hung up is ready at once, and for ever.
    const bool hung_up = std::ranges::any_of(
        waits, [](const pollfd& wait) { return (wait.revents & (POLLHUP | POLLERR)) != 0; });
    if (ready > 0 && hung_up) usleep(kStepMs * 1000);
  }
  return std::nullopt;
}

}  // namespace tinyrig::cli
