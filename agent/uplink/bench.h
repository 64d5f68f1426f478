#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "agent/config/bench_file.h"
#include "agent/session/board.h"
#include "agent/uplink/state_dir.h"

namespace tinyrig::agent {

/// The boards of a bench file with their instruments, none of them touched yet. Each gets a scratch
/// folder below `state`. `share_dir`: the program's data folder.
/// Errors: kInvalidArgument naming the board: no such driver. kUnavailable: no scratch folder.
Result<Boards> MakeBoards(const BenchConfig& config, const std::filesystem::path& share_dir,
                          const StateDir& state, boost::asio::io_context& io);

}  // namespace tinyrig::agent
