#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "proto/tinyrig/v1/types.pb.h"
#include "server/model/ids.h"
#include "server/scheduling/health.h"

/// Which job runs on which board, and since when: the pure core. It knows no clock, no disk and no
/// network; the caller brings the time, stores what it decides and sends the offers. Not thread
/// safe.
///
/// Life of a job here:  Enqueue -> queued -> Match -> leased -> (Reported ->) End -> gone, or
/// queued again. Life of a lease:     it ends by End (result), by Expire (deadline), by
/// AgentConnected without it in `held`
///                      (the agent forgot it), by Withdraw (refused or never sent) or by Cancel.
/// At any moment a board has at most one lease and a job at most one; fences rise strictly.
namespace tinyrig::server {

struct QueuedJob {
  JobId job;
  CampaignId campaign;
  std::string board_type;
  int32_t priority = 0;          ///< Higher first; then the older job.
  uint32_t last_attempt = 0;     ///< Number of the last attempt; the next is one more.
  uint32_t failed_attempts = 0;  ///< Attempts that bench or service spoiled.
  TimeUs timeout_us = 0;         ///< Of one attempt.
  std::set<BoardId> avoid;  ///< Boards it failed on: used only when no other of the type is online.
  BoardId pinned;           ///< A reference job: for this board only, before all others.
};

struct Lease {
  LeaseKey key;
  CampaignId campaign;
  BoardId board;
  AgentId agent;
  TimeUs deadline_us = 0;  ///< When the server gives up on it.
  TimeUs timeout_us = 0;   ///< What the agent is told.
  bool reference = false;  ///< Of a job that is pinned to the board.
};

/// What an agent says of a board.
struct BoardReport {
  BoardId id;
  std::string type;
  std::string broken;  ///< Not empty: takes no jobs, and why.
};

struct BoardView {
  BoardId id;
  std::string type;
  AgentId agent;
  bool online = false;
  std::string broken;
  BoardCondition condition;
  bool maintenance = false;
  std::string maintenance_reason;
  std::string reserved_by;  ///< Empty: not reserved.
  std::string reserve_reason;
  TimeUs reserved_until_us = 0;
  TimeUs hold_until_us = 0;  ///< No offers before this: it has just refused one.
  std::optional<LeaseKey> lease;
};

class Scheduler {
 public:
  /// Beyond its timeout a lease is kept this long, for the agent to report the timeout itself.
  static constexpr TimeUs kGraceUs = 30'000'000;
  /// A board that refused an offer gets the next one after this.
  static constexpr TimeUs kHoldAfterRefusalUs = 2'000'000;

  /// Fences given out are greater than `last_fence`, the greatest that was ever stored.
  explicit Scheduler(Fence last_fence) : last_fence_(last_fence) {}

  /// Board types that have a reference job: their suspect boards take no other job while a good
  /// board of the type can.
  void SetReferenceTypes(std::set<std::string> types) { reference_types_ = std::move(types); }
  /// A board that is known from before a restart; offline until its agent reports it.
  void RestoreBoard(BoardView board);
  /// A lease of before a restart, kept until the agent reports it or the deadline passes.
  void RestoreLease(QueuedJob job, Lease lease);

  void Enqueue(QueuedJob job);

  /// An agent opened a stream: its boards are online now. Leases of this agent that are not in
  /// `held` are lost and returned, still in place: the caller ends each (End). Boards of a
  /// connected other agent are returned in `stolen` and left alone.
  struct Connected {
    std::vector<Lease> lost;
    std::vector<BoardId> stolen;
  };
  Connected AgentConnected(const AgentId& agent, const std::vector<BoardReport>& boards,
                           const std::vector<LeaseKey>& held);
  /// The same boards again, perhaps broken or mended since.
  std::vector<BoardId> AgentBoards(const AgentId& agent, const std::vector<BoardReport>& boards);
  /// The stream is gone: boards offline, leases stay until their deadline.
  void AgentLost(const AgentId& agent);

  /// Leases free boards to waiting jobs: what is pinned to the board, then highest priority, then
  /// oldest job; boards in order of health and name. Quarantined boards get only what is pinned to
  /// them. The caller stores and offers each lease, or takes it back with Withdraw().
  std::vector<Lease> Match(TimeUs now);

  /// The lease of `key`, when it is in force: same job, attempt and fence.
  const Lease* Find(const LeaseKey& key) const;
  /// A result arrived and is being stored: the lease does not expire meanwhile. False when not in
  /// force.
  bool Reported(const LeaseKey& key);
  /// Storing it failed: the deadline counts again.
  void ReportDropped(const LeaseKey& key);
  /// Leases past their deadline, still in place.
  std::vector<Lease> Expired(TimeUs now) const;

  /// Attempts of this job that bench or service spoiled before.
  uint32_t FailedAttempts(const LeaseKey& key) const;
  /// The attempt is over. `retry`: the job waits again, with one more failed attempt, preferably
  /// for another board after a failure of the bench. `owner`: of the failure, UNSPECIFIED for
  /// success. The board's condition is the caller's to change.
  void End(const LeaseKey& key, bool retry, v1::FailureOwner owner);
  /// The offer was refused or never left: the job waits again, nothing is counted, the board rests
  /// a little.
  void Withdraw(const LeaseKey& key, TimeUs now);
  /// Removes the job. The lease it had, if any, is over.
  std::optional<Lease> Cancel(JobId job);

  const BoardView* FindBoard(const BoardId& board) const;
  /// For changes of maintenance, reservation and condition. nullptr when the board is not known.
  BoardView* MutableBoard(const BoardId& board);
  const std::map<BoardId, BoardView>& boards() const { return boards_; }
  size_t queued() const { return queued_count_; }
  size_t leased() const { return leases_.size(); }

  /// The job that is pinned to the board, waiting or running; 0 when there is none.
  JobId PinnedTo(const BoardId& board) const;
  /// Campaigns that have jobs waiting for this type of board.
  std::set<CampaignId> WaitingFor(const std::string& board_type) const;
  /// Waiting jobs that the bench spoiled before, on a board of this type.
  std::vector<JobId> SpoiledBefore(const std::string& board_type) const;
  /// Types that jobs wait for.
  std::vector<std::string> WantedTypes() const;

  /// Whether an offer would be taken now, but for a lease it may have and for its health.
  static bool Usable(const BoardView& board, TimeUs now);

 private:
  struct QueueKey {
    int32_t priority;
    JobId job;
    bool operator<(const QueueKey& other) const {
      return priority != other.priority ? priority > other.priority : job < other.job;
    }
  };
  using Queue = std::map<QueueKey, QueuedJob>;
  struct Running {
    QueuedJob job;
    Lease lease;
    bool reported = false;
  };

  std::optional<QueuedJob> TakeFor(const BoardView& board, TimeUs now);
  bool HasOtherBoard(const QueuedJob& job) const;
  /// Whether it may take jobs that are not pinned to it.
  bool TakesOrdinaryJobs(const BoardView& board, TimeUs now) const;
  std::optional<QueuedJob> TakeFrom(const std::string& queue_name, const BoardView& board);
  static std::string QueueOf(const QueuedJob& job);
  void ReleaseBoard(const Lease& lease);

  Fence last_fence_;
  std::map<BoardId, BoardView> boards_;
  std::set<std::string> reference_types_;
  std::map<std::string, Queue> queues_;  // By board type, and one a board for what is pinned to it.
  std::unordered_map<JobId, QueueKey> queued_keys_;
  std::unordered_map<JobId, std::string> queued_in_;
  size_t queued_count_ = 0;
  std::map<JobId, Running> leases_;
};

}  // namespace tinyrig::server
