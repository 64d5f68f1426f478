#include <fmt/format.h>

#include <cstdlib>
#include <memory>

#include "server/cli/bench/diagnosis.h"
#include "server/cli/client/client.h"
#include "server/cli/client/fetch.h"
#include "server/cli/commands/command.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/service/paths.h"
#include "server/cli/text/file.h"
#include "server/cli/text/wrap.h"

namespace tinyrig::cli {
namespace {

constexpr size_t kIndent = 9;
constexpr size_t kMaxBenchFile = 1 << 20;

struct DoctorOptions {
  std::string bench;
  std::string sysroot = "/";
};

const char* WordOf(Level level) {
  switch (level) {
    case Level::kProblem:
      return "PROBLEM";
    case Level::kNote:
      return "note";
    default:
      return "ok";
  }
}

/// The server that commands without --server would use, and its agents.
std::vector<Finding> CheckService(const Common& common) {
  ServerChoice server = common.server;
  const char* variable = std::getenv("TINYRIG_SERVER");
  if (server.empty() && variable != nullptr) server.address = variable;
  const bool named = !server.empty();
  if (!named) {
    const Result<std::string> state = StateFolder(common.state);
    if (!state.ok()) return {{Level::kNote, "service", state.status().message(), "", ""}};
    server = {ReadServiceFile(*state).address, {}};
    if (!SocketAnswers(server.address) && common.state.empty()) server.address = kMachineServer;
    if (SocketForbidden(server.address)) {
      return {{Level::kProblem, "service", "you may not use the server of this machine",
               server.address, "sudo usermod -aG tinyrig $USER, then log in again"}};
    }
    if (!SocketAnswers(server.address)) {
      return {{Level::kNote, "service", "no service runs here; commands start a private one", "",
               "for a lasting one: tinyrig up"}};
    }
  }
  const std::string& address = server.address;
  const Result<Client> connected = Client::Connect(server);
  if (!connected.ok()) {
    return {{Level::kProblem, "service", connected.status().message(), address,
             "correct --server and what goes with it"}};
  }
  const Client& client = *connected;
  if (const auto info = client.Hello(std::chrono::seconds(3)); !info.ok()) {
    return {{Level::kProblem, "service", info.status().message(), address,
             "start tinyrigd there, or correct --server or $TINYRIG_SERVER"}};
  }
  std::vector<Finding> findings = {{Level::kOk, "service", "the server answers", address, ""}};
  const Result<std::vector<v1::Agent>> agents = FetchAgents(client);
  if (!agents.ok()) return findings;
  for (const v1::Agent& agent : *agents) {
    const std::string what = fmt::format("agent {} of bench {} is {}connected", agent.agent_id(),
                                         agent.bench(), agent.connected() ? "" : "not ");
    findings.push_back({agent.connected() ? Level::kOk : Level::kNote, "service", what, "",
                        agent.connected() ? "" : "start tinyrig-agent on that bench"});
  }
  return findings;
}

Result<std::vector<Finding>> Examine(const DoctorOptions& options, const Common& common) {
  std::vector<Tool> tools;
  for (const std::string& name : ToolNames()) tools.push_back(FindTool(name));
  Person person = ThisPerson();
  person.ask_kernel = options.sysroot == "/";
  const Machine machine = ScanMachine(options.sysroot, person);
  std::vector<Finding> findings = CheckTools(tools);
  const auto add = [&findings](std::vector<Finding> more) {
    findings.insert(findings.end(), more.begin(), more.end());
  };
  add(CheckMachine(machine));
  if (!options.bench.empty()) {
    TRY_ASSIGN(const std::string yaml, ReadFile(options.bench, kMaxBenchFile));
    TRY_ASSIGN(const std::vector<BenchBoard> boards, ReadBenchBoards(yaml, options.bench));
    add(CheckBench(machine, boards, options.sysroot));
  }
  add(CheckService(common));
  return findings;
}

void Print(const std::vector<Finding>& findings, size_t problems) {
  for (const Finding& finding : findings) {
    const std::string where =
        finding.where.empty() || finding.what.find(finding.where) != std::string::npos
            ? ""
            : fmt::format(" [{}]", finding.where);
    std::string text = Wrap(finding.what + where, kIndent);
    text.replace(0, kIndent, fmt::format("{:<{}}", WordOf(finding.level), kIndent));
    fmt::print("{}", text);
    if (!finding.todo.empty()) {
      std::string todo = Wrap("-> " + finding.todo, kIndent);
      fmt::print("{}", todo);
    }
  }
  fmt::print("\n{}\n", problems == 0 ? "Nothing stands in the way."
                                     : fmt::format("{} problem{} to solve.", problems,
                                                   problems == 1 ? "" : "s"));
}

Result<int> Doctor(const DoctorOptions& options, const Common& common) {
  TRY_ASSIGN(const std::vector<Finding> findings, Examine(options, common));
  size_t problems = 0;
  Json list = Json::array();
  for (const Finding& finding : findings) {
    problems += finding.level == Level::kProblem ? 1 : 0;
    Json json = {{"level", finding.level == Level::kProblem ? "problem" : WordOf(finding.level)},
                 {"check", finding.check},
                 {"what", finding.what}};
    if (!finding.where.empty()) json["where"] = finding.where;
    if (!finding.todo.empty()) json["todo"] = finding.todo;
    list.push_back(std::move(json));
  }
  if (common.json) {
    fmt::print("{}", Dump({{"problems", problems}, {"findings", list}}));
  } else {
    Print(findings, problems);
  }
  return problems == 0 ? kExitOk : kExitUsage;
}

}  // namespace

Runner DefineDoctor(CLI::App& app) {
  auto options = std::make_shared<DoctorOptions>();
  app.add_option("--bench", options->bench, "Compare this bench file with what is connected")
      ->type_name("FILE");
  app.add_option("--sysroot", options->sysroot, "Look at a copy of /sys, /dev, /proc and /etc")
      ->type_name("DIR");
  return [options](const Common& common) { return Doctor(*options, common); };
}

}  // namespace tinyrig::cli
