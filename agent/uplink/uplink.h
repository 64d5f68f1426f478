#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/session/attempt.h"
#include "agent/session/board.h"
#include "agent/uplink/board_slot.h"
#include "agent/uplink/consoles.h"
#include "agent/uplink/lease_key.h"
#include "agent/uplink/server_link.h"
#include "agent/uplink/spool.h"

namespace tinyrig::agent {

/// RunAttempt() of agent/session, or something else in tests.
using AttemptRunner = std::function<Awaitable<v1::AttemptResult>(
    v1::LeaseOffer, Board&, const Boards&, ArtifactSource&, ProgressSink&)>;

/// The agent as the server sees it: announces boards, takes leases, runs their attempts, delivers
/// results. Everything is on the io thread.
///
/// A lease: offered -> running -> spooled -> acknowledged, or cancelled at any point. The agent
/// holds it (AgentHello.held) from the offer to the acknowledgement. A stream that breaks changes
/// nothing: attempts go on, their results wait in the spool and are sent after the next welcome.
class Uplink : private ServerLink::Listener {
 public:
  struct Options {
    std::string agent_id;
    std::string bench;
    std::string instance_id;  ///< New with every start.
    Clock::duration heartbeat = std::chrono::seconds(5);
    Clock::duration identify_retry = std::chrono::seconds(10);
  };

  /// `io`, `boards` and `artifacts` outlive the uplink; the uplink outlives the work on `io`.
  Uplink(boost::asio::io_context& io, Options options, std::shared_ptr<grpc::Channel> channel,
         Boards& boards, Spool spool, ArtifactSource& artifacts, AttemptRunner runner);
  ~Uplink() override;

  /// Dials, and begins to identify the boards.
  void Start();
  /// Takes no more offers and tells the server so; what runs goes on, results are delivered.
  void Drain();
  /// No attempt runs.
  bool idle() const { return leases_.empty(); }
  /// No result waits for a server that is there.
  bool delivered() const { return !link_.connected() || spool_.Keys().empty(); }
  /// Takes no more offers, cancels what runs, leaves the spool. `io` runs dry when all has ended.
  void Stop();

 private:
  friend struct Lease;

  v1::AgentHello MakeHello() override;
  void OnWelcome() override;
  void OnMessage(v1::ServerMessage message) override;

  v1::AgentBoard Announce(const Board& board) const;
  void LookAtDisk();
  void OnOffer(v1::LeaseOffer offer);
  void OnCancel(const LeaseKey& key, const std::string& reason);
  void Refuse(const LeaseKey& key, const std::string& reason);
  /// The board that takes the offer, or why none does.
  Result<BoardSlot*> SlotFor(const v1::LeaseOffer& offer);
  void Begin(BoardSlot& slot, v1::LeaseOffer offer);
  Awaitable<v1::AttemptResult> Attempt(std::shared_ptr<Lease> lease);
  void Finish(const std::shared_ptr<Lease>& lease, std::exception_ptr error,
              v1::AttemptResult result);
  void Keep(const Lease& lease, v1::AttemptResult result);
  void SendResult(const LeaseKey& key);
  void SendProgress(Lease& lease, v1::AttemptProgress progress);
  void SendConsole(v1::ConsoleReport report);
  void SendHeartbeat();
  void BeatOn();

  boost::asio::io_context& io_;
  Options options_;
  Boards& boards_;
  Spool spool_;
  ArtifactSource& artifacts_;
  AttemptRunner runner_;
  ServerLink link_;
  asio::steady_timer heartbeat_;
  std::vector<std::unique_ptr<BoardSlot>> slots_;
  Consoles consoles_;
  /// One for every identification that runs in the background.
  std::vector<std::unique_ptr<asio::cancellation_signal>> background_;
  std::map<LeaseKey, std::shared_ptr<Lease>> leases_;
  /// The highest fence seen for each job of the server's present life.
  std::map<uint64_t, uint64_t> fences_;
  std::string server_instance_;
  /// Why no board takes jobs; empty when nothing is in the way.
  std::string unfit_;
  bool stopping_ = false;
};

}  // namespace tinyrig::agent
