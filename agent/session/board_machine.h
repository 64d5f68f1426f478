#pragma once

#include <memory>
#include <optional>

#include "agent/session/attempt_record.h"
#include "agent/session/board.h"
#include "agent/session/device_client.h"
#include "agent/session/failure.h"
#include "agent/session/frame_link.h"
#include "agent/session/image.h"

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
  /// What kMeasuring means from the next move there on: timed runs, or one run that shows its
  /// layers.
  void SetObserve(bool observe) { observe_ = observe; }

  /// Up through all states in between, or down. kOff without a switch: kFailedPrecondition.
  Awaitable<StepResult<Done>> MoveTo(BoardState state);

  BoardState state() const { return state_; }
  /// Forgets the failure, and all that was known of the board.
  void Clear();

  /// REQUIRES kMeasuring.
  DeviceClient& client() { return *client_; }
  const device::pb::Started& started() const { return started_; }
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
  bool observe_ = false;
  std::unique_ptr<Link> link_;
  std::optional<FrameLink> frames_;
  std::optional<DeviceClient> client_;
  device::pb::Started started_;
  uint32_t rx_window_ = 0;
  uint32_t retransmits_ = 0;  ///< Of sessions that ended.
};

}  // namespace tinyrig::agent
