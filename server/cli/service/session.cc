#include "server/cli/service/session.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "server/cli/client/fetch.h"
#include "server/cli/service/paths.h"

namespace tinyrig::cli {
namespace {

constexpr std::chrono::seconds kNamedTimeout{5};
constexpr std::chrono::seconds kOthersTimeout{30};
constexpr std::chrono::milliseconds kPoll{50};

std::string UsersLock(const std::string& state) { return state + "/users.lock"; }

/// A private server without an agent will never measure anything.
bool HasAgent(const Client& client) {
  const Result<std::vector<v1::Agent>> agents = FetchAgents(client);
  if (!agents.ok()) return agents.status().code() == Code::kUnimplemented;
  for (const v1::Agent& agent : *agents) {
    if (agent.connected()) return true;
  }
  return false;
}

Status MayNotUse() {
  return {Code::kPermissionDenied,
          "you may not use the server of this machine; join its group (sudo usermod -aG tinyrig "
          "$USER) and log in again, or choose a folder of your own with --state"};
}

/// The server of this machine, for those who run none of their own; empty when there is none.
std::string MachineServer(const SessionNeeds& needs) {
  const Result<std::string> own = StateFolder("");
  if (own.ok() && SocketAnswers(ReadServiceFile(*own).address)) return "";
  if (SocketAnswers(kMachineServer)) return kMachineServer;
  if (SocketForbidden(kMachineServer)) {
    needs.say(fmt::format("{}. Going on without it", MayNotUse().message()));
  }
  return "";
}

}  // namespace

Result<Session> Session::Open(const ServerChoice& server, const std::string& state_flag,
                              const SessionNeeds& needs) {
  Session session;
  const char* variable = std::getenv("TINYRIG_SERVER");
  ServerChoice named = server;
  if (named.empty() && variable != nullptr) named.address = variable;
  if (named.empty() && state_flag.empty()) named.address = MachineServer(needs);
  if (!named.empty()) {
    TRY_ASSIGN(Client client, Client::Connect(named));
    session.client_ = std::make_unique<Client>(std::move(client));
    TRY(session.client_->Hello(kNamedTimeout).status());
    return session;
  }
  TRY_ASSIGN(session.state_, StateFolder(state_flag));
  const std::string& state = session.state_;
  if (needs.boards == "none" && !std::filesystem::exists(state)) {
    if (state_flag.empty() && SocketForbidden(kMachineServer)) return MayNotUse();
    return Status(
        Code::kUnavailable,
        fmt::format("nothing was measured yet: no server runs and '{}' does not exist. Start "
                    "with 'tinyrig run CAMPAIGN.yaml', 'tinyrig up', or name a server with "
                    "--server",
                    state));
  }
  TRY(MakePrivateFolder(state));
  const auto deadline = std::chrono::steady_clock::now() + kOthersTimeout;
  for (bool told = false; std::chrono::steady_clock::now() < deadline;) {
    if (needs.stop()) return Status(Code::kCancelled, "interrupted");
    auto lock = FileLock::Try(UsersLock(state), FileLock::Kind::kShared);
    const ServiceFile running = ReadServiceFile(state);
    if (lock.ok() && SocketAnswers(running.address)) {
      auto client = std::make_unique<Client>(running.address);
      const bool useful = needs.boards == "none" || !running.is_private || HasAgent(*client);
      if (client->Hello(kNamedTimeout).ok() && useful) {
        session.using_ = std::move(*lock);
        session.client_ = std::move(client);
        return session;
      }
    } else if (lock.ok()) {
      auto service = LocalService::Start({state, needs.boards, {}, /*is_private=*/true});
      if (service.ok()) {
        session.using_ = std::move(*lock);
        session.service_ = std::move(*service);
        TRY(session.service_->WaitReady(needs.stop));
        session.client_ = std::make_unique<Client>(session.service_->address());
        return session;
      }
      if (service.status().code() != Code::kAlreadyExists) return service.status();
    } else if (lock.status().code() != Code::kUnavailable) {
      return lock.status();
    }
    // Another command is starting or stopping its service; soon there is one, or none.
    if (!told) needs.say("waiting for another tinyrig command that starts or stops a service");
    told = true;
    std::this_thread::sleep_for(kPoll);
  }
  return Status(
      Code::kUnavailable,
      fmt::format("another process holds '{}' and its server does not serve this command; see "
                  "the logs in {}/logs, or name another folder with --state",
                  state, state));
}

Session::~Session() {
  if (service_ == nullptr) return;
  using_.Release();
  FileLock alone;
  for (bool told = false; !alone.held();) {
    auto lock = FileLock::Try(UsersLock(state_), FileLock::Kind::kExclusive);
    if (lock.ok()) {
      alone = std::move(*lock);
    } else if (lock.status().code() != Code::kUnavailable) {
      break;
    } else {
      if (!told)
        std::fputs("tinyrig: another command still uses this service; waiting for it\n", stderr);
      told = true;
      std::this_thread::sleep_for(kPoll);
    }
  }
  client_.reset();
  service_.reset();
}

}  // namespace tinyrig::cli
