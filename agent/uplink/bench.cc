#include "agent/uplink/bench.h"

#include <fmt/format.h>

#include "agent/drivers/registry.h"
#include "agent/state/files.h"

namespace tinyrig::agent {
namespace {

Result<std::unique_ptr<Board>> MakeBoard(const BoardConfig& config,
                                         const std::filesystem::path& share_dir,
                                         const std::filesystem::path& work_dir,
                                         boost::asio::io_context& io) {
  TRY(MakeFolder(work_dir));
  auto board = std::make_unique<Board>();
  board->id = config.id;
  board->type = config.type;
  board->probe_serial = config.probe.serial;
  board->labels = config.labels;
  board->flash = FlashRecord(work_dir);
  TRY_ASSIGN(board->probe, MakeProbe(config.probe, share_dir, work_dir));
  TRY_ASSIGN(board->link, MakeLinkPort(config.link, *board->probe, io));
  TRY_ASSIGN(board->power, MakePowerSwitch(config.power));
  return board;
}

}  // namespace

Result<Boards> MakeBoards(const BenchConfig& config, const std::filesystem::path& share_dir,
                          const StateDir& state, boost::asio::io_context& io) {
  Boards boards;
  for (const BoardConfig& one : config.boards) {
    auto board = MakeBoard(one, share_dir, state.board(one.id), io);
    if (!board.ok()) return board.status().WithContext("board " + one.id);
    boards.push_back(std::move(*board));
  }
  return boards;
}

}  // namespace tinyrig::agent
