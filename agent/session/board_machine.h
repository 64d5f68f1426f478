#pragma once

#include <memory>
#include <optional>

#include "agent/session/attempt_record.h"
#include "agent/session/board.h"
#include "agent/session/device_client.h"
#include "agent/session/failure.h"
#include "agent/session/frame_link.h"
#include "agent/session/image.h"
#include "agent/session/marks.h"

namespace tinyrig::agent {

/// How far a board is on the way to a measurement. Each state builds on the one before.
enum class BoardState : uint8_t {
  kUnknown,    ///< Whatever was done to it before.
  kOff,        ///< Without supply; boards without a switch never are.
  kOn,         ///< Has its supply, after a cycle if it needed one.
  kFlashed,    ///< Holds the image, proved, and runs it.
  kReady,      ///< Said HELLO on its link: this board, this image.
  kMeasuring,  ///< Has a session and takes vectors.
};
const char* BoardStateName(BoardState state);

/// What a session is for.
enum class SessionKind : uint8_t {
  kTimed,      ///< Warm-up and timed runs, as the offer says.
  kObserved,   ///< One run a vector that shows its layers.
  kRepainted,  ///< One run a vector, over the complement of the last session's paint.
};

/// Brings a board into a state and knows in which it is, for one job. Every step is a phase of the
/// record's timeline; a state that is reached already costs nothing and is logged. The first
/// failure sticks: later moves give it again until Clear().
class BoardMachine {
 public:
  /// What refers to must outlive the machine.
  BoardMachine(const v1::LeaseOffer& offer, Board& board, const Boards& boards,
               AttemptRecord& record, Deadline deadline)
      : offer_(offer), board_(board), boards_(boards), record_(record), deadline_(deadline) {}

  /// What kFlashed means. REQUIRED before it.
  void SetImage(LocalImage image) { image_ = std::move(image); }
  /// What kMeasuring means from the next move there on.
  void SetSession(SessionKind kind) { kind_ = kind; }

  /// Up through all states in between, or down. kOff without a switch: kFailedPrecondition.
  Awaitable<StepResult<Done>> MoveTo(BoardState state);

  BoardState state() const { return state_; }
  /// Forgets the failure, and all that was known of the board.
  void Clear();

  /// REQUIRES kMeasuring.
  DeviceClient& client() { return *client_; }
  const PaintedSession& session() const { return session_; }
  /// So far, over all sessions.
  v1::LinkStats link_stats() const;

 private:
  Awaitable<StepResult<Done>> MoveDown(BoardState state);
  Awaitable<StepResult<Done>> PowerOn();
  Awaitable<StepResult<Done>> Flash();
  Awaitable<Status> OpenLink();
  Awaitable<StepResult<Done>> Hello();
  Awaitable<StepResult<Done>> Start();

  StepResult<Done> TakeIdentity(const ProbeIdentity& identity);
  FlashRequest RequestOf() const;
  void AddFlashPhases(const std::vector<FlashPhase>& phases);
  StepResult<Done> Check(const device::Hello& hello) const;
  void EndSession();

  const v1::LeaseOffer& offer_;
  Board& board_;
  const Boards& boards_;
  AttemptRecord& record_;
  const Deadline deadline_;

  BoardState state_ = BoardState::kUnknown;
  std::optional<v1::Failure> failure_;
  LocalImage image_;
  SessionKind kind_ = SessionKind::kTimed;
  std::unique_ptr<Link> link_;
  std::optional<FrameLink> frames_;
  std::optional<DeviceClient> client_;
  PaintedSession session_;
  uint32_t rx_window_ = 0;
  uint32_t retransmits_ = 0;  ///< Of sessions that ended.
};

}  // namespace tinyrig::agent
