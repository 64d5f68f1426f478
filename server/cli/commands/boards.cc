#include <fmt/format.h>

#include <memory>

#include "server/cli/client/fetch.h"
#include "server/cli/commands/command.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/service/session.h"
#include "server/cli/text/bytes.h"
#include "server/cli/text/table.h"
#include "server/cli/text/wrap.h"

namespace tinyrig::cli {
namespace {

struct BoardsOptions {
  bool types = false;
  std::string where;
};

Json BoardTypeJson(const v1::BoardType& type) {
  return {{"name", type.name()},
          {"core", type.core()},
          {"fidelity", FidelityName(type.fidelity())},
          {"counter", type.counter()},
          {"clock_hz", type.clock_hz()},
          {"ram_bytes", type.ram_bytes()},
          {"flash_bytes", type.flash_bytes()}};
}

Result<int> ShowTypes(const Client& client, bool json) {
  TRY_ASSIGN(const v1::ListBoardTypesResponse response,
             client.Call(&v1::BoardService::Stub::ListBoardTypes, v1::ListBoardTypesRequest(),
                         "listing board types"));
  if (json) {
    Json list = Json::array();
    for (const v1::BoardType& type : response.board_types()) list.push_back(BoardTypeJson(type));
    fmt::print("{}", Dump({{"board_types", list}}));
    return kExitOk;
  }
  Table table({{"type"},
               {"core"},
               {"fidelity"},
               {"counts"},
               {"clock", Align::kRight},
               {"RAM", Align::kRight},
               {"flash", Align::kRight}});
  for (const v1::BoardType& type : response.board_types()) {
    table.AddRow({type.name(), type.core(), FidelityName(type.fidelity()), type.counter(),
                  fmt::format("{:.6g} MHz", static_cast<double>(type.clock_hz()) / 1e6),
                  FormatBytesExact(type.ram_bytes()), FormatBytesExact(type.flash_bytes())});
  }
  fmt::print("{}", table.Render());
  return kExitOk;
}

/// "rack=3, room=lab".
std::string LabelsText(const v1::Board& board) {
  std::string text;
  for (const v1::Label& label : board.labels()) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", label.key(), label.value());
  }
  return text;
}

/// Why it takes no jobs, and until when; what the server noted beside.
std::string NoteOf(const v1::Board& board) {
  std::string text;
  if (!board.reserved_by().empty()) {
    text = fmt::format("reserved by {} until {}", board.reserved_by(),
                       FormatTime(board.reserved_until_us()));
  } else if (board.state() == v1::BOARD_STATE_MAINTENANCE) {
    text = "in maintenance";
  }
  if (board.note().empty()) return text;
  return text.empty() ? board.note() : text + ": " + board.note();
}

Result<int> ShowBoards(const Client& client, const std::string& where, bool json,
                       bool private_service) {
  TRY_ASSIGN(const std::vector<v1::Board> boards, FetchBoards(client, where));
  if (json) {
    Json list = Json::array();
    for (const v1::Board& board : boards) list.push_back(BoardJson(board));
    fmt::print("{}", Dump({{"boards", list}}));
    return kExitOk;
  }
  if (boards.empty() && !where.empty()) {
    fmt::print("no board is '{}'\n", where);
    return kExitOk;
  }
  if (boards.empty()) {
    fmt::print("no board is known yet; 'tinyrig up' starts two virtual ones\n");
    return kExitOk;
  }
  Table table({{"board"}, {"type"}, {"agent"}, {"state"}, {"health"}, {"job", Align::kRight}});
  std::string notes;
  for (const v1::Board& board : boards) {
    const Json json_of_board = BoardJson(board);
    table.AddRow({board.board_id(), board.board_type(), board.agent_id(),
                  json_of_board["state"].get<std::string>(),
                  json_of_board["health"].get<std::string>(),
                  board.job_id() == 0 ? "" : std::to_string(board.job_id())});
    const std::string note = NoteOf(board);
    if (!board.labels().empty())
      notes += Wrap(fmt::format("{}: {}", board.board_id(), LabelsText(board)));
    if (!note.empty()) notes += Wrap(fmt::format("{}: {}", board.board_id(), note));
  }
  fmt::print("{}{}{}", table.Render(), notes.empty() ? "" : "\n", notes);
  if (private_service) {
    fmt::print(
        "No service runs; this is what the stored data know. Start one with 'tinyrig up'.\n");
  }
  return kExitOk;
}

}  // namespace

Runner DefineBoards(CLI::App& app) {
  auto options = std::make_shared<BoardsOptions>();
  app.add_flag("--types", options->types, "List board types instead");
  app.add_option("--where", options->where, "Only these: \"core == m4 && rack == 3\"")
      ->type_name("EXPRESSION");
  return [options](const Common& common) -> Result<int> {
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    if (options->types) return ShowTypes(session.client(), common.json);
    return ShowBoards(session.client(), options->where, common.json, session.is_private());
  };
}

}  // namespace tinyrig::cli
