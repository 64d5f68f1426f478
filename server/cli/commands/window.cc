#include <fmt/format.h>

#include <memory>

#include "server/cli/client/fetch.h"
#include "server/cli/client/request.h"
#include "server/cli/commands/command.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/report/records.h"
#include "server/cli/service/session.h"
#include "server/cli/text/duration.h"
#include "server/cli/text/table.h"
#include "server/cli/text/wrap.h"

namespace tinyrig::cli {
namespace {

struct WindowOptions {
  std::string expression;
  std::string start;
  std::string duration = "1h";
  std::string every;
  std::string reason;
  uint64_t id = 0;
};

using WindowAction = Result<int> (*)(const Client&, const WindowOptions&, const Common&);

Json WindowJson(const v1::MaintenanceWindow& window) {
  Json json = {{"window_id", window.window_id()},
               {"boards", window.expression()},
               {"start", FormatTime(window.start_us())},
               {"duration_s", window.duration_us() / 1'000'000}};
  if (window.every_us() != 0) json["every_s"] = window.every_us() / 1'000'000;
  json["reason"] = window.reason();
  json["user"] = window.user();
  return json;
}

std::string WindowText(const v1::MaintenanceWindow& window) {
  return fmt::format("{} for {}{}", FormatTime(window.start_us()),
                     DurationText(window.duration_us()),
                     window.every_us() == 0 ? "" : ", every " + DurationText(window.every_us()));
}

Result<int> AddWindow(const Client& client, const WindowOptions& options, const Common& common) {
  v1::AddWindowRequest request;
  request.set_idempotency_key(NewIdempotencyKey());
  v1::MaintenanceWindow& window = *request.mutable_window();
  window.set_expression(options.expression);
  window.set_reason(options.reason);
  window.set_user(UserName());
  TRY_ASSIGN(const int64_t duration_us, ParseDuration(options.duration));
  window.set_duration_us(duration_us);
  if (options.start == "now") {
    window.set_start_us(NowUs());
  } else {
    TRY_ASSIGN(const int64_t start_us, ParseTime(options.start));
    window.set_start_us(start_us);
  }
  if (!options.every.empty()) {
    TRY_ASSIGN(const int64_t every_us, ParseDuration(options.every));
    window.set_every_us(every_us);
  }
  TRY_ASSIGN(const v1::MaintenanceWindow added,
             client.Call(&v1::BoardService::Stub::AddWindow, request, "adding a window"));
  if (common.json) {
    fmt::print("{}", Dump(WindowJson(added)));
    return kExitOk;
  }
  TRY_ASSIGN(const std::vector<v1::Board> boards, FetchBoards(client, added.expression()));
  fmt::print("{}", Wrap(fmt::format("Window {}: boards that are '{}' rest from {}. No attempt "
                                    "begins that could last into it. Such boards today: {}.",
                                    added.window_id(), added.expression(), WindowText(added),
                                    boards.empty() ? "none" : std::to_string(boards.size()))));
  return kExitOk;
}

Result<int> ListWindows(const Client& client, const WindowOptions&, const Common& common) {
  TRY_ASSIGN(const std::vector<v1::MaintenanceWindow> windows, FetchWindows(client));
  if (common.json) {
    Json list = Json::array();
    for (const v1::MaintenanceWindow& window : windows) {
      list.push_back(WindowJson(window));
    }
    fmt::print("{}", Dump({{"windows", list}}));
    return kExitOk;
  }
  if (windows.empty()) {
    fmt::print("there are no maintenance windows\n");
    return kExitOk;
  }
  Table table({{"window", Align::kRight}, {"boards"}, {"when"}, {"reason"}});
  for (const v1::MaintenanceWindow& window : windows) {
    table.AddRow({std::to_string(window.window_id()), window.expression(), WindowText(window),
                  window.reason()});
  }
  fmt::print("{}", table.Render());
  return kExitOk;
}

Result<int> RemoveWindow(const Client& client, const WindowOptions& options, const Common& common) {
  v1::RemoveWindowRequest request;
  request.set_window_id(options.id);
  TRY_ASSIGN(const v1::MaintenanceWindow removed,
             client.Call(&v1::BoardService::Stub::RemoveWindow, request,
                         fmt::format("removing window {}", options.id)));
  if (common.json) {
    fmt::print("{}", Dump(WindowJson(removed)));
  } else {
    fmt::print("window {} is gone\n", removed.window_id());
  }
  return kExitOk;
}

}  // namespace

Runner DefineWindow(CLI::App& app) {
  auto options = std::make_shared<WindowOptions>();
  auto action = std::make_shared<WindowAction>();
  app.require_subcommand(1);
  const auto sub = [&](const char* name, const char* summary, WindowAction run) {
    CLI::App* command = app.add_subcommand(name, summary);
    command->callback([action, run] { *action = run; });
    return command;
  };
  CLI::App* add = sub("add", "Let boards rest at a time, once or again and again", &AddWindow);
  add->add_option("BOARDS", options->expression,
                  "Which: an expression as in campaign files, \"core == m4 && rack == 3\"")
      ->required();
  add->add_option("--start", options->start, "\"2026-11-24 02:00\" (UTC), or now")
      ->type_name("TIME")
      ->required();
  add->add_option("--for", options->duration, "How long: 30m, 2h, 1d (default: 1h)")
      ->type_name("TIME");
  add->add_option("--every", options->every, "Again after: 1d, 7d (default: once)")
      ->type_name("TIME");
  add->add_option("--reason", options->reason, "What others see in 'tinyrig boards'")
      ->type_name("TEXT");
  sub("list", "List the windows", &ListWindows);
  CLI::App* remove = sub("remove", "Remove a window", &RemoveWindow);
  remove->add_option("WINDOW", options->id, "Its number, as 'tinyrig window list' shows it")
      ->required()
      ->check(CLI::PositiveNumber);
  return [options, action](const Common& common) -> Result<int> {
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    return (*action)(session.client(), *options, common);
  };
}

}  // namespace tinyrig::cli
