#include "agent/uplink/uplink.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "agent/uplink/identify.h"
#include "agent/uplink/progress_limiter.h"
#include "proto/text/clean.h"

namespace tinyrig::agent {
namespace {

/// A server that does not read gets no more progress; results are never dropped.
constexpr size_t kMaxQueued = 256;
/// A probe that is there says so at once; one that is frozen is not waited for.
constexpr std::chrono::seconds kLookAgain{2};
constexpr char kStopping[] = "the agent is stopping";

int64_t WallClockUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

v1::AgentBoard Describe(const Board& board) {
  v1::AgentBoard message;
  message.set_board_id(board.id);
  message.set_board_type(board.type);
  message.set_probe_serial(board.probe_serial);
  message.set_mcu_uid(board.mcu_uid);
  message.set_broken(board.broken);
  for (const auto& [key, value] : board.labels) {
    v1::Label* label = message.add_labels();
    label->set_key(key);
    label->set_value(value);
  }
  return message;
}

v1::Failure ServiceFailure(Code code, std::string message) {
  v1::Failure failure;
  failure.set_owner(v1::FAILURE_OWNER_SERVICE);
  failure.set_code(static_cast<uint32_t>(code));
  failure.set_message(std::move(message));
  return failure;
}

/// Could it be that the probe is not there any more?
bool MayBeGone(const v1::AttemptResult& result) {
  const auto code = static_cast<Code>(result.failure().code());
  return result.failure().owner() == v1::FAILURE_OWNER_BENCH &&
         (code == Code::kUnavailable || code == Code::kNotFound);
}

std::string WhatOf(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an unknown exception";
  }
}

}  // namespace

/// One lease from its offer to its result.
struct Lease final : public ProgressSink {
  Lease(Uplink& owner, BoardSlot& on, v1::LeaseOffer what)
      : uplink(owner),
        slot(on),
        offer(std::move(what)),
        key(LeaseKey::Of(offer.key())),
        received(Clock::now()),
        received_us(WallClockUs()) {}

  void Progress(std::string phase, uint32_t done, uint32_t total, std::string log) override {
    if (!limiter.Pass(Clock::now(), phase, done, total, !log.empty())) return;
    v1::AttemptProgress progress;
    *progress.mutable_key() = key.ToProto();
    progress.set_phase(std::move(phase));
    progress.set_done(done);
    progress.set_total(total);
    progress.set_log(std::move(log));
    uplink.SendProgress(*this, std::move(progress));
  }

  void Cancel() {
    cancelled = true;
    cancel.emit(asio::cancellation_type::terminal);
  }

  Uplink& uplink;
  BoardSlot& slot;
  const v1::LeaseOffer offer;
  const LeaseKey key;
  const Clock::time_point received;
  const int64_t received_us;
  ProgressLimiter limiter;
  asio::cancellation_signal cancel;
  bool cancelled = false;
  bool has_board = false;
};

Uplink::Uplink(boost::asio::io_context& io, Options options, std::shared_ptr<grpc::Channel> channel,
               Boards& boards, Spool spool, ArtifactSource& artifacts, AttemptRunner runner)
    : io_(io),
      options_(std::move(options)),
      boards_(boards),
      spool_(std::move(spool)),
      artifacts_(artifacts),
      runner_(std::move(runner)),
      link_(io, std::move(channel), *this),
      heartbeat_(io),
      consoles_(io, slots_, [this](v1::ConsoleReport report) { SendConsole(std::move(report)); }) {
  for (const auto& board : boards_) slots_.push_back(std::make_unique<BoardSlot>(io, *board));
}

Uplink::~Uplink() = default;

void Uplink::Start() {
  LookAtDisk();
  link_.Start();
  BeatOn();
  for (const auto& slot : slots_) {
    background_.push_back(std::make_unique<asio::cancellation_signal>());
    asio::co_spawn(io_, KeepIdentified(*slot, options_.identify_retry, [this] { SendHeartbeat(); }),
                   asio::bind_cancellation_slot(background_.back()->slot(), asio::detached));
  }
}

void Uplink::Drain() {
  unfit_ = kStopping;
  consoles_.CloseAll();
  SendHeartbeat();
}

void Uplink::Stop() {
  stopping_ = true;
  heartbeat_.cancel();
  for (const auto& signal : background_) signal->emit(asio::cancellation_type::terminal);
  const auto leases = leases_;
  for (const auto& [key, lease] : leases) lease->Cancel();
  consoles_.CloseAll();
  link_.Stop();
}

v1::AgentHello Uplink::MakeHello() {
  consoles_.CloseAll();  // Those of the stream before.
  v1::AgentHello hello;
  hello.set_agent_id(options_.agent_id);
  hello.set_bench(options_.bench);
  hello.set_version(TINYRIG_VERSION);
  hello.set_instance_id(options_.instance_id);
  for (const auto& board : boards_) *hello.add_boards() = Announce(*board);
  for (const auto& [key, lease] : leases_) {
    if (!lease->cancelled) *hello.add_held() = key.ToProto();
  }
  for (const LeaseKey& key : spool_.Keys()) *hello.add_held() = key.ToProto();
  return hello;
}

v1::AgentBoard Uplink::Announce(const Board& board) const {
  v1::AgentBoard message = Describe(board);
  // A board that cannot take jobs gets none: no offer is refused again and again.
  if (board.broken.empty()) message.set_broken(unfit_);
  return message;
}

void Uplink::LookAtDisk() {
  if (unfit_ == kStopping) return;
  const Status room = spool_.MakeRoom();
  if (!room.ok() && unfit_.empty()) spdlog::error("no jobs are taken: {}", room.message());
  if (room.ok() && !unfit_.empty()) spdlog::info("there is room on the disk again");
  unfit_ = room.ok() ? "" : "its agent cannot keep results: " + room.message();
}

void Uplink::OnWelcome() {
  for (const LeaseKey& key : spool_.Keys()) SendResult(key);
}

void Uplink::OnMessage(v1::ServerMessage message) {
  switch (message.kind_case()) {
    case v1::ServerMessage::kWelcome:
      // Another server, or one that lost its memory, may count from the beginning.
      if (message.welcome().server_instance_id() != server_instance_) fences_.clear();
      server_instance_ = message.welcome().server_instance_id();
      return;
    case v1::ServerMessage::kOffer:
      return OnOffer(std::move(*message.mutable_offer()));
    case v1::ServerMessage::kCancel:
      return OnCancel(LeaseKey::Of(message.cancel().key()), message.cancel().reason());
    case v1::ServerMessage::kAck:
      return spool_.Remove(LeaseKey::Of(message.ack().key()));
    case v1::ServerMessage::kConsole:
      return consoles_.Handle(message.console());
    case v1::ServerMessage::KIND_NOT_SET:
      return;
  }
}

void Uplink::OnOffer(v1::LeaseOffer offer) {
  const LeaseKey key = LeaseKey::Of(offer.key());
  if (leases_.contains(key)) return;
  if (spool_.Has(key)) return SendResult(key);
  uint64_t& fence = fences_[key.job];
  if (key.fence < fence) {
    spdlog::warn("{}: an offer with fence {} after {} is ignored", key.Text(), key.fence, fence);
    return;
  }
  fence = key.fence;
  LookAtDisk();
  // Before the refusal, so that the same offer does not come at once again.
  if (!unfit_.empty()) SendHeartbeat();
  const Result<BoardSlot*> slot = SlotFor(offer);
  if (!slot.ok()) return Refuse(key, slot.status().message());
  Begin(**slot, std::move(offer));
}

Result<BoardSlot*> Uplink::SlotFor(const v1::LeaseOffer& offer) {
  if (stopping_) return Status(Code::kUnavailable, kStopping);
  if (!unfit_.empty()) return Status(Code::kUnavailable, unfit_);
  for (const auto& slot : slots_) {
    const Board& board = slot->board;
    if (board.id != offer.board_id()) continue;
    if (!board.broken.empty()) {
      return Status(Code::kUnavailable,
                    fmt::format("board {} is broken: {}", board.id, board.broken));
    }
    if (slot->console) {
      return Status(Code::kUnavailable,
                    fmt::format("somebody has a console on board {}", board.id));
    }
    // One that was cancelled lets go within moments: the new lease waits for that.
    if (slot->lease != nullptr && !slot->lease->cancelled) {
      return Status(Code::kUnavailable,
                    fmt::format("board {} is busy with {}", board.id, slot->lease->key.Text()));
    }
    return slot.get();
  }
  return Status(Code::kNotFound, fmt::format("bench {} has no board '{}'; check the bench file",
                                             options_.bench, offer.board_id()));
}

void Uplink::Refuse(const LeaseKey& key, const std::string& reason) {
  spdlog::warn("{} refused: {}", key.Text(), reason);
  v1::AgentMessage message;
  *message.mutable_refused()->mutable_key() = key.ToProto();
  message.mutable_refused()->set_reason(reason);
  link_.Send(std::move(message));
}

void Uplink::Begin(BoardSlot& slot, v1::LeaseOffer offer) {
  auto lease = std::make_shared<Lease>(*this, slot, std::move(offer));
  spdlog::info("{} on board {}", lease->key.Text(), slot.board.id);
  leases_[lease->key] = lease;
  slot.lease = lease;
  asio::co_spawn(
      io_, Attempt(lease),
      asio::bind_cancellation_slot(
          lease->cancel.slot(), [this, lease](std::exception_ptr error, v1::AttemptResult result) {
            Finish(lease, error, std::move(result));
          }));
}

Awaitable<v1::AttemptResult> Uplink::Attempt(std::shared_ptr<Lease> lease) {
  co_await WaitUntilIdle(lease->slot);
  lease->has_board = true;
  lease->slot.board.busy = true;
  v1::LeaseOffer offer = lease->offer;
  // The time limit counts from the receipt of the offer.
  const auto waited = std::chrono::duration_cast<milliseconds>(Clock::now() - lease->received);
  const int64_t left = int64_t{offer.deadline_ms()} - waited.count();
  offer.set_deadline_ms(static_cast<uint32_t>(std::max<int64_t>(left, 1)));
  Awaitable<v1::AttemptResult> attempt =
      runner_(std::move(offer), lease->slot.board, boards_, artifacts_, *lease);
  v1::AttemptResult result = co_await std::move(attempt);
  if (MayBeGone(result) && lease->slot.board.probe) {
    // Whoever gets the board next would fail as fast as this one, until it is quarantined.
    const auto identity = co_await lease->slot.board.probe->Identify(Within(kLookAgain));
    if (ApplyIdentity(lease->slot.board, identity)) SendHeartbeat();
  }
  co_return result;
}

void Uplink::Finish(const std::shared_ptr<Lease>& lease, std::exception_ptr error,
                    v1::AttemptResult result) {
  // Its cancellation signal must outlive the coroutine, which is still ending.
  asio::post(io_, [lease] {});
  leases_.erase(lease->key);
  if (lease->slot.lease == lease) lease->slot.lease.reset();
  if (lease->has_board) {
    lease->slot.board.busy = false;
    lease->slot.Wake();
  }
  if (lease->cancelled) return spdlog::info("{} has ended after its cancel", lease->key.Text());
  if (error) {
    *result.mutable_failure() = ServiceFailure(
        Code::kInternal, fmt::format("the agent failed: {}; look into its log", WhatOf(error)));
  }
  Keep(*lease, std::move(result));
}

void Uplink::Keep(const Lease& lease, v1::AttemptResult result) {
  CleanText(&result);  // The spool could not be read again.
  if (result.ByteSizeLong() > Spool::kMaxResultBytes) {
    const std::string message = fmt::format(
        "the result of {} B is larger than a message may be ({} B); use fewer vectors "
        "or repetitions",
        result.ByteSizeLong(), Spool::kMaxResultBytes);
    result.Clear();
    *result.mutable_failure() = ServiceFailure(Code::kResourceExhausted, message);
  }
  *result.mutable_key() = lease.key.ToProto();
  result.set_agent_id(options_.agent_id);
  result.set_board_id(lease.slot.board.id);
  if (result.started_us() == 0) {
    const auto took =
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - lease.received);
    result.set_started_us(lease.received_us);
    result.set_ended_us(lease.received_us + took.count());
  }
  spdlog::info("{} on board {}: {}", lease.key.Text(), lease.slot.board.id,
               result.has_failure() ? result.failure().message() : "done");
  if (const Status kept = spool_.Put(std::move(result)); !kept.ok()) {
    spdlog::error("{}: its result is in memory only: {}", lease.key.Text(), kept.message());
  }
  SendResult(lease.key);
}

void Uplink::OnCancel(const LeaseKey& key, const std::string& reason) {
  if (const auto running = leases_.find(key); running != leases_.end()) {
    spdlog::info("{} cancelled: {}", key.Text(), reason);
    const std::shared_ptr<Lease> lease = running->second;
    lease->Cancel();
  } else if (spool_.Has(key)) {
    spdlog::info("{}: its result is not wanted: {}", key.Text(), reason);
    spool_.Remove(key);
  }
}

void Uplink::SendResult(const LeaseKey& key) {
  if (!link_.connected()) return;
  Result<v1::AttemptResult> result = spool_.Get(key);
  if (!result.ok()) return spdlog::error("{}: {}", key.Text(), result.status().message());
  v1::AgentMessage message;
  *message.mutable_result() = std::move(*result);
  link_.Send(std::move(message));
}

void Uplink::SendProgress(Lease& lease, v1::AttemptProgress progress) {
  if (!progress.log().empty()) spdlog::info("{}: {}", lease.key.Text(), progress.log());
  if (lease.cancelled || link_.queued() >= kMaxQueued) return;
  v1::AgentMessage message;
  *message.mutable_progress() = std::move(progress);
  link_.Send(std::move(message));
}

void Uplink::SendConsole(v1::ConsoleReport report) {
  // The word that it ended is never dropped.
  if (link_.queued() >= kMaxQueued && !report.ended()) return;
  v1::AgentMessage message;
  *message.mutable_console() = std::move(report);
  link_.Send(std::move(message));
}

void Uplink::SendHeartbeat() {
  v1::AgentMessage message;
  for (const auto& board : boards_) *message.mutable_heartbeat()->add_boards() = Announce(*board);
  link_.Send(std::move(message));
}

void Uplink::BeatOn() {
  heartbeat_.expires_after(options_.heartbeat);
  heartbeat_.async_wait([this](const boost::system::error_code& error) {
    if (error || stopping_) return;
    LookAtDisk();
    SendHeartbeat();
    BeatOn();
  });
}

}  // namespace tinyrig::agent
