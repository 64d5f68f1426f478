#include "server/cli/service/supervisor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace tinyrig::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kWell{30};
constexpr std::chrono::milliseconds kPoll{50};

std::string DescribeExit(int status) {
  if (WIFEXITED(status)) {
    if (WEXITSTATUS(status) == 127) return "exit code 127 (the program could not be started)";
    return fmt::format("exit code {}", WEXITSTATUS(status));
  }
  return fmt::format("signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// What the child does between fork and exec. Only calls that are safe there.
[[noreturn]] void BecomeChild(pid_t parent, int log, char* const* argv, char* const* environment) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  // The parent may have died before the request was in force.
  if (getppid() != parent) _exit(126);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_DFL);
  const int input = open("/dev/null", O_RDONLY);
  dup2(input, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  // Whatever else is open here is not the child's business.
  close_range(3, ~0U, 0);
  execve(argv[0], argv, environment);
  _exit(127);
}

}  // namespace

struct Supervisor::Child {
  ChildSpec spec;
  pid_t pid = 0;
  ChildHistory history;
  unsigned restarts_in_a_row = 0;
  Clock::time_point started;
  Clock::time_point due;  ///< When to start it, while pid is 0.

  void Spawn() {
    const int log = open(spec.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    std::vector<char*> argv = Pointers(spec.argv);
    std::vector<char*> environment = Pointers(spec.environment);
    const pid_t parent = getpid();
    started = Clock::now();
    pid = fork();
    if (pid == 0) BecomeChild(parent, log, argv.data(), environment.data());
    if (log >= 0) close(log);
    if (pid < 0) {
      pid = 0;
      Ended(fmt::format("fork: {}", std::strerror(errno)));
    } else {
      setpgid(pid, pid);
    }
  }

  void Ended(std::string how) {
    pid = 0;
    ++history.exits;
    history.last_exit = std::move(how);
    restarts_in_a_row = Clock::now() - started > kWell ? 1 : restarts_in_a_row + 1;
    due = Clock::now() + RestartDelay(restarts_in_a_row);
  }
};

std::chrono::milliseconds RestartDelay(unsigned restarts_in_a_row) {
  const unsigned doublings = std::min(restarts_in_a_row - std::min(restarts_in_a_row, 1U), 10U);
  return std::min<std::chrono::milliseconds>(std::chrono::milliseconds(200) * (1 << doublings),
                                             std::chrono::seconds(10));
}

Supervisor::Supervisor() : thread_([this] { Run(); }) {}

Supervisor::~Supervisor() { Stop(); }

void Supervisor::Start(ChildSpec spec) {
  const std::lock_guard lock(mutex_);
  auto child = std::make_unique<Child>();
  child->spec = std::move(spec);
  child->due = Clock::now();
  children_.push_back(std::move(child));
  changed_.notify_all();
}

void Supervisor::Stop(std::chrono::milliseconds grace) {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    grace_ = grace;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

ChildHistory Supervisor::History(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  for (const auto& child : children_) {
    if (child->spec.name == name) return child->history;
  }
  return {};
}

pid_t Supervisor::Pid(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  for (const auto& child : children_) {
    if (child->spec.name == name) return child->pid;
  }
  return 0;
}

void Supervisor::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    ReapEnded();
    StartDue();
    changed_.wait_for(lock, kPoll);
  }
  StopAll(lock);
}

void Supervisor::StartDue() {
  for (const auto& child : children_) {
    if (child->pid == 0 && Clock::now() >= child->due) child->Spawn();
  }
}

void Supervisor::ReapEnded() {
  for (const auto& child : children_) {
    int status = 0;
    if (child->pid == 0 || waitpid(child->pid, &status, WNOHANG) != child->pid) continue;
    // What it left behind (an emulator, a debugger) must not live on beside its successor.
    kill(-child->pid, SIGKILL);
    child->Ended(DescribeExit(status));
  }
}

void Supervisor::StopAll(std::unique_lock<std::mutex>& lock) {
  for (auto child = children_.rbegin(); child != children_.rend(); ++child) {
    const pid_t pid = (*child)->pid;
    if (pid == 0) continue;
    kill(pid, SIGTERM);
    const auto deadline = Clock::now() + grace_;
    int status = 0;
    while (waitpid(pid, &status, WNOHANG) == 0) {
      if (Clock::now() >= deadline) {
        kill(-pid, SIGKILL);
        waitpid(pid, &status, 0);
        break;
      }
      changed_.wait_for(lock, std::chrono::milliseconds(10));
    }
    kill(-pid, SIGKILL);
    (*child)->pid = 0;
  }
}

}  // namespace tinyrig::cli
