#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <system_error>
#include <vector>

#include "server/cli/commands/command.h"
#include "server/cli/exit_code.h"
#include "server/cli/text/suggest.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

constexpr Command kCommands[] = {
    {"up", "Run a local service with virtual boards until Ctrl-C",
     "  tinyrig up\n"
     "  tinyrig up --virtual m4,m4,m4,m4 --state /tmp/bench\n",
     DefineUp},
    {"run", "Measure a campaign, or one model",
     "  tinyrig run firmware/zoo/demo.yaml\n"
     "  tinyrig run model.tflite --variant kernels=dsp --variant kernels=dsp,weights=int16\n"
     "  tinyrig run model.tflite --vectors test.npz --board-type virtual_m4 --json >result.json\n"
     "  tinyrig run campaign.yaml --check\n",
     DefineRun},
    {"watch", "Follow a campaign until it has ended",
     "  tinyrig watch        the newest\n"
     "  tinyrig watch 3 --json\n",
     DefineWatch},
    {"boards", "List boards and their state",
     "  tinyrig boards\n"
     "  tinyrig boards --types\n",
     DefineBoards},
    {"board", "Reserve, release or recover a board, or take it out of service",
     "  tinyrig board reserve m4-1 --for 30m --reason \"new cable\"\n"
     "  tinyrig board release m4-1\n"
     "  tinyrig board maintenance m4-1 --reason \"probe is broken\"\n"
     "  tinyrig board maintenance m4-1 --off\n"
     "  tinyrig board recover m4-1\n",
     DefineBoard},
    {"window", "Let boards rest at given times",
     "  tinyrig window add \"rack == 3\" --start \"2026-11-24 02:00\" --for 2h --every 7d\n"
     "  tinyrig window list\n"
     "  tinyrig window remove 1\n",
     DefineWindow},
    {"agents", "List agents: who is connected, who is in drain", "  tinyrig agents\n",
     DefineAgents},
    {"drain", "Offer no more jobs; what runs goes on to its end",
     "  tinyrig drain\n"
     "  tinyrig drain --agent bench-1 --reason \"new cables\"\n"
     "  tinyrig drain --off\n",
     DefineDrain},
    {"console", "Watch what a board says and type to it, live",
     "  tinyrig console m4-1\n"
     "  tinyrig console m4-1 --reset --seconds 5\n",
     DefineConsole},
    {"jobs", "List jobs",
     "  tinyrig jobs --campaign 3\n"
     "  tinyrig jobs --json\n",
     DefineJobs},
    {"job", "Show a job: attempts, phases, failures, measurements",
     "  tinyrig job 17\n"
     "  tinyrig job 17 --timeline\n"
     "  tinyrig job 17 --json\n",
     DefineJob},
    {"rerun", "Measure a job again: same image, same vectors",
     "  tinyrig rerun 17\n"
     "  tinyrig rerun 17 --wait --json\n",
     DefineRerun},
    {"results", "Show what was measured",
     "  tinyrig results\n"
     "  tinyrig results --campaign 3 --metric instructions_p50 --metric arena_used_bytes\n",
     DefineResults},
    {"pareto", "Show the front over chosen metrics",
     "  tinyrig pareto --min instructions_p50 --min flash_model_bytes --max accuracy_top1\n"
     "  tinyrig pareto --min ram_model_bytes --max accuracy_top1 --campaign 3 --json\n"
     "  tinyrig pareto --all --where \"model == kws && kernels == dsp\" --limit "
     "'flash_model_bytes<=256kB'\n",
     DefinePareto},
    {"compare", "Compare two jobs, metric by metric and operator by operator",
     "  tinyrig compare 17 21\n", DefineCompare},
    {"profile", "Show what each operator of a model takes, as table and bars",
     "  tinyrig profile model.tflite\n"
     "  tinyrig profile model.tflite --variant kernels=reference --html profile.html\n"
     "  tinyrig profile 17          a job that was measured with --profile or --layer-hashes\n",
     DefineProfile},
    {"query", "Ask the result database in SQL (read-only)",
     "  tinyrig query \"SELECT model, kernels, value FROM results WHERE "
     "metric='instructions_p50'\"\n"
     "  tinyrig query --csv \"SELECT * FROM results\" >results.csv\n",
     DefineQuery},
    {"report", "Write a report: HTML with a plot, JUnit or CSV",
     "  tinyrig report --html report.html\n"
     "  tinyrig report --campaign 3 --junit junit.xml --csv results.csv\n",
     DefineReport},
    {"manifest", "Print everything needed to repeat a job", "  tinyrig manifest 17 >job.json\n",
     DefineManifest},
    {"logs", "Print the log of a job",
     "  tinyrig logs 17\n"
     "  tinyrig logs 17 --follow\n",
     DefineLogs},
    {"cancel", "Cancel a campaign or a job",
     "  tinyrig cancel --campaign 3\n"
     "  tinyrig cancel --job 17\n",
     DefineCancel},
    {"model", "Describe a .tflite file: operators, sizes, what is supported (no server)",
     "  tinyrig model model.tflite\n"
     "  tinyrig model model.tflite --tensors --json\n",
     DefineModel},
    {"plan", "Show what the compiler makes of a model (no server)",
     "  tinyrig plan model.tflite --variant kernels=dsp,weights=int16\n"
     "  tinyrig plan model.tflite --board-type virtual_m4 --json\n"
     "  tinyrig plan model.tflite --fusion tiny:min_ram --svg memory.svg\n",
     DefinePlan},
    {"backup", "Copy the database while the server works",
     "  tinyrig backup\n"
     "  tinyrig backup before-upgrade.db\n",
     DefineBackup},
    {"check", "Look whether database and files of the server are whole",
     "  tinyrig check\n"
     "  tinyrig check --deep\n",
     DefineCheck},
    {"prune", "Forget campaigns that ended long ago",
     "  tinyrig prune --older-than 90d --dry-run\n"
     "  tinyrig prune --older-than 30d --details-only\n",
     DefinePrune},
    {"doctor", "Check this machine as a bench: tools, probes, permissions, ports",
     "  tinyrig doctor\n"
     "  tinyrig doctor --bench /etc/tinyrig/bench.yaml\n"
     "  tinyrig doctor --json\n",
     DefineDoctor},
    {"bench", "Write a bench file for the boards that are plugged in here",
     "  tinyrig bench init\n"
     "  tinyrig bench init --import-zephyr hardware-map.yml -o bench.yaml\n",
     DefineBench},
    {"whoami", "Say who the server takes you for", "  tinyrig whoami\n", DefineWhoAmI},
    {"token", "Make, list and revoke the tokens that let people, CI and benches in",
     "  tinyrig token create ci --user ci --role submitter >ci.token\n"
     "  tinyrig token create bench1 --user bench1 --role agent --expires never >bench1.token\n"
     "  tinyrig token list\n"
     "  tinyrig token revoke ci\n",
     DefineToken},
    {"audit", "Show who changed or was refused what",
     "  tinyrig audit\n"
     "  tinyrig audit --user ann --limit 500 --json\n",
     DefineAudit},
};

void AddCommon(CLI::App& app, Common& common) {
  app.add_option("--server", common.server.address,
                 "unix:/path or host:port (default: $TINYRIG_SERVER, else local)")
      ->type_name("ADDR")
      ->group("Common options");
  const auto file = [&app](const char* name, std::string& field, const char* what) {
    app.add_option(name, field, what)->type_name("FILE")->group("Common options");
  };
  ChannelSecurity& security = common.server.security;
  file("--ca", security.ca_file,
       "Who signs the server's certificate (default: $TINYRIG_CA, else the system's list)");
  file("--token-file", security.token_file, "File with your token (default: $TINYRIG_TOKEN)");
  file("--cert", security.cert_file, "Your certificate, where a server asks for one");
  file("--key", security.key_file, "Its key");
  app.add_option("--state", common.state,
                 "Folder of the local service (default: ~/.local/state/tinyrig)")
      ->type_name("DIR")
      ->group("Common options");
  app.add_flag("--json", common.json, "Print one JSON document")->group("Common options");
}

void PrintError(const std::string& message) { fmt::print(stderr, "tinyrig: {}\n", message); }

/// An error of the command line, with the nearest command when its name was mistyped.
int UsageError(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  std::string message = error.what();
  std::vector<std::string_view> names;
  for (const Command& command : kCommands) names.emplace_back(command.name);
  const bool no_command = app.get_subcommands().empty();
  if (no_command && argc > 1 && argv[1][0] != '-') {
    message =
        fmt::format("there is no command '{}'{}", Printable(argv[1]), SuggestFrom(argv[1], names));
  } else if (no_command && argc <= 1) {
    message = "which command?";
  }
  const std::string command = no_command ? "" : " " + app.get_subcommands().front()->get_name();
  PrintError(fmt::format("{}\nSee 'tinyrig{} --help'.", message, command));
  return kExitUsage;
}

}  // namespace

std::span<const Command> Commands() { return kCommands; }

int Main(int argc, char** argv) {
  // Children are started with fork and exec; gRPC's own handling of fork would only stand in the
  // way.
  setenv("GRPC_ENABLE_FORK_SUPPORT", "0", 1);
  setenv("GRPC_VERBOSITY", "NONE", 0);
  CLI::App app("tinyrig measures neural networks on microcontrollers, real and virtual ones.",
               "tinyrig");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("tinyrig ") + TINYRIG_VERSION);
  app.footer(
      fmt::format("\nStart here:  tinyrig run firmware/zoo/demo.yaml\nWithout a running service "
                  "(tinyrig up), commands start a private one and stop it again.\n\n{}",
                  kExitCodeHelp));
  app.get_formatter()->column_width(30);
  Common common;
  AddCommon(app, common);
  common.server.security.token = TakeSecretVariable("TINYRIG_TOKEN");
  if (const char* ca = std::getenv("TINYRIG_CA")) common.server.security.ca_file = ca;
  Runner runner;
  for (const Command& command : kCommands) {
    CLI::App* sub = app.add_subcommand(command.name, command.summary);
    const Runner run = command.define(*sub);
    AddCommon(*sub, common);
    // Groups of options are subcommands without a name; theirs are counted.
    const auto named = [](const CLI::App* nested) { return !nested->get_name().empty(); };
    for (CLI::App* nested : sub->get_subcommands(named)) {
      AddCommon(*nested, common);
    }
    sub->footer(fmt::format("\nExamples:\n{}", command.examples));
    sub->callback([&runner, run] { runner = run; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    return UsageError(app, error, argc, argv);
  }
  Result<int> code = kExitOk;
  try {
    code = runner(common);
    // A full disk is noticed at the latest here.
    if (code.ok() && std::fflush(stdout) != 0) {
      code = Status(Code::kUnavailable,
                    fmt::format("standard output cannot be written: {}", std::strerror(errno)));
    }
  } catch (const std::system_error& error) {  // fmt::print
    code = Status(Code::kUnavailable,
                  fmt::format("standard output cannot be written: {}", error.what()));
  }
  if (code.ok()) return *code;
  PrintError(code.status().message());
  return ExitCodeOf(code.status());
}

}  // namespace tinyrig::cli
