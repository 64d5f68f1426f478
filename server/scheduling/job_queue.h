#pragma once

#include <deque>
#include <functional>
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

/// A board that asks for a job.
struct Seeker {
  BoardId board;
  const std::string& board_type;
  std::function<bool(const Expression&)> matches;
  /// Attempts that may take longer do not fit before the next maintenance window.
  TimeUs longest_timeout_us = 0;
  /// Whether this job may run here, beyond what its campaign says.
  std::function<bool(const QueuedJob&)> accepts;
};

class JobQueue {
 public:
  JobQueue() = default;
  JobQueue(JobQueue&&) = default;
  JobQueue& operator=(JobQueue&&) = default;

  static constexpr int32_t kMaxPriority = 10;  ///< Either way; more is cut to it.
  static constexpr uint64_t kOldestEvery = 16;
  /// What an attempt is taken to cost before any of its type has ended.
  static constexpr TimeUs kFirstEstimateUs = 1'000'000;

  void Push(QueuedJob job);
  /// What was taken, and what its user and campaign were charged for it in advance.
  struct Taken {
    QueuedJob job;
    double charged_us = 0;
  };
  std::optional<Taken> Take(const Seeker& seeker);
  /// The attempt took `used_us` of board time: corrects the charge.
  void Settle(const QueuedJob& job, double charged_us, TimeUs used_us);
  /// The attempt never began: takes the charge back.
  void Refund(const QueuedJob& job, double charged_us);
  std::optional<QueuedJob> Remove(JobId job);

  /// nullptr when it does not wait.
  const QueuedJob* Find(JobId job) const;

  /// A board's labels changed: what was found out about it is forgotten.
  void Forget(const BoardId& board);

  size_t size() const { return places_.size(); }
  bool Wants(const std::string& board_type) const;
  /// Types that jobs wait for, with how many; pinned jobs left out.
  std::map<std::string, size_t> Waiting() const;
  /// Campaigns with jobs for this type.
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
  using Jobs = std::map<JobId, QueuedJob>;
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
  /// Whose turn it is: the lowest clock, then the name or number. Who is in an order must leave it
  /// before his clock changes.
  struct ByClock {
    template <typename T>
    bool operator()(const T* a, const T* b) const {
      return a->clock != b->clock ? a->clock < b->clock : a->id() < b->id();
    }
  };
  struct Campaign {
    std::shared_ptr<const CampaignTerms> terms;
    double clock = 0;
    Jobs fresh;
    Jobs spoiled;  // Those with boards to avoid; few, so that passing over them is cheap.
    CampaignId id() const { return terms->campaign; }
    double weight() const;
    bool waits() const { return !fresh.empty() || !spoiled.empty(); }
  };
  using Order = std::set<Campaign*, ByClock>;
  struct User {
    const std::string* name = nullptr;
    const std::string& id() const { return *name; }
    double clock = 0;
    double floor = 0;    // Clock of the campaign that was served last, before that.
    size_t waiting = 0;  // Campaigns that have jobs.
    uint64_t settled = 0;
    std::map<CampaignId, Campaign> campaigns;
    std::map<const Class*, Order> orders;  // Of campaigns that have jobs.
  };
  struct Pool {  // One type of board.
    double floor = 0;
    double estimate_us = kFirstEstimateUs;
    size_t jobs = 0;
    Classes classes;
    std::map<std::string, User> users;
    std::set<User*, ByClock> order;  // Of users that have jobs.
  };
  /// Where a job waits. Nothing that it points to goes while a job waits there.
  struct Place {
    Pool* pool = nullptr;
    User* user = nullptr;  // Like the others nullptr for a pinned job.
    Campaign* campaign = nullptr;
    Class* jobs_class = nullptr;
    BoardId pinned;
  };
  using Places = std::unordered_map<JobId, Place>;

  static Class& ClassOf(Pool& pool, const CampaignTerms& terms);
  static JobId FirstFor(const Campaign& campaign, const Seeker& seeker);
  static std::vector<Class*> FittingClasses(Pool& pool, const Seeker& seeker);
  static void AddByAge(Class& jobs_class, TimeUs queued_us, JobId job);
  bool WaitsSince(const Class& jobs_class, const std::pair<TimeUs, JobId>& entry) const;
  void DropGone(Class& jobs_class);
  JobId Oldest(const std::vector<Class*>& classes, const Seeker& seeker);
  static JobId Fairest(const Pool& pool, const std::vector<Class*>& classes, const Seeker& seeker);
  std::optional<Taken> TakePinned(const Seeker& seeker);
  void Charge(const QueuedJob& job, double us);
  static void Advance(Pool& pool, User& user, Campaign* campaign, double us);
  QueuedJob Extract(Places::iterator place);

  std::map<std::string, Pool> pools_;
  std::unordered_map<BoardId, uint64_t> choices_;  // Of each board, of jobs not pinned to it.
  std::map<BoardId, Jobs> pinned_;
  Places places_;
  std::set<std::pair<TimeUs, JobId>> timeouts_;
};

}  // namespace tinyrig::server
