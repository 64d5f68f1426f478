#include "agent/process/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

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

struct Stdio {
  int in, out, err;
};

/// The child's side, between fork and exec: only async-signal-safe calls.
[[noreturn]] void BecomeProgram(const char* path, char* const* argv, char* const* environment,
                                Stdio stdio, pid_t parent, int error_pipe) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // the agent died before prctl
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  dup2(stdio.in, 0);
  dup2(stdio.out, 1);
  dup2(stdio.err, 2);
  syscall(SYS_close_range, 3u, ~0u, 1u << 2 /* CLOSE_RANGE_CLOEXEC */);
  execve(path, argv, environment);
  const int error = errno;
  (void)!write(error_pipe, &error, sizeof(error));
  _exit(127);
}

}  // namespace

int Spawned::Reap() {
  kill(-pid_, SIGKILL);
  int wait_status = 0;
  while (waitpid(pid_, &wait_status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return wait_status;
}

Result<Spawned> Spawn(std::vector<std::string> argv,
                      const std::map<std::string, std::string>& environment, int in, int out,
                      int err) {
  if (argv.empty()) return Status(Code::kInternal, "no program given");
  TRY_ASSIGN(const std::string path, FindProgram(argv[0]));
  std::vector<std::string> variables;
  for (const auto& [key, value] : environment) variables.push_back(key + "=" + value);
  const std::vector<char*> argv_pointers = Pointers(argv);
  const std::vector<char*> environment_pointers = Pointers(variables);

  int error[2];
  if (pipe2(error, O_CLOEXEC) != 0) return Status(Code::kUnavailable, Errno("pipe"));
  const pid_t parent = getpid();
  // _Fork runs no atfork handlers: gRPC's would want its locks. posix_spawn cannot set PDEATHSIG.
  const pid_t pid = _Fork();
  if (pid == 0) {
    BecomeProgram(path.c_str(), argv_pointers.data(), environment_pointers.data(), {in, out, err},
                  parent, error[1]);
  }
  const std::string fork_error = pid < 0 ? Errno("fork") : "";
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
  if (pid < 0) return Status(Code::kUnavailable, fork_error);
  Spawned child(pid);
  if (got == static_cast<ssize_t>(sizeof(exec_errno))) {
    return Status(Code::kUnavailable, "cannot execute " + path + ": " + std::strerror(exec_errno));
  }
  return child;
}

}  // namespace tinyrig::agent
