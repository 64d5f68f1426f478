#include "server/cli/service/local_service.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#include "server/cli/client/fetch.h"
#include "server/cli/text/file.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::seconds kReadyTimeout{60};
constexpr unsigned kHopelessExits = 4;

/// Children get what programs need to work and nothing that may be secret.
std::vector<std::string> ChildEnvironment() {
  std::vector<std::string> environment = {"GRPC_ENABLE_FORK_SUPPORT=0"};
  for (const char* name : {"PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR",
                           "XDG_RUNTIME_DIR", "ASAN_OPTIONS", "UBSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name))
      environment.push_back(fmt::format("{}={}", name, value));
  }
  return environment;
}

std::string LastLines(const std::string& path, size_t count) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(Shorten(Printable(line), 200));
    if (lines.size() > count) lines.erase(lines.begin());
  }
  std::string text;
  for (const std::string& line : lines) text += "\n    " + line;
  return text;
}

}  // namespace

Result<std::unique_ptr<LocalService>> LocalService::Start(const LocalServiceOptions& options) {
  std::unique_ptr<LocalService> service(new LocalService());
  service->state_ = options.state;
  TRY(MakePrivateFolder(service->state_));
  TRY(MakePrivateFolder(service->LogFolder()));
  auto lock = FileLock::Try(service->state_ + "/service.lock", FileLock::Kind::kExclusive);
  if (!lock.ok() && lock.status().code() == Code::kUnavailable) {
    return Status(
        Code::kAlreadyExists,
        fmt::format("a service already runs in '{}'; use it, stop it, or name another folder "
                    "with --state",
                    service->state_));
  }
  TRY(lock.status());
  service->lock_ = std::move(*lock);
  TRY_ASSIGN(service->sockets_, MakeSocketFolder(service->state_));
  service->address_ = "unix:" + service->sockets_.path + "/tinyrigd.sock";
  TRY_ASSIGN(service->boards_, PlanBoards(options.boards, service->sockets_.path));
  service->supervisor_ = std::make_unique<Supervisor>();
  TRY(service->StartBoards());
  TRY(service->PrepareAgent());
  TRY(service->StartServer(options));
  return service;
}

LocalService::~LocalService() {
  if (supervisor_ != nullptr) supervisor_->Stop();
  if (!lock_.held()) return;
  RemoveServiceFile(state_);
  std::error_code ignored;
  if (sockets_.temporary) fs::remove_all(sockets_.path, ignored);
}

Status LocalService::StartBoards() {
  if (boards_.empty()) return OkStatus();
  TRY_ASSIGN(const std::string program, FindProgram("tinyrig-vboard"));
  TRY(MakePrivateFolder(sockets_.path + "/boards"));
  for (const VirtualBoard& board : boards_) {
    // What an earlier run left there would look like a board that is ready.
    std::error_code ignored;
    fs::remove_all(board.folder, ignored);
    TRY(MakePrivateFolder(board.folder));
    if (!board.kind->emulated()) continue;
    Supervise("board " + board.id, {program, "--type", std::string(board.kind->board_type),
                                    "--serial", board.serial, "--dir", board.folder});
  }
  return OkStatus();
}

Status LocalService::StartServer(const LocalServiceOptions& options) {
  TRY_ASSIGN(const std::string program, FindProgram("tinyrigd"));
  std::vector<std::string> argv = {program, "--state", state_, "--listen", address_};
  for (const std::string& address : options.listen) {
    TRY(CheckAddress(address));
    argv.insert(argv.end(), {"--listen", address});
  }
  Supervise("tinyrigd", std::move(argv));
  return WriteServiceFile(state_, {address_, options.is_private});
}

Status LocalService::PrepareAgent() {
  if (boards_.empty()) return OkStatus();
  TRY_ASSIGN(const std::string program, FindProgram("tinyrig-agent"));
  TRY_ASSIGN(const std::string library, FindBesidePrograms("lib/tinyrig/libtinyrig-hidapi.so"));
  const std::string folder = state_ + "/agent";
  const std::string bench = state_ + "/bench.yaml";
  TRY(MakePrivateFolder(folder));
  TRY(WriteFile(bench, BenchFile(boards_, address_, folder, library)));
  agent_ = {program, "--bench", bench};
  return OkStatus();
}

void LocalService::Supervise(const std::string& name, std::vector<std::string> argv) {
  supervisor_->Start({name, std::move(argv), ChildEnvironment(), LogPath(name)});
}

std::string LocalService::LogPath(const std::string& name) const {
  std::string file = name;
  std::ranges::replace(file, ' ', '-');
  return fmt::format("{}/{}.log", LogFolder(), file);
}

Status LocalService::NotComing(const std::string& name, const std::string& waited_for) const {
  const ChildHistory history = supervisor_->History(name);
  const std::string why = history.exits == 0
                              ? fmt::format("{} in {} s", waited_for, kReadyTimeout.count())
                              : fmt::format("{}: it ended {} times, last with {}", waited_for,
                                            history.exits, history.last_exit);
  return {Code::kInternal, fmt::format("{} does not come up: {}. Its log {} ends with:{}", name,
                                       why, LogPath(name), LastLines(LogPath(name), 8))};
}

Status LocalService::ProbeServer(const Client& client) const {
  if (!SocketAnswers(address_)) return NotComing("tinyrigd", "no answer at its socket");
  const auto hello = client.Hello(std::chrono::seconds(2));
  return hello.ok() ? OkStatus() : NotComing("tinyrigd", hello.status().message());
}

Status LocalService::ProbeInstruments() const {
  for (const VirtualBoard& board : boards_) {
    if (!board.kind->emulated()) continue;
    const bool there = fs::exists(board.folder + "/dap.sock") &&
                       fs::exists(board.folder + "/tty") &&
                       SocketAnswers("unix:" + board.folder + "/control.sock");
    if (!there) return NotComing("board " + board.id, "its instruments do not answer");
  }
  return OkStatus();
}

Status LocalService::ProbeBoards(const Client& client) const {
  TRY_ASSIGN(const std::vector<v1::Board> boards, FetchBoards(client));
  for (const VirtualBoard& wanted : boards_) {
    const auto board = std::ranges::find(boards, wanted.id, &v1::Board::board_id);
    if (board == boards.end()) {
      return NotComing("tinyrig-agent",
                       fmt::format("board {} is not known to the server", wanted.id));
    }
    if (board->state() == v1::BOARD_STATE_OFFLINE) {
      return NotComing("tinyrig-agent",
                       fmt::format("board {} is offline: {}", wanted.id, board->note()));
    }
  }
  return OkStatus();
}

Status LocalService::Advance(const Client& client) {
  TRY(ProbeServer(client));
  TRY(ProbeInstruments());
  if (boards_.empty()) return OkStatus();
  if (!agent_.empty()) Supervise("tinyrig-agent", std::exchange(agent_, {}));
  return ProbeBoards(client);
}

Status LocalService::WaitReady(const std::function<bool()>& stop) {
  const Client client(address_);
  const auto deadline = std::chrono::steady_clock::now() + kReadyTimeout;
  while (true) {
    const Status status = Advance(client);
    if (status.ok()) return status;
    if (stop()) return {Code::kCancelled, "interrupted while the service was starting"};
    for (const char* name : {"tinyrigd", "tinyrig-agent"}) {
      if (supervisor_->History(name).exits >= kHopelessExits)
        return NotComing(name, "it keeps ending");
    }
    if (std::chrono::steady_clock::now() >= deadline) return status;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

}  // namespace tinyrig::cli
