#include "proto/notify/notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

namespace tinyrig {
namespace {

/// A manager that listens at `name`; '@' first means a name in no file system.
class Manager {
 public:
  explicit Manager(const std::string& name)
      : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), length), 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~Manager() {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(fd_);
  }

  /// Empty when nothing came.
  std::string Heard() const {
    char text[256];
    const ssize_t size = ::recv(fd_, text, sizeof(text), 0);
    return size < 0 ? "" : std::string(text, static_cast<size_t>(size));
  }

 private:
  int fd_;
};

TEST(NotifyManagerTest, SaysItAtASocketInAFolder) {
  const std::string path = "/tmp/tinyrig-notify-" + std::to_string(::getpid());
  const Manager manager(path);
  NotifyManager("READY=1\nSTATUS=two boards");
  EXPECT_EQ(manager.Heard(), "READY=1\nSTATUS=two boards");
  ::unlink(path.c_str());
}

TEST(NotifyManagerTest, SaysItAtAnAbstractName) {
  const Manager manager("@tinyrig-notify-" + std::to_string(::getpid()));
  NotifyManager("STOPPING=1");
  EXPECT_EQ(manager.Heard(), "STOPPING=1");
}

TEST(NotifyManagerTest, IsSilentWhereNobodyListens) {
  ::unsetenv("NOTIFY_SOCKET");
  NotifyManager("READY=1");
  for (const std::string& odd : {std::string(""), std::string("relative"), std::string("/"),
                                 std::string("/none/there"), "/" + std::string(200, 'x')}) {
    ::setenv("NOTIFY_SOCKET", odd.c_str(), 1);
    NotifyManager("READY=1");
  }
  ::unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace tinyrig
