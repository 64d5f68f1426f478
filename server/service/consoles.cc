#include "server/service/consoles.h"

#include <utility>

namespace tinyrig::server {
namespace {

v1::ServerMessage CommandFor(uint64_t console) {
  v1::ServerMessage message;
  message.mutable_console()->set_console_id(console);
  return message;
}

}  // namespace

uint64_t Consoles::Open(std::shared_ptr<AgentLink> agent, const v1::ConsoleOpen& request,
                        std::weak_ptr<ConsoleClient> client) {
  const uint64_t id = ++last_;
  v1::ServerMessage message = CommandFor(id);
  v1::ConsoleStart& start = *message.mutable_console()->mutable_start();
  start.set_board_id(request.board_id());
  start.set_reset(request.reset());
  agent->Send(std::move(message));
  consoles_[id] = {std::move(agent), std::move(client)};
  return id;
}

void Consoles::Input(uint64_t console, const std::string& bytes) {
  const auto found = consoles_.find(console);
  if (found == consoles_.end()) return;
  v1::ServerMessage message = CommandFor(console);
  message.mutable_console()->set_input(bytes);
  found->second.agent->Send(std::move(message));
}

void Consoles::Close(uint64_t console) {
  const auto found = consoles_.find(console);
  if (found == consoles_.end()) return;
  v1::ServerMessage message = CommandFor(console);
  message.mutable_console()->set_close(true);
  found->second.agent->Send(std::move(message));
  consoles_.erase(found);
}

void Consoles::Report(const AgentLink& agent, const v1::ConsoleReport& report) {
  const auto found = consoles_.find(report.console_id());
  // An agent has no say in consoles of others.
  if (found == consoles_.end() || found->second.agent.get() != &agent) return;
  const auto client = found->second.client.lock();
  if (report.ended()) consoles_.erase(found);
  if (!client) return;
  if (!report.data().empty() || !report.note().empty()) {
    v1::ConsoleOutput output;
    output.set_data(report.data());
    output.set_note(report.note());
    client->Output(std::move(output));
  }
  if (!report.ended()) return;
  const bool known = report.code() <= static_cast<uint32_t>(Code::kUnauthenticated);
  const Code code = known ? static_cast<Code>(report.code()) : Code::kUnknown;
  client->Ended(code == Code::kOk ? OkStatus() : Status(code, report.message()));
}

void Consoles::AgentGone(const AgentLink& agent) {
  for (auto console = consoles_.begin(); console != consoles_.end();) {
    if (console->second.agent.get() != &agent) {
      ++console;
      continue;
    }
    const auto client = console->second.client.lock();
    console = consoles_.erase(console);
    if (client) {
      client->Ended(Status(Code::kUnavailable, "the agent of this board went away; try again"));
    }
  }
}

}  // namespace tinyrig::server
