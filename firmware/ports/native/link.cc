#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "firmware/ports/native/memory.h"
#include "firmware/ports/native/native.h"
#include "firmware/ports/port.h"
#include "proto/device/native.h"

/// The link: this end of a pseudo-terminal, whose other end the agent opens as a serial port.
namespace tinyrig::port {
namespace {

constexpr int kLink = device::kNativeLinkFd;

constinit uint8_t received[4096];
constinit size_t received_size = 0;
constinit size_t taken = 0;

void WaitFor(short event) {
  pollfd link{kLink, event, 0};
  poll(&link, 1, -1);
}

}  // namespace

void InitLink() {
  // Held open, and never used: without an open far end, polling this one would end at once.
  if (ioctl(kLink, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC) < 0 ||
      fcntl(kLink, F_SETFL, O_NONBLOCK) != 0) {
    GiveUp("its link (file descriptor 1)");
  }
}

bool ReadByte(uint8_t* byte) {
  if (taken == received_size) {
    const ssize_t size = read(kLink, received, sizeof(received));
    if (size <= 0) return false;
    received_size = static_cast<size_t>(size);
    taken = 0;
  }
  *byte = received[taken++];
  return true;
}

void WaitForByte() {
  if (taken == received_size) WaitFor(POLLIN);
}

void Write(const uint8_t* bytes, size_t size) {
  while (size > 0) {
    const ssize_t written = write(kLink, bytes, size);
    if (written < 0 && errno != EAGAIN && errno != EINTR) return;
    if (written < 0) {
      WaitFor(POLLOUT);
    } else {
      bytes += written;
      size -= static_cast<size_t>(written);
    }
  }
}

}  // namespace tinyrig::port
