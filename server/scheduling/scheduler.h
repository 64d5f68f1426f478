#pragma once

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "proto/tinyrig/v1/types.pb.h"
#include "server/model/board_expression.h"
#include "server/model/ids.h"
#include "server/scheduling/health.h"
#include "server/scheduling/job_queue.h"
#include "server/scheduling/windows.h"

/// Which job runs on which board, and since when: the pure core. It knows no clock, no disk and no
/// network; the caller brings the time, stores what it decides and sends the offers. Not thread
/// safe. Which job comes first is JobQueue's; which boards may take one is decided here.
///
/// Life of a job here:  Enqueue -> queued -> Match -> leased -> (Reported ->) End -> gone, or
/// queued again. Life of a lease:     it ends by End (result), by Expire (deadline), by
/// AgentConnected without it in `held`
///                      (the agent forgot it), by Withdraw (refused or never sent) or by Cancel.
/// At any moment a board has at most one lease and a job at most one; fences rise strictly.
namespace tinyrig::server {

struct Lease {
  LeaseKey key;
  CampaignId campaign;
  BoardId board;
  AgentId agent;
  TimeUs queued_us = 0;    ///< Since when the job waited.
  TimeUs deadline_us = 0;  ///< When the server gives up on it.
  TimeUs timeout_us = 0;   ///< What the agent is told.
  bool reference = false;  ///< Of a job that is pinned to the board.
};

/// What an agent says of a board.
struct BoardReport {
  BoardId id;
  std::string type;
  std::string broken;  ///< Not empty: takes no jobs, and why.
  Labels labels;
};

struct BoardView {
  BoardId id;
  std::string type;
  AgentId agent;
  bool online = false;
  std::string broken;
  Labels labels;
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

  /// Fences given out are greater than `last_fence`, the greatest that was ever stored. `seed`: of
  /// the choice among boards that are equally good.
  explicit Scheduler(Fence last_fence, uint64_t seed = 0)
      : last_fence_(last_fence), random_(seed) {}

  /// What expressions over boards may ask for.
  void SetBoardTypes(const std::vector<v1::BoardType>& types);
  /// Board types that have a reference job: their suspect boards take no other job while a good
  /// board of the type can.
  void SetReferenceTypes(std::set<std::string> types) { reference_types_ = std::move(types); }
  /// A board that is known from before a restart; offline until its agent reports it.
  void RestoreBoard(BoardView board);
  /// A lease of before a restart, kept until the agent reports it or the deadline passes.
  void RestoreLease(QueuedJob job, Lease lease);

  void Enqueue(QueuedJob job) { queue_.Push(std::move(job)); }

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

  /// No leases begin while the server drains, or on boards of an agent that does.
  void SetDrain(bool drain) { draining_ = drain; }
  void SetAgentDrain(const AgentId& agent, bool drain);
  bool draining() const { return draining_; }
  /// Replaces all windows. No lease begins that could last into one.
  void SetWindows(std::vector<Window> windows) { windows_ = std::move(windows); }
  const std::vector<Window>& windows() const { return windows_; }

  /// Leases free boards to waiting jobs: first what is pinned to the board, then JobQueue's choice;
  /// boards in order of health, equally good ones in random order, so that all wear alike.
  /// Quarantined boards get only what is pinned to them. The caller stores and offers each lease,
  /// or takes it back with Withdraw().
  std::vector<Lease> Match(TimeUs now);

  /// The lease of `key`, when it is in force: same job, attempt and fence.
  const Lease* Find(const LeaseKey& key) const;
  /// A result arrived and is being stored: the lease does not expire meanwhile. False when not in
  /// force.
  bool Reported(const LeaseKey& key);
  /// Storing it failed: the deadline counts again.
  void ReportDropped(const LeaseKey& key);
  /// Leases past their deadline, still in place, by number of the job.
  std::vector<Lease> Expired(TimeUs now) const;

  /// Attempts of this job that bench or service spoiled before.
  uint32_t FailedAttempts(const LeaseKey& key) const;
  /// The attempt is over. `retry`: the job waits again, with one more failed attempt, preferably
  /// for another board after a failure of the bench. `owner`: of the failure, UNSPECIFIED for
  /// success. The board's condition is the caller's to change.
  void End(const LeaseKey& key, bool retry, v1::FailureOwner owner, TimeUs now);

  /// A job with its lease.
  struct Running {
    QueuedJob job;
    Lease lease;
    BoardView* board = nullptr;  ///< In boards(), which no board ever leaves.
    JobQueue::Bill bill;
    TimeUs leased_us = 0;
    TimeUs used_us = 0;  ///< Once it is finished.
    bool reported = false;
  };
  /// The attempt succeeded: End() that Reopen() can take back. Empty: not in force.
  std::optional<Running> Finish(const LeaseKey& key, TimeUs now);
  /// Its success could not be stored: the lease is in force again and awaits a report. REQUIRES:
  /// its board has no lease; one that began since was withdrawn.
  void Reopen(Running running);
  /// The offer was refused or never left: the job waits again, nothing is counted, the board rests
  /// a little.
  void Withdraw(const LeaseKey& key, TimeUs now);
  /// Removes the job. The lease it had, if any, is over.
  std::optional<Lease> Cancel(JobId job, TimeUs now);

  const BoardView* FindBoard(const BoardId& board) const;
  /// For changes of maintenance, reservation and condition only. nullptr when the board is not
  /// known.
  BoardView* MutableBoard(const BoardId& board);
  const std::map<BoardId, BoardView>& boards() const { return boards_; }
  size_t queued() const { return queue_.size(); }
  size_t leased() const { return leases_.size(); }
  const JobQueue& queue() const { return queue_; }
  BoardFacts FactsOf(const BoardView& board) const;

  /// The job that is pinned to the board, waiting or running; 0 when there is none.
  JobId PinnedTo(const BoardId& board) const;
  /// The window that covers the board now or next, and how long until then (0: now).
  struct NextWindow {
    const Window* window = nullptr;  ///< nullptr: there is none.
    TimeUs until_us = kNoWindow;
  };
  NextWindow NextWindowOf(const BoardView& board, TimeUs now) const;
  bool Matches(const BoardView& board, const Expression& boards) const;
  bool Draining(const BoardView& board) const {
    return draining_ || draining_agents_.contains(board.agent);
  }

  /// Whether its people and its agent let it work: nobody reserved it, nothing is broken.
  static bool InService(const BoardView& board, TimeUs now);
  /// Whether an offer would be taken now, but for a lease it may have and for its health.
  static bool Usable(const BoardView& board, TimeUs now);

 private:
  bool HasOtherBoard(const QueuedJob& job, TimeUs now) const;
  /// Whether it may take jobs that are not pinned to it.
  bool TakesOrdinaryJobs(const BoardView& board, TimeUs now) const;
  /// Of an attempt that begins now, so that it and the grace end before the next window.
  TimeUs LongestTimeout(const BoardView& board, TimeUs now) const;
  /// Boards without a lease that may get one, best first.
  std::vector<BoardView*> Candidates(TimeUs now);
  std::optional<JobQueue::Taken> TakeFor(const BoardView& board, TimeUs now);
  Lease Begin(BoardView& board, JobQueue::Taken taken, TimeUs now);
  using Leases = std::unordered_map<JobId, Running>;
  /// end() when not in force.
  Leases::iterator FindLease(const LeaseKey& key);
  Running Release(Leases::iterator found);

  Fence last_fence_;
  std::mt19937_64 random_;
  std::map<BoardId, BoardView> boards_;
  struct ById {
    bool operator()(const BoardView* a, const BoardView* b) const { return a->id < b->id; }
  };
  std::map<std::string, std::set<BoardView*, ById>> free_;  // Boards without a lease, by type.
  std::map<std::string, v1::BoardType> types_;
  std::set<std::string> reference_types_;
  std::set<AgentId> draining_agents_;
  bool draining_ = false;
  std::vector<Window> windows_;
  JobQueue queue_;
  Leases leases_;
};

}  // namespace tinyrig::server
