#include "agent/process/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>

#include "agent/process/bounded_output.h"

namespace tinyrig::agent {
namespace {

constexpr const char* kSearchPath[] = {"/usr/local/bin", "/usr/bin", "/bin"};

std::string Errno(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

Result<std::string> FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    if (access(name.c_str(), X_OK) == 0) return name;
  } else {
    for (const char* folder : kSearchPath) {
      std::string path = std::string(folder) + "/" + name;
      if (access(path.c_str(), X_OK) == 0) return path;
    }
  }
  return Status(Code::kNotFound, "program '" + name + "' is not installed; run deploy/bootstrap");
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// A running child. Killed and reaped by the destructor unless Reap() was called.
class Running {
 public:
  explicit Running(pid_t pid) : pid_(pid) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    if (pid_ > 0) Reap();
  }

  /// Kills what is left of the group and takes the child's end.
  int Reap() {
    kill(-pid_, SIGKILL);
    int wait_status = 0;
    while (waitpid(pid_, &wait_status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return wait_status;
  }

 private:
  pid_t pid_;
};

/// The child's side, between fork and exec: only async-signal-safe calls.
[[noreturn]] void BecomeProgram(const char* path, char* const* argv, char* const* environment,
                                int output, pid_t parent, int error_pipe) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // the agent died before prctl
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, 0);
  dup2(output, 1);
  dup2(output, 2);
  syscall(SYS_close_range, 3u, ~0u, 1u << 2 /* CLOSE_RANGE_CLOEXEC */);
  execve(path, argv, environment);
  const int error = errno;
  (void)!write(error_pipe, &error, sizeof(error));
  _exit(127);
}

struct Started {
  pid_t pid;
  int output;  // read end
};

Result<Started> Start(ChildSpec& spec) {
  if (spec.argv.empty()) return Status(Code::kInternal, "no program given");
  TRY_ASSIGN(const std::string path, FindProgram(spec.argv[0]));
  std::vector<std::string> environment;
  for (const auto& [key, value] : spec.environment) environment.push_back(key + "=" + value);
  const std::vector<char*> argv_pointers = Pointers(spec.argv);
  const std::vector<char*> environment_pointers = Pointers(environment);

  int output[2], error[2];
  if (pipe2(output, O_CLOEXEC) != 0) return Status(Code::kUnavailable, Errno("pipe"));
  if (pipe2(error, O_CLOEXEC) != 0) {
    close(output[0]);
    close(output[1]);
    return Status(Code::kUnavailable, Errno("pipe"));
  }
  const pid_t parent = getpid();
  // _Fork runs no atfork handlers: gRPC's would want its locks. posix_spawn cannot set PDEATHSIG.
  const pid_t pid = _Fork();
  if (pid == 0) {
    BecomeProgram(path.c_str(), argv_pointers.data(), environment_pointers.data(), output[1],
                  parent, error[1]);
  }
  const std::string fork_error = pid < 0 ? Errno("fork") : "";
  close(output[1]);
  close(error[1]);
  int exec_errno = 0;
  ssize_t got = 0;
  if (pid > 0) {
    setpgid(pid, pid);  // both sides, so that a kill of the group cannot come too early
    do {
      got = read(error[0], &exec_errno, sizeof(exec_errno));
    } while (got < 0 && errno == EINTR);
  }
  close(error[0]);
  if (pid < 0 || got == static_cast<ssize_t>(sizeof(exec_errno))) {
    close(output[0]);
    if (pid > 0) Running(pid).Reap();
    return Status(
        Code::kUnavailable,
        pid < 0 ? fork_error : "cannot execute " + path + ": " + std::strerror(exec_errno));
  }
  return Started{pid, output[0]};
}

Awaitable<void> ReadAll(asio::posix::stream_descriptor& pipe, BoundedOutput& output) {
  std::vector<char> buffer(16 * 1024);
  while (true) {
    const auto target = asio::buffer(buffer);
    const auto [error, size] = co_await pipe.async_read_some(target, kAsTuple);
    if (error) co_return;
    output.Append(std::string_view(buffer.data(), size));
  }
}

/// Output first, then the end: a child that closed its output may still run.
Awaitable<void> ReadToTheEnd(asio::posix::stream_descriptor& pipe,
                             asio::posix::stream_descriptor& pid_fd, BoundedOutput& output) {
  using namespace asio::experimental::awaitable_operators;
  // A grandchild may hold the pipe open after the child has ended: the end decides.
  const auto ended = asio::posix::stream_descriptor::wait_read;
  co_await (ReadAll(pipe, output) || pid_fd.async_wait(ended, kAsTuple));
  co_await pid_fd.async_wait(ended, kAsTuple);
}

void TakeTheRest(int pipe, BoundedOutput& output) {
  char buffer[16 * 1024];
  ssize_t size;
  while ((size = read(pipe, buffer, sizeof(buffer))) > 0) {
    output.Append(std::string_view(buffer, static_cast<size_t>(size)));
  }
}

}  // namespace

Awaitable<Result<ChildResult>> RunChild(ChildSpec spec, Deadline deadline) {
  using namespace asio::experimental::awaitable_operators;
  const auto executor = co_await asio::this_coro::executor;
  const Deadline start = Clock::now();
  CO_TRY_ASSIGN(const Started started, Start(spec));
  Running running(started.pid);
  asio::posix::stream_descriptor pipe(executor, started.output);
  pipe.non_blocking(true);
  const int pid_fd = static_cast<int>(syscall(SYS_pidfd_open, started.pid, 0));
  if (pid_fd < 0) co_return Status(Code::kUnavailable, Errno("pidfd_open"));
  asio::posix::stream_descriptor ended(executor, pid_fd);

  BoundedOutput output(spec.max_output_bytes);
  asio::steady_timer timer(executor, deadline);
  const auto first = co_await (ReadToTheEnd(pipe, ended, output) || timer.async_wait(kAsTuple));

  const int wait_status = running.Reap();
  TakeTheRest(pipe.native_handle(), output);
  ChildResult result;
  result.timed_out = first.index() == 1;
  if (WIFEXITED(wait_status)) result.exit_status = WEXITSTATUS(wait_status);
  if (WIFSIGNALED(wait_status)) result.signal = WTERMSIG(wait_status);
  result.output = output.Take();
  result.duration = Clock::now() - start;
  co_return result;
}

}  // namespace tinyrig::agent
