#include "agent/virtual/qemu/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

namespace tinyrig::agent::vboard {
namespace {

// Runs between fork and exec: only async-signal-safe calls. Returns the errno of what failed.
int BecomeChild(char* const* argv, const std::vector<int>& fds, int log, pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
  if (getppid() != parent) return ESRCH;  // the parent died before the line above
  setpgid(0, 0);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  const int null = open("/dev/null", O_RDWR);
  if (null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) return errno;
  for (size_t i = 0; i < fds.size(); ++i) {
    if (dup2(fds[i], Process::kFirstChildFd + static_cast<int>(i)) < 0) return errno;
  }
  execvp(argv[0], argv);
  return errno;
}

}  // namespace

Status Process::Spawn(const std::vector<std::string>& argv, const std::vector<int>& fds,
                      const std::string& log_path) {
  if (Alive()) return {Code::kFailedPrecondition, "a child is running already"};
  UniqueFd log(open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log.valid()) {
    return {Code::kUnavailable, fmt::format("cannot write {}: {}; check the directory's rights",
                                            log_path, std::strerror(errno))};
  }
  // Moved above the numbers they get in the child, so that no dup2 there overwrites a source.
  std::vector<UniqueFd> high;
  std::vector<int> sources;
  const int floor = kFirstChildFd + static_cast<int>(fds.size());
  for (const int fd : fds) {
    high.emplace_back(fcntl(fd, F_DUPFD_CLOEXEC, floor));
    sources.push_back(high.back().get());
  }
  UniqueFd high_log(fcntl(log.get(), F_DUPFD_CLOEXEC, floor));
  std::vector<char*> pointers;
  pointers.reserve(argv.size() + 1);
  for (const std::string& argument : argv) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);

  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) {
    return {Code::kUnavailable, fmt::format("pipe: {}", std::strerror(errno))};
  }
  UniqueFd report_read(report[0]);
  UniqueFd report_write(fcntl(report[1], F_DUPFD_CLOEXEC, floor + 1));
  close(report[1]);

  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return {Code::kUnavailable, fmt::format("fork: {}", std::strerror(errno))};
  if (pid == 0) {
    const int error = BecomeChild(pointers.data(), sources, high_log.get(), parent);
    (void)!write(report_write.get(), &error, sizeof error);
    _exit(127);
  }
  report_write.Reset();
  pid_ = pid;
  end_.clear();
  int error = 0;
  ssize_t got;
  do {
    got = read(report_read.get(), &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof error) {
    Kill();
    return {error == ENOENT ? Code::kNotFound : Code::kUnavailable,
            fmt::format("cannot execute {}: {}; install it or put it on PATH", argv[0],
                        std::strerror(error))};
  }
  return OkStatus();
}

void Process::NoteEnd(int wait_status) {
  end_ = WIFSIGNALED(wait_status) ? fmt::format("signal {}", WTERMSIG(wait_status))
                                  : fmt::format("exit status {}", WEXITSTATUS(wait_status));
  pid_ = -1;
}

void Process::Kill() {
  if (pid_ < 0) return;
  kill(-pid_, SIGKILL);
  kill(pid_, SIGKILL);  // in case it had no time to make its own group
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  NoteEnd(status);
}

bool Process::Alive() {
  if (pid_ < 0) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
  NoteEnd(status);
  return false;
}

}  // namespace tinyrig::agent::vboard
