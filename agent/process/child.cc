#include "agent/process/child.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>

#include "agent/process/bounded_output.h"
#include "agent/process/spawn.h"

namespace tinyrig::agent {
namespace {

std::string Errno(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

struct Started {
  Spawned child;
  int output;  // read end
};

Result<Started> Start(const ChildSpec& spec) {
  int output[2];
  if (pipe2(output, O_CLOEXEC) != 0) return Status(Code::kUnavailable, Errno("pipe"));
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  auto child = Spawn(spec.argv, spec.environment, null, output[1], output[1]);
  close(null);
  close(output[1]);
  if (!child.ok()) {
    close(output[0]);
    return child.status();
  }
  return Started{std::move(*child), output[0]};
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
  CO_TRY_ASSIGN(Started started, Start(spec));
  Spawned running = std::move(started.child);
  asio::posix::stream_descriptor pipe(executor, started.output);
  pipe.non_blocking(true);
  const int pid_fd = static_cast<int>(syscall(SYS_pidfd_open, running.pid(), 0));
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
