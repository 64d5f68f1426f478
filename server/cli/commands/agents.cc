#include <fmt/format.h>

#include <memory>

#include "server/cli/client/fetch.h"
#include "server/cli/commands/command.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/report/records.h"
#include "server/cli/service/session.h"
#include "server/cli/text/table.h"
#include "server/cli/text/wrap.h"

namespace tinyrig::cli {
namespace {

struct DrainOptions {
  std::string agent;
  std::string reason;
  bool off = false;
};

Json AgentJson(const v1::Agent& agent) {
  Json json = {{"agent_id", agent.agent_id()},
               {"bench", agent.bench()},
               {"version", agent.version()},
               {"connected", agent.connected()},
               {"last_seen", FormatTime(agent.last_seen_us())},
               {"draining", agent.draining()}};
  if (!agent.drain_reason().empty()) json["drain_reason"] = agent.drain_reason();
  return json;
}

Result<int> ShowAgents(const Client& client, bool json) {
  TRY_ASSIGN(const std::vector<v1::Agent> agents, FetchAgents(client));
  if (json) {
    Json list = Json::array();
    for (const v1::Agent& agent : agents) list.push_back(AgentJson(agent));
    fmt::print("{}", Dump({{"agents", list}}));
    return kExitOk;
  }
  if (agents.empty()) {
    fmt::print("no agent ever connected\n");
    return kExitOk;
  }
  Table table({{"agent"}, {"bench"}, {"version"}, {"state"}, {"last seen"}});
  std::string notes;
  for (const v1::Agent& agent : agents) {
    table.AddRow({agent.agent_id(), agent.bench(), agent.version(),
                  !agent.connected() ? "offline"
                  : agent.draining() ? "in drain"
                                     : "connected",
                  FormatTime(agent.last_seen_us())});
    if (agent.draining()) {
      notes += Wrap(fmt::format("{} is in drain: {}", agent.agent_id(), agent.drain_reason()));
    }
  }
  fmt::print("{}{}{}", table.Render(), notes.empty() ? "" : "\n", notes);
  return kExitOk;
}

Result<int> DrainAgent(const Client& client, const DrainOptions& options, bool json) {
  v1::SetAgentDrainRequest request;
  request.set_agent_id(options.agent);
  request.set_drain(!options.off);
  request.set_reason(options.reason);
  TRY_ASSIGN(const v1::Agent agent,
             client.Call(&v1::BoardService::Stub::SetAgentDrain, request, "drain"));
  if (json) {
    fmt::print("{}", Dump(AgentJson(agent)));
  } else {
    const std::string now = agent.draining()
                                ? "gets no jobs any more; what runs there goes on to its end."
                                : "gets jobs again.";
    fmt::print("{}", Wrap(agent.agent_id() + " " + now));
  }
  return kExitOk;
}

Result<int> DrainServer(const Client& client, const DrainOptions& options, bool json) {
  v1::SetDrainRequest request;
  request.set_drain(!options.off);
  TRY_ASSIGN(const v1::ServerInfo info,
             client.Call(&v1::ServerService::Stub::SetDrain, request, "drain"));
  if (json) {
    fmt::print("{}", Dump({{"draining", info.draining()},
                           {"leased", info.leased()},
                           {"queued", info.queued()}}));
    return kExitOk;
  }
  fmt::print("{}", Wrap(info.draining()
                            ? fmt::format("No more jobs are offered until --off or a restart; {} "
                                          "still run, {} wait.",
                                          info.leased(), info.queued())
                            : fmt::format("Jobs are offered again; {} wait.", info.queued())));
  return kExitOk;
}

}  // namespace

Runner DefineAgents(CLI::App&) {
  return [](const Common& common) -> Result<int> {
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    return ShowAgents(session.client(), common.json);
  };
}

Runner DefineDrain(CLI::App& app) {
  auto options = std::make_shared<DrainOptions>();
  CLI::Option* agent =
      app.add_option("--agent", options->agent, "This bench only (default: the whole server)")
          ->type_name("AGENT");
  app.add_option("--reason", options->reason, "What others see; with --agent")
      ->type_name("TEXT")
      ->needs(agent);
  app.add_flag("--off", options->off, "Offer jobs again");
  return [options](const Common& common) -> Result<int> {
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    return options->agent.empty() ? DrainServer(session.client(), *options, common.json)
                                  : DrainAgent(session.client(), *options, common.json);
  };
}

}  // namespace tinyrig::cli
