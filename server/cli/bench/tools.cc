#include "server/cli/bench/tools.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

extern char** environ;

namespace tinyrig::cli {
namespace {

constexpr size_t kMaxOutput = 64 << 10;

std::string OnPath(const std::string& name) {
  const char* variable = std::getenv("PATH");
  // uhubctl lives where a plain user does not look, and may be started all the same.
  const std::string path =
      std::string(variable == nullptr ? "/usr/bin:/bin" : variable) + ":/usr/sbin:/usr/local/sbin";
  for (size_t start = 0; start <= path.size();) {
    const size_t colon = std::min(path.find(':', start), path.size());
    const std::string file = path.substr(start, colon - start) + "/" + name;
    start = colon + 1;
    if (access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

std::vector<int> Numbers(std::string_view version) {
  std::vector<int> numbers;
  const char* at = version.data();
  const char* end = at + version.size();
  while (at < end) {
    int number = 0;
    const auto parsed = std::from_chars(at, end, number);
    if (parsed.ec != std::errc()) break;
    numbers.push_back(number);
    if (parsed.ptr == end || *parsed.ptr != '.') break;
    at = parsed.ptr + 1;
  }
  return numbers;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string RunTool(std::vector<std::string> arguments, std::chrono::milliseconds limit) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return "";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int failed = posix_spawn(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(ends[1]);
  std::string output;
  if (failed == 0) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    char buffer[4096];
    while (output.size() < kMaxOutput) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      pollfd readable{ends[0], POLLIN, 0};
      if (left.count() <= 0 || poll(&readable, 1, static_cast<int>(left.count())) <= 0) break;
      const ssize_t count = read(ends[0], buffer, sizeof(buffer));
      if (count <= 0) break;
      output.append(buffer, static_cast<size_t>(count));
    }
    kill(-pid, SIGKILL);  // What has ended does not mind.
    int status = 0;
    waitpid(pid, &status, 0);
  }
  close(ends[0]);
  return output;
}

std::string FirstVersion(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (!IsDigit(text[i]) || (i > 0 && (IsDigit(text[i - 1]) || text[i - 1] == '.'))) continue;
    size_t end = i;
    while (end < text.size() && (IsDigit(text[end]) || text[end] == '.')) ++end;
    std::string version(text.substr(i, end - i));
    while (version.ends_with('.')) version.pop_back();
    if (version.find('.') != std::string::npos) return version;
    i = end;
  }
  return "";
}

bool AtLeast(std::string_view have, std::string_view want) {
  const std::vector<int> numbers = Numbers(have);
  return !numbers.empty() && numbers >= Numbers(want);
}

Tool FindTool(const std::string& name, std::chrono::milliseconds limit) {
  Tool tool{name, OnPath(name), ""};
  if (!tool.path.empty()) tool.version = FirstVersion(RunTool({tool.path, "--version"}, limit));
  return tool;
}

}  // namespace tinyrig::cli
