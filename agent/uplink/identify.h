#pragma once

#include <functional>

#include "agent/uplink/board_slot.h"

namespace tinyrig::agent {

/// What an identification means for the board: learns its uid, marks it broken when the probe is
/// absent (kNotFound) or another MCU is behind it than before, clears `broken` when the probe is
/// there again. Other failures (board without power, contact lost) only leave the uid unknown: the
/// attempt that needs the board finds out more. Returns whether anything changed that the server is
/// told.
bool ApplyIdentity(Board& board, const Result<ProbeIdentity>& identity);

/// Asks the probe (at most 10 s) who is there as long as that is unknown or the board is broken,
/// soon at first, later every `retry`, never while the board is in use. Lets go of the probe of a
/// board that was idle for half a minute. Runs until it is cancelled.
/// `changed` is called after the server should hear of the board.
Awaitable<void> KeepIdentified(BoardSlot& slot, Clock::duration retry,
                               std::function<void()> changed);

}  // namespace tinyrig::agent
