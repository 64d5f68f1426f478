#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/agent.pb.h"
#include "proto/tinyrig/v1/boards.pb.h"
#include "server/scheduling/scheduler.h"
#include "server/service/agent_link.h"
#include "server/service/clock.h"
#include "server/service/consoles.h"
#include "server/service/event_hub.h"
#include "server/service/executor.h"
#include "server/service/judge.h"
#include "server/service/reference_jobs.h"
#include "server/store/page.h"
#include "server/store/store.h"

namespace tinyrig::server {

/// Keeps scheduler, store and agents in step: offers jobs, takes results, ends what is lost. Lives
/// on the io thread.
///
/// Order of every change: the store first, then the scheduler, then the message. Only a board that
/// a success frees is leased again before that is stored: both share a commit, and both are taken
/// back if it fails. A crash between any two is mended by what agents say when they connect again:
/// a lease that was stored and not sent is not in their `held`, a result that was stored and not
/// acknowledged comes again and is recognised.
class Dispatcher {
 public:
  /// An agent that was silent so long is offline.
  static constexpr TimeUs kSilentUs = 20'000'000;
  static constexpr std::chrono::milliseconds kTick{500};

  Dispatcher(Executors executors, const Clock& clock, Store& store, EventHub& hub, Judge& judge,
             ReferenceJobs references, ReferencePolicy policy,
             std::vector<v1::BoardType> board_types, std::string instance_id);

  /// Takes up what was under way when the server ended, then starts the clockwork.
  Status Start();
  void Stop();

  void Enqueue(std::vector<QueuedJob> jobs);
  /// The jobs are cancelled in the store: ends what runs of them.
  void Cancelled(const std::vector<JobId>& jobs, CampaignId campaign);

  void Message(const std::shared_ptr<AgentLink>& link, const v1::AgentMessage& message);
  void Disconnected(const std::shared_ptr<AgentLink>& link);

  /// Lists are by name, windows by number. Errors: kInvalidArgument for a token of no page, and for
  /// an expression (server/model/board_expression.h; empty: all boards) that says nothing.
  Result<PageOf<v1::Board>> ListBoards(const v1::ListBoardsRequest& request) const;
  Result<PageOf<v1::Agent>> ListAgents(const v1::ListAgentsRequest& request) const;
  Result<PageOf<v1::MaintenanceWindow>> ListWindows(const v1::ListWindowsRequest& request) const;
  /// All of them.
  std::vector<v1::Board> Boards() const;
  std::vector<v1::Agent> Agents() const;
  /// kNotFound when no agent ever reported the board.
  Result<v1::Board> GetBoard(const BoardId& board) const;
  Result<v1::Board> Reserve(const v1::ReserveBoardRequest& request);
  Result<v1::Board> Release(const v1::ReleaseBoardRequest& request);
  Result<v1::Board> SetMaintenance(const v1::SetMaintenanceRequest& request);
  /// Power cycle, known image, reference job; `done` is called when the outcome is stored, at once
  /// with an error when the board cannot be reached, with kUnavailable when the server stops.
  using RecoveryDone = std::function<void(Result<v1::Board>)>;
  void Recover(const BoardId& board, RecoveryDone done);

  /// Gives the console's number; what comes of it is said to the client. Errors: kNotFound,
  /// kFailedPrecondition: the board may get jobs or runs one. kUnavailable: no agent has it.
  Result<uint64_t> OpenConsole(const v1::ConsoleOpen& request, std::weak_ptr<ConsoleClient> client);
  Consoles& consoles() { return consoles_; }

  /// No jobs are offered any more, by any bench or by one; what runs goes on.
  void SetDrain(bool drain);
  Result<v1::Agent> SetAgentDrain(const v1::SetAgentDrainRequest& request);
  /// Errors: kInvalidArgument for a window that never is, is always, or whose boards make no sense.
  Result<v1::MaintenanceWindow> AddWindow(const v1::AddWindowRequest& request);
  Result<v1::MaintenanceWindow> RemoveWindow(uint64_t window_id);

  const Scheduler& scheduler() const { return scheduler_; }

 private:
  struct Session {
    std::shared_ptr<AgentLink> link;
    AgentRecord agent;
  };

  void Hello(const std::shared_ptr<AgentLink>& link, const v1::AgentHello& hello);
  Status Register(const std::shared_ptr<AgentLink>& link, const v1::AgentHello& hello);
  void OnProgress(Session& session, const v1::AttemptProgress& progress);
  void OnRefused(const Session& session, const v1::LeaseRefused& refused);
  Status SaveBoards(const std::string& agent_id,
                    const google::protobuf::RepeatedPtrField<v1::AgentBoard>& boards);
  void Tick();
  void ScheduleTick();
  void Drop(const AgentId& agent, const Status& reason);
  /// An error means that the store does not take what it is given: no job begins before
  /// LookAtStore() finds that it does again.
  void NoteStore(const Status& stored);
  void LookAtStore();
  /// The job is what the database says.
  void GoByStore(JobId job);
  Session* SessionOf(const AgentLink* link);
  std::string WhyAway(const AgentId& agent) const;
  v1::Board Describe(const BoardView& view) const;
  v1::Agent Describe(const AgentRecord& record) const;
  Result<v1::Board> ChangeBoard(const std::string& board_id,
                                const std::function<Status(BoardView*)>& change);

  struct Judged {
    LeaseKey key;
    Result<EndedAttempt> ended;
  };
  struct Ending {
    Lease lease;
    EndedAttempt ended;
    Status stored;                               ///< Whether it is.
    std::optional<Scheduler::Running> finished;  ///< The scheduler knows already.
    bool stale = false;                          ///< The store had it as ended before.
  };

  // dispatcher_commit.cc
  /// The leases that begin are offered when they are stored, which is soon.
  void MatchAndOffer();
  void ScheduleCommit();
  void Commit();
  bool FreesBoard(const Ending& ending) const;
  void LeaseAgain(std::vector<Ending>& endings, std::vector<Lease>* leases);
  Status StoreLeases(std::vector<Lease>* leases);
  Status LeaveOut(const Lease& lease, const Status& why);
  void TakeBack(const std::vector<Lease>& leases, const Status& why);
  void Offer(const std::vector<Lease>& leases);
  Status Offer(const Lease& lease);
  void Withdraw(const Lease& lease, const std::string& why);
  /// It waits for the next commit; neither disk nor agent knows it.
  bool JustBegun(const LeaseKey& key) const;

  // dispatcher_results.cc
  void OnResult(Session& session, const v1::AttemptResult& result);
  void OnJudged(const LeaseKey& key, Result<EndedAttempt> judged);
  std::vector<Ending> TakeJudged();
  Status StoreEnding(Ending& ending);
  void NotStored(Ending ending);
  bool EndUnstorable(const Ending& ending);
  /// It is stored: scheduler, board and who watches learn of it.
  void Settle(const Ending& ending);
  void Ack(const AgentId& agent, const LeaseKey& key);
  void Lost(const Lease& lease, const std::string& why);
  Ending EndLost(const Lease& lease, const std::string& why);

  // dispatcher_health.cc
  const ReferenceRecord* ExpectedFor(const std::string& board_type) const;
  const BoardView* FindTeacher(const std::string& board_type) const;
  Status StartReference(const BoardView& board);
  void StartReferences();
  Status JudgeReference(const Lease& lease, EndedAttempt* ended);
  /// The result was not stored: what it taught is not known.
  void Unlearn(const EndedAttempt& ended);
  Status UpdateCondition(const Lease& lease, const EndedAttempt& ended);
  void Recovered(const BoardId& board);
  void CountReference(const Lease& lease);

  // dispatcher_queue.cc
  void EndTimedOut();
  std::string WhyIdle(const BoardView& board, TimeUs timeout_us) const;
  std::string AllQuarantined(const std::string& board_type) const;
  std::string WhyNobodyTakes(const std::string& board_type, const CampaignTerms& terms) const;
  std::string WhyWaits(JobId job) const;
  std::string WhyDraining(const AgentId& agent) const;
  void GiveUp(const JobQueue::WaitingCampaign& campaign, const std::string& why);
  void TellWhoWaits();
  Status LoadWindows();
  Result<v1::MaintenanceWindow> FindWindow(uint64_t id) const;

  Executors executors_;
  const Clock& clock_;
  Store& store_;
  EventHub& hub_;
  Judge& judge_;
  const ReferenceJobs references_;
  const ReferencePolicy policy_;
  const std::vector<v1::BoardType> board_types_;
  std::string instance_id_;
  Scheduler scheduler_{Fence(0)};
  Consoles consoles_;
  std::map<AgentId, Session> sessions_;
  std::map<AgentId, AgentRecord> agents_;
  std::map<AgentId, std::string> gone_;  // Why those went that are not connected.
  Status store_trouble_;
  std::map<BoardId, BoardRecord> board_records_;
  std::vector<v1::MaintenanceWindow> windows_;
  std::set<LeaseKey> judging_;
  std::vector<Lease> begun_;  // These two wait for the next commit.
  std::vector<Judged> judged_;
  bool commit_scheduled_ = false;
  std::vector<JobId> left_out_;  // Until the next tick.
  std::map<std::pair<std::string, std::string>, ReferenceRecord> expected_counts_;  // Type, image.
  std::set<std::string> countless_;  // Types whose boards count nothing exact.
  std::map<BoardId, TimeUs> idle_since_us_;
  std::map<BoardId, TimeUs> next_reference_us_;
  std::multimap<BoardId, RecoveryDone> recoveries_;
  boost::asio::steady_timer timer_;
  bool stopped_ = false;
};

}  // namespace tinyrig::server
