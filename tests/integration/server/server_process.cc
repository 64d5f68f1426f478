#include "tests/integration/server/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <thread>

extern char** environ;

namespace tinyrig::server {
namespace {

using Clock = std::chrono::steady_clock;

std::string Program() {
  const char* build = std::getenv("TINYRIG_BUILD_DIR");
  return (std::filesystem::path(build == nullptr ? "." : build) / "bin" / "tinyrigd").string();
}

pid_t Spawn(const std::vector<std::string>& arguments, int out_fd, int error_fd) {
  std::vector<std::string> words = {Program()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (out_fd >= 0) posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
  if (error_fd >= 0) posix_spawn_file_actions_adddup2(&actions, error_fd, STDERR_FILENO);
  pid_t pid = -1;
  if (posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ) != 0) pid = -1;
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

// Exit code, or -1 at the deadline.
int WaitFor(pid_t pid, std::chrono::seconds limit) {
  const auto deadline = Clock::now() + limit;
  for (;;) {
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) == pid)
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    if (Clock::now() > deadline) return -1;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace

ServerProcess::ServerProcess() = default;
ServerProcess::~ServerProcess() { Kill(); }

bool ServerProcess::Start(const std::vector<std::string>& arguments) {
  int pipe_fds[2];
  if (::pipe2(pipe_fds, O_CLOEXEC) != 0) return false;
  std::vector<std::string> words = {"--state", state().string(), "--log-level", "warn"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const int error_fd = ::open(said().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  pid_ = Spawn(words, pipe_fds[1], error_fd);
  ::close(error_fd);
  ::close(pipe_fds[1]);
  std::string line;
  const auto deadline = Clock::now() + std::chrono::seconds(20);
  bool ready = false;
  while (!ready && Clock::now() < deadline) {
    pollfd poll_fd{pipe_fds[0], POLLIN, 0};
    if (::poll(&poll_fd, 1, 100) <= 0) continue;
    char buffer[256];
    const ssize_t n = ::read(pipe_fds[0], buffer, sizeof(buffer));
    if (n <= 0) break;
    line.append(buffer, static_cast<size_t>(n));
    ready = line.starts_with("tinyrigd ready: ") && line.ends_with("\n");
  }
  ::close(pipe_fds[0]);
  if (!ready) Kill();
  std::istringstream said(line.substr(line.find(':') + 1));
  addresses_.assign(std::istream_iterator<std::string>(said), {});
  return ready;
}

void ServerProcess::Kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
  PassOn();
}

std::string ServerProcess::Said() const {
  std::ostringstream text;
  text << std::ifstream(said()).rdbuf();
  return text.str();
}

void ServerProcess::PassOn() {
  const std::string all = Said();
  std::cerr << all.substr(passed_on_);
  passed_on_ = all.size();
}

int ServerProcess::Terminate() {
  ::kill(pid_, SIGTERM);
  const int code = WaitFor(pid_, std::chrono::seconds(10));
  if (code < 0) Kill();
  pid_ = -1;
  PassOn();
  return code;
}

int ServerProcess::Run(const std::vector<std::string>& arguments) {
  const pid_t pid = Spawn(arguments, -1, -1);
  const int code = WaitFor(pid, std::chrono::seconds(10));
  if (code < 0) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  return code;
}

}  // namespace tinyrig::server
