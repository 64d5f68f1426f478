#include <fmt/format.h>

#include <chrono>
#include <memory>

#include "server/cli/client/request.h"
#include "server/cli/commands/command.h"
#include "server/cli/commands/follow.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/service/session.h"
#include "server/cli/text/duration.h"
#include "server/cli/text/table.h"
#include "server/cli/text/wrap.h"

namespace tinyrig::cli {
namespace {

struct BoardOptions {
  std::string board;
  std::string user;
  std::string reason;
  std::string duration = "1h";
  bool off = false;
};

using Action = Result<int> (*)(const Client&, const BoardOptions&, const Common&);

std::string UserOf(const BoardOptions& options) {
  return options.user.empty() ? UserName() : options.user;
}

int Show(const v1::Board& board, const std::string& text, const Common& common) {
  if (common.json) {
    fmt::print("{}", Dump(BoardJson(board)));
    return kExitOk;
  }
  fmt::print("{}", Wrap(text));
  if (board.state() == v1::BOARD_STATE_BUSY && board.job_id() != 0) {
    fmt::print("{}", Wrap(fmt::format("Job {} is still running on it and will end first.",
                                      board.job_id())));
  }
  return kExitOk;
}

Result<int> Reserve(const Client& client, const BoardOptions& options, const Common& common) {
  TRY_ASSIGN(const int64_t duration_us, ParseDuration(options.duration));
  v1::ReserveBoardRequest request;
  request.set_board_id(options.board);
  request.set_user(UserOf(options));
  request.set_reason(options.reason);
  request.set_expires_us(NowUs() + duration_us);
  TRY_ASSIGN(const v1::Board board, client.Call(&v1::BoardService::Stub::ReserveBoard, request,
                                                "reserving " + options.board));
  return Show(board,
              fmt::format("{} is reserved by {} until {}; it takes no jobs. To give it back "
                          "earlier: tinyrig board release {}{}",
                          options.board, request.user(), FormatTime(request.expires_us()),
                          options.board, SameService(common)),
              common);
}

Result<int> Release(const Client& client, const BoardOptions& options, const Common& common) {
  v1::ReleaseBoardRequest request;
  request.set_board_id(options.board);
  request.set_user(UserOf(options));
  TRY_ASSIGN(const v1::Board board, client.Call(&v1::BoardService::Stub::ReleaseBoard, request,
                                                "releasing " + options.board));
  return Show(board, fmt::format("{} is not reserved any more.", options.board), common);
}

Result<int> Maintenance(const Client& client, const BoardOptions& options, const Common& common) {
  v1::SetMaintenanceRequest request;
  request.set_board_id(options.board);
  request.set_maintenance(!options.off);
  request.set_reason(options.reason);
  TRY_ASSIGN(const v1::Board board, client.Call(&v1::BoardService::Stub::SetMaintenance, request,
                                                "maintenance of " + options.board));
  const std::string text = options.off
                               ? fmt::format("{} is back in service.", options.board)
                               : fmt::format(
                                     "{} is in maintenance; it takes no jobs until: tinyrig board "
                                     "maintenance {} --off{}",
                                     options.board, options.board, SameService(common));
  return Show(board, text, common);
}

/// Power cycle, flash and one inference; three attempts of a minute at worst, after a job that
/// runs.
constexpr std::chrono::minutes kRecoveryTimeout{30};

Result<int> Recover(const Client& client, const BoardOptions& options, const Common& common) {
  v1::RecoverBoardRequest request;
  request.set_board_id(options.board);
  fmt::print(stderr, "power cycle, known image, reference job on {}\n", options.board);
  TRY_ASSIGN(const v1::Board board, client.Call(&v1::BoardService::Stub::RecoverBoard, request,
                                                "recovering " + options.board, kRecoveryTimeout));
  const bool good = board.health() == v1::BOARD_HEALTH_GOOD;
  Show(board,
       good ? fmt::format("{} passed and is good.", options.board)
            : fmt::format("{} did not pass: {}", options.board, board.note()),
       common);
  return good ? kExitOk : kExitBench;
}

}  // namespace

Runner DefineBoard(CLI::App& app) {
  auto options = std::make_shared<BoardOptions>();
  auto action = std::make_shared<Action>();
  app.require_subcommand(1);
  const auto add = [&](const char* name, const char* summary, Action run) {
    CLI::App* sub = app.add_subcommand(name, summary);
    sub->add_option("BOARD", options->board, "Name of the board, as 'tinyrig boards' lists it")
        ->required();
    sub->callback([action, run] { *action = run; });
    return sub;
  };
  CLI::App* reserve = add("reserve", "Keep a board for yourself: it takes no jobs", &Reserve);
  reserve->add_option("--for", options->duration, "How long: 90s, 30m, 2h, 1d (default: 1h)")
      ->type_name("TIME")
      ->check([](const std::string& text) {
        const auto duration = ParseDuration(text);
        return duration.ok() ? std::string() : duration.status().message();
      });
  CLI::App* release = add("release", "Give a reserved board back", &Release);
  CLI::App* maintenance =
      add("maintenance", "Take a board out of service, or back with --off", &Maintenance);
  maintenance->add_flag("--off", options->off, "Back into service");
  add("recover", "Check a suspect or quarantined board: the way back into service", &Recover);
  for (CLI::App* sub : {reserve, release}) {
    sub->add_option("--user", options->user, "Who (default: your login name)")->type_name("NAME");
  }
  for (CLI::App* sub : {reserve, maintenance}) {
    sub->add_option("--reason", options->reason, "What others see in 'tinyrig boards'")
        ->type_name("TEXT");
  }
  return [options, action](const Common& common) -> Result<int> {
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    return (*action)(session.client(), *options, common);
  };
}

}  // namespace tinyrig::cli
