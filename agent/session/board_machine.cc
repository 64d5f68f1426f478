#include "agent/session/board_machine.h"

#include <fmt/format.h>

#include <random>

#include "agent/session/identity.h"
#include "agent/session/write_image.h"

namespace tinyrig::agent {
namespace {

constexpr auto kPowerTime = std::chrono::seconds(15);
constexpr auto kFlashTime = std::chrono::seconds(60);
constexpr auto kPortTime = std::chrono::seconds(3);
constexpr auto kLookAgain = std::chrono::milliseconds(50);
constexpr auto kHelloTime = std::chrono::seconds(4);
constexpr auto kStartTime = std::chrono::seconds(20);

constexpr const char* kStateNames[] = {"unknown", "off", "on", "flashed", "ready", "measuring"};

uint32_t RandomWord() {
  std::random_device random;
  uint32_t word = 0;
  while (word == 0) word = random();
  return word;
}

uint64_t RandomNonce() { return uint64_t{RandomWord()} << 32 | RandomWord(); }

}  // namespace

const char* BoardStateName(BoardState state) { return kStateNames[static_cast<size_t>(state)]; }

Awaitable<StepResult<Done>> BoardMachine::MoveTo(BoardState state) {
  using Step = Awaitable<StepResult<Done>> (BoardMachine::*)();
  constexpr struct {
    BoardState from;
    BoardState to;
    const char* phase;
    Step run;
  } kSteps[] = {
      {BoardState::kOff, BoardState::kOn, "power", &BoardMachine::PowerOn},
      {BoardState::kOn, BoardState::kFlashed, "flash", &BoardMachine::Flash},
      {BoardState::kFlashed, BoardState::kReady, "hello", &BoardMachine::Hello},
      {BoardState::kReady, BoardState::kMeasuring, "start", &BoardMachine::Start},
  };
  if (failure_) co_return tl::unexpected(*failure_);
  if (state == state_) {
    record_.Log(fmt::format("the board is {} already", BoardStateName(state)));
    co_return Done{};
  }
  if (state < state_ || state == BoardState::kOff) {
    auto down = co_await MoveDown(state);
    if (!down) failure_ = down.error();
    co_return down;
  }
  for (const auto& step : kSteps) {
    if (state_ >= step.to || state < step.to) continue;
    const AttemptRecord::Phase phase(record_, step.phase);
    auto done = co_await (this->*step.run)();
    if (!done) {
      // What does not run as it should is not trusted to be in its memory.
      if (step.to == BoardState::kReady) static_cast<void>(board_.flash.Forget());
      failure_ = done.error();
      co_return done;
    }
    state_ = step.to;
  }
  co_return Done{};
}

Awaitable<StepResult<Done>> BoardMachine::MoveDown(BoardState state) {
  EndSession();
  if (state < BoardState::kReady) {
    frames_.reset();
    link_.reset();
  }
  if (state == BoardState::kOff) {
    const AttemptRecord::Phase phase(record_, "power");
    Status status(
        Code::kFailedPrecondition,
        fmt::format("board {} has no `power` in the bench file: it cannot be switched off",
                    board_.id));
    if (board_.power) status = co_await board_.power->Off(Within(kPowerTime, deadline_));
    if (!status.ok()) co_return tl::unexpected(BenchFailure(status));
    board_.flash.PowerLost();
  }
  state_ = state;
  co_return Done{};
}

void BoardMachine::Clear() {
  EndSession();
  frames_.reset();
  link_.reset();
  failure_.reset();
  state_ = BoardState::kUnknown;
}

void BoardMachine::EndSession() {
  if (client_) retransmits_ += client_->retransmits();
  client_.reset();
}

Awaitable<StepResult<Done>> BoardMachine::PowerOn() {
  if (!board_.power) co_return Done{};
  const Deadline deadline = Within(kPowerTime, deadline_);
  Status status;
  // Not `? :` with a co_await in each arm: GCC 12 then destroys a temporary that never was.
  if (board_.needs_power_cycle || offer_.power_cycle()) {
    status = co_await board_.power->Cycle(deadline);
    board_.flash.PowerLost();
  } else {
    status = co_await board_.power->On(deadline);
  }
  if (!status.ok()) co_return tl::unexpected(BenchFailure(status));
  board_.needs_power_cycle = false;
  co_return Done{};
}

FlashRequest BoardMachine::RequestOf() const {
  FlashRequest request;
  request.segments = image_.segments;
  request.mailbox_address = offer_.image().mailbox_address();
  request.mailbox_word = board_.mailbox_word;
  request.rings_address = offer_.image().rings_address();
  return request;
}

Awaitable<StepResult<Done>> BoardMachine::Flash() {
  // Whatever goes wrong from here on leaves the board in an unknown state.
  board_.needs_power_cycle = true;
  board_.mailbox_word = RandomWord();
  const Deadline deadline = Within(kFlashTime, deadline_);
  const int64_t halt_us = record_.NowUs();
  auto target = co_await board_.probe->PrepareFlash(deadline);
  if (!target.ok()) co_return tl::unexpected(BenchFailure(target.status()));
  record_.AddSpan("flash.prepare", halt_us, record_.NowUs());
  auto known = TakeIdentity(target->identity);
  if (!known) co_return known;
  // A recovery trusts nothing.
  if (offer_.power_cycle()) {
    const Status forgotten = board_.flash.Forget();
    if (!forgotten.ok()) co_return tl::unexpected(BenchFailure(forgotten));
  }
  FlashRequest request = RequestOf();
  auto written = co_await WriteImage(*board_.probe, board_.flash, std::move(*target),
                                     std::move(request), deadline);
  if (!written.ok()) co_return tl::unexpected(BenchFailure(written.status()));
  AddFlashPhases(written->phases);
  const v1::FlashStats& stats = written->stats;
  *record_.result.mutable_flash() = stats;
  const char* wrong =
      stats.record_was_wrong() ? "; the board did not hold what was written last" : "";
  record_.Log(fmt::format("wrote {} bytes in {} sectors, left {} bytes in {} alone, verified all{}",
                          stats.bytes_written(), stats.sectors_written(), stats.bytes_saved(),
                          stats.sectors_saved(), wrong));
  co_return Done{};
}

/// Who is behind the probe, before anything is written.
StepResult<Done> BoardMachine::TakeIdentity(const ProbeIdentity& identity) {
  record_.result.add_tools(identity.tool);
  const std::string uid = UidHex(identity.uid);
  if (!board_.mcu_uid.empty() && board_.mcu_uid != uid) {
    const std::string evidence = fmt::format("unique id: known {}, found {}", board_.mcu_uid, uid);
    return tl::unexpected(MakeFailure(
        v1::FAILURE_OWNER_BENCH, Code::kFailedPrecondition,
        fmt::format("another board than {} is behind its probe; was it exchanged? Restart the "
                    "agent if that is right",
                    board_.id),
        {evidence}));
  }
  board_.mcu_uid = uid;
  return Done{};
}

/// The probe tells durations; its last phase ended a moment ago.
void BoardMachine::AddFlashPhases(const std::vector<FlashPhase>& phases) {
  int64_t start_us = record_.NowUs();
  for (const FlashPhase& phase : phases) start_us -= ToUs(phase.duration);
  for (const FlashPhase& phase : phases) {
    const int64_t end_us = start_us + ToUs(phase.duration);
    record_.AddSpan(phase.name, start_us, end_us);
    start_us = end_us;
  }
}

/// A board that restarts may leave the bus for a moment, also as another device (its bootloader):
/// nothing here depends on what it calls itself, only on the port being there again.
Awaitable<Status> BoardMachine::OpenLink() {
  LinkTarget target;
  target.rings_address = offer_.image().rings_address();
  const Deadline patience = Within(kPortTime, deadline_);
  while (true) {
    auto link = board_.link->Open(target);
    if (link.ok()) {
      link_ = std::move(*link);
      frames_.emplace(*link_);
      co_return OkStatus();
    }
    if (link.status().code() != Code::kNotFound || Clock::now() >= patience) {
      co_return link.status();
    }
    co_await SleepUntil(Within(kLookAgain, patience));
  }
}

Awaitable<StepResult<Done>> BoardMachine::Hello() {
  const Status open = co_await OpenLink();
  if (!open.ok()) co_return tl::unexpected(BenchFailure(open));
  const auto hello = co_await AskHello(*frames_, Within(kHelloTime, deadline_));
  if (!hello.ok() && hello.status().code() == Code::kDeadlineExceeded) {
    co_return tl::unexpected(co_await ExplainSilence(board_.mailbox_word, board_, boards_));
  }
  if (!hello.ok()) co_return tl::unexpected(BenchFailure(hello.status()));
  *record_.result.mutable_identity() = ToIdentity(*hello);
  rx_window_ = hello->rx_window;
  auto checked = Check(*hello);
  if (!checked) co_return checked;
  const Status fast = co_await link_->GoFast(deadline_);
  if (!fast.ok()) co_return tl::unexpected(BenchFailure(fast));
  co_return Done{};
}

StepResult<Done> BoardMachine::Check(const device::Hello& hello) const {
  ExpectedIdentity expected;
  expected.port = offer_.image().port();
  expected.kernels = offer_.image().kernels();
  expected.build_id = offer_.image().build_id();
  expected.code_crc32c = image_.code_crc32c;
  expected.code_size = image_.code_size;
  expected.blob_crc32c = image_.blob_crc32c;
  expected.blob_size = image_.blob_size;
  expected.mailbox_word = board_.mailbox_word;
  expected.mcu_uid = board_.mcu_uid;
  return CheckHello(hello, expected, board_, boards_);
}

Awaitable<StepResult<Done>> BoardMachine::Start() {
  const v1::Execution& execution = offer_.execution();
  DeviceClient::Settings settings;
  settings.nonce = kind_ == SessionKind::kRepainted ? session_.nonce ^ 1 : RandomNonce();
  settings.vector_set_crc32c = record_.result.vector_set_crc32c();
  settings.input_bytes = execution.input_bytes();
  const bool timed = kind_ == SessionKind::kTimed;
  settings.warmup = timed ? execution.warmup() : 0;
  settings.repetitions = timed ? execution.repetitions() : 1;
  settings.observe_layers = kind_ == SessionKind::kObserved;
  settings.rx_window = rx_window_;
  settings.inference_timeout = milliseconds(execution.inference_timeout_ms());
  client_.emplace(*frames_, settings);
  auto started = co_await client_->Start(Within(kStartTime, deadline_));
  if (!started) co_return tl::unexpected(std::move(started.error()));
  session_ = {std::move(*started), settings.nonce};
  if (timed) record_.result.set_nonce(settings.nonce);
  if (kind_ == SessionKind::kObserved) co_return Done{};
  co_return co_await CheckPaint(*board_.probe, session_, Within(kStartTime, deadline_));
}

v1::LinkStats BoardMachine::link_stats() const {
  v1::LinkStats stats;
  if (!frames_) return stats;
  stats.set_bytes_out(frames_->stats().bytes_out);
  stats.set_bytes_in(frames_->stats().bytes_in);
  stats.set_frames_bad(frames_->bad_frames());
  stats.set_retransmits(retransmits_ + (client_ ? client_->retransmits() : 0));
  return stats;
}

}  // namespace tinyrig::agent
