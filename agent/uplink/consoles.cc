#include "agent/uplink/consoles.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

namespace tinyrig::agent {
namespace {

/// Typing is taken up that often.
constexpr auto kTurn = std::chrono::milliseconds(20);
constexpr auto kWriteTime = std::chrono::seconds(2);
constexpr auto kResetTime = std::chrono::seconds(10);
constexpr size_t kMaxTyped = 64 << 10;

/// The board is a person's until the console ends, however it ends.
class Occupied {
 public:
  explicit Occupied(BoardSlot& slot) : slot_(slot) { slot_.board.busy = true; }
  Occupied(const Occupied&) = delete;
  Occupied& operator=(const Occupied&) = delete;
  ~Occupied() {
    slot_.board.busy = false;
    slot_.console = false;
    slot_.Wake();
  }

 private:
  BoardSlot& slot_;
};

}  // namespace

struct Consoles::Console {
  uint64_t id;
  BoardSlot& slot;
  bool reset;
  std::string typed;
  asio::cancellation_signal cancel;
};

void Consoles::Handle(const v1::ConsoleCommand& command) {
  const uint64_t id = command.console_id();
  if (command.has_start()) return Start(id, command.start());
  const auto found = consoles_.find(id);
  if (found == consoles_.end()) return;
  Console& console = *found->second;
  if (command.close()) return console.cancel.emit(asio::cancellation_type::terminal);
  const size_t room = kMaxTyped - std::min(kMaxTyped, console.typed.size());
  if (command.input().size() > room) Report(console, "", "... the board takes no more input");
  console.typed += command.input().substr(0, room);
}

void Consoles::CloseAll() {
  const auto consoles = consoles_;
  for (const auto& [id, console] : consoles) {
    console->cancel.emit(asio::cancellation_type::terminal);
  }
}

void Consoles::Start(uint64_t id, const v1::ConsoleStart& start) {
  const auto slot = std::ranges::find_if(
      slots_, [&](const auto& one) { return one->board.id == start.board_id(); });
  if (slot == slots_.end()) {
    return SayEnded(
        id, Status(Code::kNotFound, fmt::format("this bench has no board '{}'", start.board_id())));
  }
  if ((*slot)->console || (*slot)->lease != nullptr || consoles_.contains(id)) {
    return SayEnded(id, Status(Code::kFailedPrecondition,
                               fmt::format("board '{}' is used by {}", start.board_id(),
                                           (*slot)->console ? "another console" : "a job")));
  }
  auto console = std::make_shared<Console>(id, **slot, start.reset());
  console->slot.console = true;
  consoles_[id] = console;
  spdlog::info("console on board {}", start.board_id());
  asio::co_spawn(
      io_, Run(console),
      asio::bind_cancellation_slot(console->cancel.slot(),
                                   [this, console](std::exception_ptr error, Status status) {
                                     // Its cancellation signal must outlive the coroutine, which is
                                     // still ending.
                                     asio::post(io_, [console] {});
                                     console->slot.console = false;
                                     consoles_.erase(console->id);
                                     SayEnded(console->id, error ? OkStatus() : status);
                                   }));
}

Awaitable<Status> Consoles::Run(std::shared_ptr<Console> console) {
  Board& board = console->slot.board;
  co_await WaitUntilIdle(console->slot);
  const Occupied occupied(console->slot);
  auto link = board.link->Open({});
  if (!link.ok()) co_return link.status();
  Report(*console, "", fmt::format("{} is open", board.link->path()));
  if (console->reset) {
    const Status reset = co_await board.probe->Reset(Within(kResetTime));
    if (!reset.ok()) Report(*console, "", "the board was not reset: " + reset.message());
  }
  co_return co_await Carry(console, **link);
}

Awaitable<Status> Consoles::Carry(std::shared_ptr<Console> console, Link& link) {
  while (true) {
    if (!console->typed.empty()) {
      std::vector<uint8_t> bytes(console->typed.begin(), console->typed.end());
      console->typed.clear();
      const Status written = co_await link.Write(std::move(bytes), Within(kWriteTime));
      if (written.code() == Code::kDeadlineExceeded) {
        Report(*console, "", "... the board does not take what was typed");
      } else if (!written.ok()) {
        co_return written;
      }
    }
    const auto said = co_await link.Read(Within(kTurn));
    if (said.ok()) {
      Report(*console, std::string(said->begin(), said->end()), "");
    } else if (said.status().code() != Code::kDeadlineExceeded) {
      co_return said.status();
    }
  }
}

void Consoles::Report(const Console& console, std::string data, std::string note) {
  v1::ConsoleReport report;
  report.set_console_id(console.id);
  report.set_data(std::move(data));
  report.set_note(std::move(note));
  send_(std::move(report));
}

void Consoles::SayEnded(uint64_t id, const Status& why) {
  v1::ConsoleReport report;
  report.set_console_id(id);
  report.set_ended(true);
  report.set_code(static_cast<uint32_t>(why.code()));
  report.set_message(why.message());
  send_(std::move(report));
}

}  // namespace tinyrig::agent
