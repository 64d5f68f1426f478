#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>
#include <absl/container/inlined_vector.h>
#include <absl/functional/function_ref.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/model/expression.h"
#include "server/model/ids.h"
#include "server/scheduling/campaign_terms.h"

/// Which waiting job is next. Pure; not thread safe.
///
/// Boards of one type are shared by *weighted fair queuing* on two levels: users get equal shares
/// of board time, and within a user campaigns get shares in proportion to 2^priority. Within a
/// campaign the oldest job is first. Each user and campaign has a clock of its own (start-time fair
/// queuing: Goyal, Vin and Cheng, 1996) that advances by the board time it got over its weight; the
/// lowest clock is next. Who comes back after a pause starts at the clock of whoever was served
/// last: time not used is not saved up.
/// As some jobs fit some boards only, the lowest clock alone could keep a job waiting for ever.
/// Every kOldestEvery-th choice of each board therefore takes the job that waited longest of those
/// that fit it: where one board is there for a job, it waits for at most kOldestEvery choices of
/// that board for each older job and for itself. It is charged as any other, so users keep their
/// shares; a campaign that is due very little may get up to 1/kOldestEvery more.
namespace tinyrig::server {

struct QueuedJob {
  JobId job;
  std::shared_ptr<const CampaignTerms> terms;
  std::string board_type;
  TimeUs queued_us = 0;          ///< Since when it waits.
  uint32_t last_attempt = 0;     ///< Number of the last attempt; the next is one more.
  uint32_t failed_attempts = 0;  ///< Attempts that bench or service spoiled.
  std::set<BoardId> avoid;  ///< Boards it failed on: used only when no other of the type is online.
  BoardId pinned;           ///< A reference job: for this board only, before all others.
};

/// A board that asks for a job. It borrows everything.
struct Seeker {
  const BoardId& board;
  const std::string& board_type;
  absl::FunctionRef<bool(const Expression&)> matches;
  /// Attempts that may take longer do not fit before the next maintenance window.
  TimeUs longest_timeout_us = 0;
  /// Whether this job may run here, beyond what its campaign says.
  absl::FunctionRef<bool(const QueuedJob&)> accepts;
};

class JobQueue {
  struct Pool;
  struct User;
  struct Campaign;

 public:
  JobQueue() = default;
  JobQueue(JobQueue&&) = default;
  JobQueue& operator=(JobQueue&&) = default;

  static constexpr int32_t kMaxPriority = 10;  ///< Either way; more is cut to it.
  static constexpr uint64_t kOldestEvery = 16;
  /// What an attempt is taken to cost before any of its type has ended.
  static constexpr TimeUs kFirstEstimateUs = 1'000'000;

  void Push(QueuedJob job);
  /// Who pays for an attempt, and what he was charged already. They are remembered until Settle()
  /// or Refund(), one of which ends each bill. Of a pinned job nobody pays.
  class Bill {
    friend JobQueue;
    Pool* pool_ = nullptr;
    User* user_ = nullptr;
    Campaign* campaign_ = nullptr;
    double us_ = 0;
  };
  struct Taken {
    QueuedJob job;
    Bill bill;
  };
  std::optional<Taken> Take(const Seeker& seeker);
  /// Of an attempt that began without Take(); `charged_us` was charged then.
  Bill BillFor(const QueuedJob& job, TimeUs charged_us);
  /// The attempt took `used_us` of board time: corrects the charge.
  void Settle(const Bill& bill, TimeUs used_us);
  /// The attempt never began: takes the charge back.
  void Refund(const Bill& bill);
  std::optional<QueuedJob> Remove(JobId job);

  /// nullptr when it does not wait.
  const QueuedJob* Find(JobId job) const;

  /// A board's labels changed: what was found out about it is forgotten.
  void Forget(const BoardId& board);

  size_t size() const { return places_.size(); }
  bool Wants(const std::string& board_type) const;
  /// Types that jobs wait for, with how many; pinned jobs left out.
  std::map<std::string, size_t> Waiting() const;
  /// Campaigns with jobs for this type, by number.
  struct WaitingCampaign {
    std::shared_ptr<const CampaignTerms> terms;
    std::vector<JobId> spoiled;  ///< Jobs that failed on a board before.
  };
  std::vector<WaitingCampaign> WaitingFor(const std::string& board_type) const;
  /// The first job that is pinned to the board; 0 when there is none.
  JobId PinnedTo(const BoardId& board) const;
  /// Jobs whose queue timeout has passed.
  std::vector<JobId> TimedOut(TimeUs now) const;

 private:
  /// Jobs that fit the same boards: all whose campaigns have the same expression. There are few, so
  /// that no choice looks at every campaign.
  struct Class {
    std::optional<Expression> boards;
    std::unordered_map<BoardId, bool> fits;
    size_t jobs = 0;
    /// Since when they wait, oldest first. Jobs that left are still in it for a while: at most as
    /// many as there are others.
    std::deque<std::pair<TimeUs, JobId>> by_age;
  };
  using Classes = std::map<std::string, Class>;  // By the expression's text.
  /// Whose turn it is: the lowest clock, then the name or number. The clock is kept here as well,
  /// so that a search need not look at those it passes; who is in an order must leave it before his
  /// clock changes.
  template <typename T>
  struct Turn {
    explicit Turn(T* of) : clock(of->clock), who(of) {}
    bool operator<(const Turn& other) const {
      return clock != other.clock ? clock < other.clock : who->id() < other.who->id();
    }
    double clock;
    T* who;
  };
  using Jobs = absl::btree_map<JobId, const QueuedJob*>;
  struct Campaign {
    std::shared_ptr<const CampaignTerms> terms;
    Class* jobs_class = nullptr;  // While it waits.
    double clock = 0;
    double weight = 1;
    size_t running = 0;  // Bills that are open.
    Jobs fresh;
    Jobs spoiled;  // Those with boards to avoid; few, so that passing over them is cheap.
    CampaignId id() const { return terms->campaign; }
    bool waits() const { return !fresh.empty() || !spoiled.empty(); }
  };
  using Order = absl::btree_set<Turn<Campaign>>;
  struct User {
    const std::string* name = nullptr;
    const std::string& id() const { return *name; }
    double clock = 0;
    double floor = 0;    // Clock of the campaign that was served last, before that.
    size_t waiting = 0;  // Campaigns that have jobs.
    uint64_t settled = 0;
    std::unordered_map<CampaignId, Campaign> campaigns;
    std::map<const Class*, Order> orders;  // Of campaigns that have jobs.
  };
  struct Pool {  // One type of board.
    double floor = 0;
    double estimate_us = kFirstEstimateUs;
    size_t jobs = 0;
    Classes classes;
    std::unordered_map<std::string, User> users;
    absl::btree_set<Turn<User>> order;  // Of users that have jobs.
  };
  /// A job and where it waits. Nothing that it points to goes while a job waits there.
  struct Place {
    QueuedJob job;
    Pool* pool = nullptr;  // Like the others nullptr for a pinned job.
    User* user = nullptr;
    Campaign* campaign = nullptr;
  };
  using Places = std::unordered_map<JobId, Place>;

  static Class& ClassOf(Pool& pool, const CampaignTerms& terms);
  static User& UserOf(Pool& pool, const CampaignTerms& terms);
  static Campaign& CampaignOf(User& user, const std::shared_ptr<const CampaignTerms>& terms);
  static JobId FirstFor(const Campaign& campaign, const Seeker& seeker);
  using ClassList = absl::InlinedVector<Class*, 4>;
  static ClassList FittingClasses(Pool& pool, const Seeker& seeker);
  static void AddByAge(Class& jobs_class, TimeUs queued_us, JobId job);
  bool WaitsSince(const Class& jobs_class, const std::pair<TimeUs, JobId>& entry) const;
  void DropGone(Class& jobs_class);
  JobId Oldest(const ClassList& classes, const Seeker& seeker);
  static JobId Fairest(const Pool& pool, const ClassList& classes, const Seeker& seeker);
  std::optional<Taken> TakePinned(const Seeker& seeker);
  static void Charge(const Bill& bill, double us);
  QueuedJob Extract(Places::iterator found);

  std::map<std::string, Pool> pools_;
  std::unordered_map<BoardId, uint64_t> choices_;  // Of each board, of jobs not pinned to it.
  std::map<BoardId, Jobs> pinned_;
  Places places_;
  std::set<std::pair<TimeUs, JobId>> timeouts_;
};

}  // namespace tinyrig::server
