#include "tests/integration/vboard/harness.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace tinyrig::agent::vboard {
namespace {

using Clock = std::chrono::steady_clock;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

int RemainingMs(Clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::max<int64_t>(left, 0));
}

}  // namespace

RunResult RunProgram(const std::vector<std::string>& argv, std::chrono::seconds deadline) {
  const ScratchDirectory scratch;
  const std::string log = scratch.path() + "/log";
  const auto start = Clock::now();
  Process process;
  RunResult result;
  if (const Status status = process.Spawn(argv, {}, log); !status.ok()) {
    result.log = status.ToString();
    return result;
  }
  while (process.Alive() && Clock::now() < start + deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  process.Kill();
  constexpr std::string_view kExit = "exit status ";
  if (process.end().starts_with(kExit)) {
    result.exit_status = std::stoi(process.end().substr(kExit.size()));
  }
  result.log = ReadFile(log);
  return result;
}

std::string Firmware(const std::string& name) {
  return std::string(TINYRIG_TEST_FIRMWARE_DIR) + "/" + name + ".elf";
}

std::string OpenOcdConfig(const std::string& name) {
  return std::string(TINYRIG_TEST_CONFIGS) + "/" + name + ".cfg";
}

std::vector<std::string> BoardCommand(const std::string& serial, const std::string& directory,
                                      const std::string& type) {
  return {TINYRIG_TEST_VBOARD, "--type", type, "--serial", serial, "--dir", directory};
}

ScratchDirectory::ScratchDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "vbXXXXXX").string();
  if (!mkdtemp(pattern.data())) throw std::runtime_error("cannot make a directory in /tmp");
  path_ = pattern;
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Terminal::Terminal(const std::string& path)
    : fd_(open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)) {
  EXPECT_TRUE(fd_.valid()) << path;
}

void Terminal::Write(std::string_view bytes) {
  const auto deadline = Clock::now() + std::chrono::seconds(60);
  while (!bytes.empty()) {
    const ssize_t put = write(fd_.get(), bytes.data(), bytes.size());
    if (put > 0) {
      bytes.remove_prefix(static_cast<size_t>(put));
      continue;
    }
    pollfd entry{fd_.get(), POLLOUT, 0};
    ASSERT_GT(poll(&entry, 1, RemainingMs(deadline)), 0) << bytes.size() << " bytes not taken";
  }
}

bool Terminal::ReadMore(Clock::time_point deadline) {
  pollfd entry{fd_.get(), POLLIN, 0};
  if (poll(&entry, 1, RemainingMs(deadline)) <= 0) return false;
  std::array<char, 65536> chunk;
  const ssize_t got = read(fd_.get(), chunk.data(), chunk.size());
  if (got > 0) received_.append(chunk.data(), static_cast<size_t>(got));
  return got > 0;
}

std::string Terminal::Read(size_t count, std::chrono::milliseconds wait) {
  const auto deadline = Clock::now() + wait;
  while (received_.size() < count && ReadMore(deadline)) {
  }
  std::string taken = received_.substr(0, count);
  received_.erase(0, count);
  return taken;
}

std::string Terminal::ReadUntil(std::string_view end, std::chrono::milliseconds wait) {
  const auto deadline = Clock::now() + wait;
  while (received_.find(end) == std::string::npos && ReadMore(deadline)) {
  }
  const size_t at = received_.find(end);
  return Read(at == std::string::npos ? received_.size() : at + end.size(),
              std::chrono::milliseconds(0));
}

std::string Terminal::ReadQuiet(std::chrono::milliseconds quiet) {
  while (ReadMore(Clock::now() + quiet)) {
  }
  return std::exchange(received_, {});
}

RunningBoard::RunningBoard(std::string serial, std::string type)
    : serial_(std::move(serial)), type_(std::move(type)) {
  Start();
}

void RunningBoard::KillAndStartAgain() {
  process_.Kill();
  Start();
}

void RunningBoard::Start() {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  UniqueFd read_end(ready[0]);
  UniqueFd write_end(ready[1]);
  std::vector<std::string> argv = BoardCommand(serial_, scratch_.path(), type_);
  argv.insert(argv.end(), {"--ready-fd", std::to_string(Process::kFirstChildFd)});
  const std::string log = Path("vboard.log");
  const Status status = process_.Spawn(argv, {write_end.get()}, log);
  write_end.Reset();
  std::array<char, 6> text{};
  pollfd entry{read_end.get(), POLLIN, 0};
  if (!status.ok() || poll(&entry, 1, 20000) <= 0 ||
      read(read_end.get(), text.data(), text.size()) != 6) {
    throw std::runtime_error("the board did not start: " + status.ToString() + ReadFile(log));
  }
}

std::string RunningBoard::ControlLine(const std::string& line) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, Path("control.sock").c_str(), sizeof address.sun_path - 1);
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return "";
  const std::string sent = line + "\n";
  if (send(fd.get(), sent.data(), sent.size(), MSG_NOSIGNAL) < 0) return "";
  std::string answer;
  const auto deadline = Clock::now() + std::chrono::seconds(10);
  while (!answer.ends_with('\n')) {
    pollfd entry{fd.get(), POLLIN, 0};
    std::array<char, 4096> chunk;
    if (poll(&entry, 1, RemainingMs(deadline)) <= 0) return "";
    const ssize_t got = recv(fd.get(), chunk.data(), chunk.size(), 0);
    if (got <= 0) return "";
    answer.append(chunk.data(), static_cast<size_t>(got));
  }
  return answer;
}

nlohmann::json RunningBoard::Control(const nlohmann::json& command) {
  return nlohmann::json::parse(ControlLine(command.dump()));
}

void RunningBoard::Fault(const std::string& name, nlohmann::json parameters) {
  parameters["cmd"] = "fault";
  parameters["name"] = name;
  const auto answer = Control(parameters);
  EXPECT_TRUE(answer["ok"].get<bool>()) << answer;
}

void RunningBoard::Power(const std::string& state) {
  const auto answer = Control({{"cmd", "power"}, {"state", state}});
  EXPECT_TRUE(answer["ok"].get<bool>()) << answer;
}

std::string RunningBoard::core() { return Control({{"cmd", "status"}})["core"]; }

std::vector<std::string> RunningBoard::OpenOcdCommand(
    const std::vector<std::string>& commands) const {
  // The stand-in must be in OpenOCD only, so it is env that sets it.
  std::vector<std::string> argv = {"env",
                                   "TINYRIG_VBOARD_DAP=" + Path("dap.sock"),
                                   std::string("LD_PRELOAD=") + TINYRIG_TEST_HIDAPI,
                                   "openocd",
                                   "-c",
                                   "set SERIAL " + serial_ + "; " + settings,
                                   "-f",
                                   OpenOcdConfig(type_)};
  for (const std::string& command : commands) argv.insert(argv.end(), {"-c", command});
  argv.insert(argv.end(), {"-c", "shutdown"});
  return argv;
}

RunResult RunningBoard::OpenOcd(const std::vector<std::string>& commands,
                                std::chrono::seconds deadline) const {
  return RunProgram(OpenOcdCommand(commands), deadline);
}

RunResult RunningBoard::LoadAndRun(const std::string& image) const {
  return OpenOcd(
      {"init", "reset halt", "load_image " + image, "verify_image " + image, "reset run"});
}

RunResult RunningBoard::Program(const std::string& image) const {
  return OpenOcd({"program " + image + " verify reset"});
}

}  // namespace tinyrig::agent::vboard
