#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <unistd.h>

#include <charconv>
#include <iostream>
#include <memory>
#include <thread>

#include "server/cli/bench/imports.h"
#include "server/cli/bench/pairing.h"
#include "server/cli/bench/serial_watch.h"
#include "server/cli/bench/tools.h"
#include "server/cli/commands/command.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/service/paths.h"
#include "server/cli/text/file.h"

namespace tinyrig::cli {
namespace {

constexpr size_t kMaxImport = 1 << 20;
constexpr auto kResetTime = std::chrono::seconds(10);

struct InitOptions {
  std::string output = "bench.yaml";
  std::string name;
  std::string zephyr;
  std::string labgrid;
  std::string sysroot = "/";
  bool no_questions = false;
  bool force = false;
  int seconds = 60;
};

std::string HostName() {
  char name[64] = "bench";
  gethostname(name, sizeof(name) - 1);
  return name;
}

/// A line from the terminal; empty at its end.
std::string AskPerson(const std::string& question) {
  fmt::print(stderr, "{} ", question);
  std::string line;
  std::getline(std::cin, line);
  line.erase(line.find_last_not_of(" \r\t") + 1);
  return line;
}

bool SomebodyTyped() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return isatty(STDIN_FILENO) == 1 && poll(&input, 1, 0) > 0;
}

/// Makes the board behind a probe start anew, so that its firmware says something. In silence: a
/// board that cannot be reset has a button.
void ResetBoard(const BoardDraft& board) {
  const BoardKind* kind = FindBoardKind(board.type);
  const Tool openocd = FindTool("openocd");
  const bool plain = board.probe_serial.find_first_of("{}[]\\\"$; ") == std::string::npos;
  if (kind == nullptr || openocd.path.empty() || board.probe_serial.empty() || !plain) return;
  const auto config = FindBesidePrograms(fmt::format("share/tinyrig/openocd/{}", kind->config));
  if (!config.ok()) return;
  RunTool({openocd.path, "-f", *config, "-c", fmt::format("adapter serial {}", board.probe_serial),
           "-c", "init; reset run; shutdown"},
          kResetTime);
}

void AskForType(BoardDraft& board) {
  const std::string type =
      AskPerson(fmt::format("What is the board with {}, serial {}? [{}; nothing: none of these]",
                            board.probe, board.probe_serial, fmt::join(BoardKindNames(), ", ")));
  if (!type.empty()) board.type = type;
  if (!type.empty() && FindBoardKind(type) == nullptr) {
    fmt::print(stderr, "  There is no port for {} yet (firmware/ports/README.md).\n", type);
  }
}

/// The port that the person shows or names; loose.size() for none.
size_t AskForPort(const BoardDraft& board, const std::vector<LoosePort>& loose,
                  const InitOptions& options) {
  fmt::print(stderr, "Which serial port belongs to the board with {}, serial {}?\n", board.probe,
             board.probe_serial);
  std::vector<std::string> paths;
  for (const LoosePort& port : loose) {
    paths.push_back(port.path);
    fmt::print(stderr, "  {}  {}  {}\n", paths.size(), port.path, port.what);
  }
  fmt::print(stderr,
             "Press the board's reset button, or pull the plug of its port and put it back, or\n"
             "type the number and Enter (only Enter: none of these). Waiting {} s.\n",
             options.seconds);
  std::jthread reset([&board] { ResetBoard(board); });
  const auto sign =
      WatchPorts(options.sysroot, paths, std::chrono::seconds(options.seconds), SomebodyTyped);
  if (sign) {
    fmt::print(stderr, "  {} {}.\n", paths[sign->port],
               sign->sign == Sign::kSpoke ? "said something" : "was pulled out");
    return sign->port;
  }
  const std::string line = AskPerson("Its number:");
  size_t number = 0;
  std::from_chars(line.data(), line.data() + line.size(), number);
  return number >= 1 && number <= loose.size() ? number - 1 : loose.size();
}

void GiveTo(BoardDraft& board, size_t port, std::vector<LoosePort>& loose, std::string note) {
  board.port = loose[port].stable;
  board.notes.push_back(std::move(note));
  loose.erase(loose.begin() + static_cast<std::ptrdiff_t>(port));
}

std::vector<BoardDraft> FindBoards(const Machine& machine, const InitOptions& options) {
  Pairing pairing = PairUp(machine, options.sysroot);
  std::vector<BoardDraft*> without_port;
  for (BoardDraft& board : pairing.boards) {
    if (!options.no_questions) AskForType(board);
    if (board.port.empty()) without_port.push_back(&board);
  }
  for (BoardDraft* board : without_port) {
    if (pairing.loose.empty()) break;
    if (!options.no_questions) {
      const size_t port = AskForPort(*board, pairing.loose, options);
      if (port < pairing.loose.size()) GiveTo(*board, port, pairing.loose, "The port was shown.");
    } else if (without_port.size() == 1 && pairing.loose.size() == 1) {
      GiveTo(*board, 0, pairing.loose, "The port is the only one there; it was not asked for.");
    }
  }
  return std::move(pairing.boards);
}

Result<std::vector<BoardDraft>> Boards(const InitOptions& options) {
  Person person = ThisPerson();
  person.ask_kernel = options.sysroot == "/";
  const Machine machine = ScanMachine(options.sysroot, person);
  if (!options.zephyr.empty()) {
    TRY_ASSIGN(const std::string yaml, ReadFile(options.zephyr, kMaxImport));
    return ImportZephyrMap(yaml, options.zephyr);
  }
  if (!options.labgrid.empty()) {
    TRY_ASSIGN(const std::string yaml, ReadFile(options.labgrid, kMaxImport));
    return ImportLabgridExporter(yaml, options.labgrid, machine);
  }
  std::vector<BoardDraft> boards = FindBoards(machine, options);
  if (boards.empty()) {
    return Status(Code::kNotFound,
                  "no debug probe is plugged in here; `tinyrig doctor` says what is missing, and "
                  "`tinyrig up --virtual m4` needs none");
  }
  return boards;
}

Result<int> Init(const InitOptions& options, const Common& common) {
  const bool to_stdout = options.output == "-";
  if (!to_stdout && !options.force && access(options.output.c_str(), F_OK) == 0) {
    return Status(Code::kAlreadyExists,
                  fmt::format("{} exists; choose another --output, or --force", options.output));
  }
  if (to_stdout && common.json) {
    return Status(Code::kInvalidArgument, "with --json, give a file for --output");
  }
  TRY_ASSIGN(const std::string state, StateFolder(common.state));
  BenchDraft bench;
  bench.name = MakeBoardId(options.name.empty() ? HostName() : options.name, {});
  bench.server = common.server.empty() ? ReadServiceFile(state).address : common.server.address;
  bench.state_dir = state + "/agent-" + bench.name;
  TRY_ASSIGN(bench.boards, Boards(options));
  const std::string text = RenderBench(bench);
  if (to_stdout) {
    fmt::print("{}", text);
  } else {
    TRY(WriteFile(options.output, text));
  }
  Json list = Json::array();
  size_t complete = 0;
  for (const BoardDraft& board : bench.boards) {
    const std::string missing = MissingIn(board);
    complete += missing.empty() ? 1 : 0;
    list.push_back({{"id", board.id}, {"type", board.type}, {"missing", missing}});
    if (!missing.empty()) fmt::print(stderr, "{} lacks {}\n", board.id, missing);
  }
  if (common.json) {
    fmt::print("{}", Dump({{"file", options.output}, {"boards", list}}));
  } else if (!to_stdout) {
    fmt::print("wrote {}: {} of {} boards can be used\n", options.output, complete,
               bench.boards.size());
    fmt::print("  check    tinyrig doctor --bench {}\n", options.output);
    fmt::print("  serve    tinyrig-agent --bench {}\n", options.output);
  }
  return kExitOk;
}

}  // namespace

Runner DefineBench(CLI::App& app) {
  auto options = std::make_shared<InitOptions>();
  CLI::App* init = app.add_subcommand("init", "Write a bench file for what is plugged in here");
  app.require_subcommand(1);
  init->add_option("--output,-o", options->output, "Bench file (default: bench.yaml; -: stdout)")
      ->type_name("FILE");
  init->add_option("--name", options->name, "Name of the bench (default: the host's)");
  auto* zephyr = init->add_option("--import-zephyr", options->zephyr,
                                  "Boards of a hardware map of Zephyr's twister")
                     ->type_name("FILE");
  init->add_option("--import-labgrid", options->labgrid,
                   "Boards of the configuration of a labgrid exporter")
      ->type_name("FILE")
      ->excludes(zephyr);
  init->add_flag("--no-questions", options->no_questions, "Leave open what looking does not tell");
  init->add_flag("--force", options->force, "Replace the file");
  init->add_option("--seconds", options->seconds, "How long to wait for each port (default: 60)")
      ->check(CLI::Range(1, 3600));
  init->add_option("--sysroot", options->sysroot, "Look at a copy of /sys, /dev and /proc")
      ->type_name("DIR");
  return [options](const Common& common) { return Init(*options, common); };
}

}  // namespace tinyrig::cli
