#include "agent/uplink/identify.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace tinyrig::agent {
namespace {

constexpr std::chrono::seconds kIdentifyLimit{10};
constexpr std::chrono::milliseconds kFirstRetry{300};
/// How often it is seen whether a board got broken.
constexpr std::chrono::seconds kGlance{1};
/// An idle board's probe is let go of after this, so that people at the bench can use it.
constexpr std::chrono::seconds kReleaseAfter{30};

/// Marks the slot as being identified for as long as it lives.
class Identifying {
 public:
  explicit Identifying(BoardSlot& slot) : slot_(slot) { slot_.identifying = true; }
  ~Identifying() {
    slot_.identifying = false;
    slot_.Wake();
  }
  Identifying(const Identifying&) = delete;
  Identifying& operator=(const Identifying&) = delete;

 private:
  BoardSlot& slot_;
};

Awaitable<Result<ProbeIdentity>> IdentifyOnce(BoardSlot& slot) {
  const Identifying mark(slot);
  co_return co_await slot.board.probe->Identify(Within(kIdentifyLimit));
}

}  // namespace

Awaitable<void> WaitUntilIdle(BoardSlot& slot) {
  while (slot.in_use()) co_await slot.freed.async_wait(kAsTuple);
}

bool ApplyIdentity(Board& board, const Result<ProbeIdentity>& identity) {
  const std::string uid_before = board.mcu_uid;
  const std::string broken_before = board.broken;
  board.broken.clear();
  if (identity.ok()) {
    const std::string uid = UidHex(identity->uid);
    if (board.mcu_uid.empty()) board.mcu_uid = uid;
    if (uid != board.mcu_uid) {
      board.broken = fmt::format(
          "MCU {} is behind probe {}, where MCU {} was before; put the board back, or restart the "
          "agent when it was swapped on purpose",
          uid, board.probe_serial, board.mcu_uid);
    }
  } else if (identity.status().code() == Code::kNotFound) {
    board.broken = identity.status().message();
  }
  return board.mcu_uid != uid_before || board.broken != broken_before;
}

Awaitable<void> KeepIdentified(BoardSlot& slot, Clock::duration retry,
                               std::function<void()> changed) {
  Board& board = slot.board;
  std::string last_failure;
  // Soon at first: a board that starts together with the agent is up in a moment.
  Clock::duration wait = std::min<Clock::duration>(kFirstRetry, retry);
  Deadline last_use = Clock::now();
  for (;;) {
    const bool needed = board.mcu_uid.empty() || !board.broken.empty();
    if (needed && !slot.in_use()) {
      const Result<ProbeIdentity> identity = co_await IdentifyOnce(slot);
      const std::string failure = identity.status().message();
      if (failure.empty()) {
        spdlog::info("board {}: MCU {}", board.id, UidHex(identity->uid));
      } else if (failure != last_failure) {
        spdlog::warn("board {} is not identified: {}", board.id, failure);
      }
      last_failure = failure;
      if (ApplyIdentity(board, identity)) changed();
      last_use = Clock::now();
    }
    if (slot.in_use()) last_use = Clock::now();
    if (!slot.in_use() && Clock::now() - last_use > kReleaseAfter) board.probe->Release();
    if (!needed) wait = std::min<Clock::duration>(kFirstRetry, retry);
    co_await SleepUntil(Within(needed ? wait : std::min<Clock::duration>(kGlance, retry)));
    wait = std::min(2 * wait, retry);
  }
}

}  // namespace tinyrig::agent
