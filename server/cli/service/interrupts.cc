#include "server/cli/service/interrupts.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace tinyrig::cli {
namespace {

sigset_t OurSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  return set;
}

}  // namespace

Interrupts::Interrupts() {
  const sigset_t set = OurSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

Interrupts::~Interrupts() {
  // What came late is forgotten: unblocking would let it kill the process on its way out.
  Take();
  if (fd_ >= 0) close(fd_);
  const sigset_t set = OurSignals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

bool Interrupts::Take() {
  bool any = false;
  signalfd_siginfo info;
  while (read(fd_, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) any = true;
  return any;
}

bool Interrupts::WaitFor(std::chrono::milliseconds time) {
  pollfd waited{fd_, POLLIN, 0};
  poll(&waited, 1, static_cast<int>(time.count()));
  return Take();
}

int Interrupts::AskKey() {
  pollfd waited[] = {{fd_, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
  while (poll(waited, 2, -1) < 0) continue;
  if (Take()) return -1;
  char line[256];
  const ssize_t bytes = read(STDIN_FILENO, line, sizeof(line));
  return bytes <= 0 ? -1 : static_cast<unsigned char>(line[0]);
}

}  // namespace tinyrig::cli
