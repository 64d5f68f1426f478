#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "agent/instruments/async.h"
#include "agent/session/board.h"

namespace tinyrig::agent {

struct Lease;

/// A board and who uses it. An attempt and an identification never use its instruments at once.
struct BoardSlot {
  BoardSlot(boost::asio::io_context& io, Board& which) : board(which), freed(io, Deadline::max()) {}

  Board& board;
  /// Its probe is being asked who is there.
  bool identifying = false;
  /// A person has a console on it.
  bool console = false;
  /// The latest lease of the board. It may still wait for a cancelled one to let go.
  std::shared_ptr<Lease> lease;
  asio::steady_timer freed;

  bool in_use() const { return identifying || board.busy; }
  /// To be called whenever in_use() became false.
  void Wake() { freed.cancel(); }
};

/// Waits until nobody uses the board. Throws (asio's operation_aborted) when cancelled.
Awaitable<void> WaitUntilIdle(BoardSlot& slot);

}  // namespace tinyrig::agent
