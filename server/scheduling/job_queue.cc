#include "server/scheduling/job_queue.h"

#include <algorithm>
#include <cmath>

namespace tinyrig::server {
namespace {

/// How much the last attempt tells about the next.
constexpr double kEstimateGain = 1.0 / 16;
constexpr uint64_t kSweepEvery = 64;

TimeUs TimeoutOf(const QueuedJob& job) {
  return job.terms->queue_timeout_us == 0 ? 0 : job.queued_us + job.terms->queue_timeout_us;
}

}  // namespace

double JobQueue::Campaign::weight() const {
  return std::exp2(std::clamp(terms->priority, -kMaxPriority, kMaxPriority));
}

JobQueue::Class& JobQueue::ClassOf(Pool& pool, const CampaignTerms& terms) {
  const auto [found, is_new] = pool.classes.try_emplace(terms.boards ? terms.boards->text() : "");
  if (is_new) found->second.boards = terms.boards;
  return found->second;
}

void JobQueue::Push(QueuedJob job) {
  const CampaignTerms& terms = *job.terms;
  if (const TimeUs timeout = TimeoutOf(job); timeout != 0) timeouts_.emplace(timeout, job.job);
  places_[job.job] = {job.board_type, job.pinned, job.terms};
  if (!job.pinned.value.empty()) {
    const BoardId board = job.pinned;
    pinned_[board].emplace(job.job, std::move(job));
    return;
  }
  Pool& pool = pools_[job.board_type];
  Class& jobs_class = ClassOf(pool, terms);
  User& user = pool.users[terms.user];
  if (user.waiting == 0) {
    user.clock = std::max(user.clock, pool.floor);
    pool.order.emplace(user.clock, terms.user);
  }
  Campaign& campaign = user.campaigns[terms.campaign];
  if (campaign.fresh.empty() && campaign.spoiled.empty()) {
    campaign.terms = job.terms;
    campaign.clock = std::max(campaign.clock, user.floor);
    user.orders[&jobs_class].emplace(campaign.clock, terms.campaign);
    ++user.waiting;
  }
  ++pool.jobs;
  jobs_class.by_age.emplace(job.queued_us, job.job);
  Jobs& jobs = job.avoid.empty() ? campaign.fresh : campaign.spoiled;
  jobs.emplace(job.job, std::move(job));
}

std::vector<const JobQueue::Class*> JobQueue::FittingClasses(Pool& pool, const Seeker& seeker) {
  std::vector<const Class*> fitting;
  for (auto& [text, one] : pool.classes) {
    if (one.by_age.empty()) continue;
    if (one.boards) {
      const auto [known, is_new] = one.fits.try_emplace(seeker.board, false);
      if (is_new) known->second = seeker.matches(*one.boards);
      if (!known->second) continue;
    }
    fitting.push_back(&one);
  }
  return fitting;
}

// The oldest job of the campaign that this board may run: where it is, or nullptr.
JobQueue::Jobs* JobQueue::JobsFor(Campaign& campaign, const Seeker& seeker, JobId* job) {
  if (campaign.terms->timeout_us > seeker.longest_timeout_us) return nullptr;
  Jobs* found = nullptr;
  for (Jobs* jobs : {&campaign.fresh, &campaign.spoiled}) {
    const auto first = std::find_if(jobs->begin(), jobs->end(), [&](const auto& entry) {
      return seeker.accepts(entry.second);
    });
    if (first == jobs->end() || (found != nullptr && *job < first->first)) continue;
    found = jobs;
    *job = first->first;
  }
  return found;
}

// Of the classes, the job that waited longest; 0 when this board may run none.
JobId JobQueue::Oldest(const Pool& pool, const std::vector<const Class*>& classes,
                       const Seeker& seeker) {
  std::pair<TimeUs, JobId> oldest;
  for (const Class* one : classes) {
    for (const auto& [queued_us, id] : one->by_age) {
      if (oldest.second != JobId() && oldest < std::pair(queued_us, id)) break;
      const QueuedJob& job = *Find(id);
      if (job.terms->timeout_us > seeker.longest_timeout_us || !seeker.accepts(job)) continue;
      oldest = {queued_us, id};
      break;
    }
  }
  return pool.jobs == 0 ? JobId() : oldest.second;
}

// The first job of the campaign whose turn it is, of the user whose turn it is.
JobId JobQueue::Fairest(Pool& pool, const std::vector<const Class*>& classes,
                        const Seeker& seeker) {
  for (const auto& [user_clock, name] : pool.order) {
    User& user = pool.users.at(name);
    std::pair<double, CampaignId> best;
    JobId choice;
    for (const Class* one : classes) {
      const auto order = user.orders.find(one);
      if (order == user.orders.end()) continue;
      for (const auto& turn : order->second) {
        if (choice != JobId() && best < turn) break;
        JobId job;
        if (JobsFor(user.campaigns.at(turn.second), seeker, &job) == nullptr) continue;
        best = turn;
        choice = job;
        break;
      }
    }
    if (choice != JobId()) return choice;
  }
  return JobId();
}

std::optional<JobQueue::Taken> JobQueue::TakePinned(const Seeker& seeker) {
  const auto pinned = pinned_.find(seeker.board);
  if (pinned == pinned_.end()) return std::nullopt;
  const QueuedJob& first = pinned->second.begin()->second;
  if (first.terms->timeout_us > seeker.longest_timeout_us) return std::nullopt;
  return Taken{*Remove(first.job), 0};
}

std::optional<JobQueue::Taken> JobQueue::Take(const Seeker& seeker) {
  if (std::optional<Taken> taken = TakePinned(seeker)) return taken;
  const auto found = pools_.find(seeker.board_type);
  if (found == pools_.end()) return std::nullopt;
  Pool& pool = found->second;
  const std::vector<const Class*> classes = FittingClasses(pool, seeker);
  const bool oldest = (pool.choices + 1) % kOldestEvery == 0;
  const JobId id = oldest ? Oldest(pool, classes, seeker) : Fairest(pool, classes, seeker);
  if (id == JobId()) return std::nullopt;
  ++pool.choices;
  const CampaignTerms& terms = *places_.at(id).terms;
  User& user = pool.users.at(terms.user);
  pool.floor = std::max(pool.floor, user.clock);
  user.floor = std::max(user.floor, user.campaigns.at(terms.campaign).clock);
  Taken taken{Extract(pool, id), pool.estimate_us};
  Advance(pool, *taken.job.terms, taken.charged_us);
  return taken;
}

// Takes the job out of everything; its campaign leaves the order when it was the last. Clocks stay:
// a retry that comes back must not find them set to zero.
QueuedJob JobQueue::Extract(Pool& pool, JobId id) {
  const std::shared_ptr<const CampaignTerms> terms = places_.at(id).terms;
  User& user = pool.users.at(terms->user);
  Campaign& campaign = user.campaigns.at(terms->campaign);
  Jobs& jobs = campaign.fresh.contains(id) ? campaign.fresh : campaign.spoiled;
  QueuedJob job = std::move(jobs.extract(id).mapped());
  Class& jobs_class = ClassOf(pool, *terms);
  jobs_class.by_age.erase({job.queued_us, id});
  if (const TimeUs timeout = TimeoutOf(job); timeout != 0) timeouts_.erase({timeout, id});
  places_.erase(id);
  --pool.jobs;
  if (campaign.fresh.empty() && campaign.spoiled.empty()) {
    const auto order = user.orders.find(&jobs_class);
    order->second.erase({campaign.clock, terms->campaign});
    if (order->second.empty()) user.orders.erase(order);
    if (--user.waiting == 0) pool.order.erase({user.clock, terms->user});
  }
  // No user has an order for it any more.
  if (jobs_class.by_age.empty() && jobs_class.boards) pool.classes.erase(terms->boards->text());
  return job;
}

void JobQueue::Advance(Pool& pool, const CampaignTerms& terms, double us) {
  const auto user = pool.users.find(terms.user);
  if (user == pool.users.end()) return;
  const bool waits = pool.order.erase({user->second.clock, terms.user}) > 0;
  user->second.clock += us;
  if (waits) pool.order.emplace(user->second.clock, terms.user);
  const auto campaign = user->second.campaigns.find(terms.campaign);
  if (campaign == user->second.campaigns.end()) return;
  const bool queued = !campaign->second.fresh.empty() || !campaign->second.spoiled.empty();
  const double clock = campaign->second.clock + us / campaign->second.weight();
  if (queued) {
    Order& order = user->second.orders.at(&ClassOf(pool, terms));
    order.erase({campaign->second.clock, terms.campaign});
    order.emplace(clock, terms.campaign);
  }
  campaign->second.clock = clock;
}

void JobQueue::Settle(const QueuedJob& job, double charged_us, TimeUs used_us) {
  const auto found = pools_.find(job.board_type);
  if (found == pools_.end() || !job.pinned.value.empty()) return;
  Pool& pool = found->second;
  const double used = static_cast<double>(std::max<TimeUs>(used_us, 0));
  pool.estimate_us += (used - pool.estimate_us) * kEstimateGain;
  Advance(pool, *job.terms, used - charged_us);
  const auto user = pool.users.find(job.terms->user);
  if (user == pool.users.end() || ++user->second.settled % kSweepEvery != 0) return;
  // What nobody waits for any more and what is not ahead of the others need not be remembered.
  std::erase_if(user->second.campaigns, [&](const auto& entry) {
    return entry.second.fresh.empty() && entry.second.spoiled.empty() &&
           entry.second.clock <= user->second.floor;
  });
  if (user->second.campaigns.empty() && user->second.clock <= pool.floor) pool.users.erase(user);
}

void JobQueue::Refund(const QueuedJob& job, double charged_us) {
  const auto pool = pools_.find(job.board_type);
  if (pool == pools_.end() || !job.pinned.value.empty()) return;
  Advance(pool->second, *job.terms, -charged_us);
}

std::optional<QueuedJob> JobQueue::Remove(JobId id) {
  const auto place = places_.find(id);
  if (place == places_.end()) return std::nullopt;
  if (place->second.pinned.value.empty()) return Extract(pools_.at(place->second.board_type), id);
  const auto jobs = pinned_.find(place->second.pinned);
  QueuedJob job = std::move(jobs->second.extract(id).mapped());
  if (jobs->second.empty()) pinned_.erase(jobs);
  if (const TimeUs timeout = TimeoutOf(job); timeout != 0) timeouts_.erase({timeout, id});
  places_.erase(place);
  return job;
}

const QueuedJob* JobQueue::Find(JobId id) const {
  const auto place = places_.find(id);
  if (place == places_.end()) return nullptr;
  if (!place->second.pinned.value.empty()) return &pinned_.at(place->second.pinned).at(id);
  const CampaignTerms& terms = *place->second.terms;
  const Campaign& campaign =
      pools_.at(place->second.board_type).users.at(terms.user).campaigns.at(terms.campaign);
  const Jobs& jobs = campaign.fresh.contains(id) ? campaign.fresh : campaign.spoiled;
  return &jobs.at(id);
}

void JobQueue::Forget(const BoardId& board) {
  for (auto& [type, pool] : pools_) {
    for (auto& [text, one] : pool.classes) one.fits.erase(board);
  }
}

bool JobQueue::Wants(const std::string& board_type) const {
  const auto pool = pools_.find(board_type);
  return pool != pools_.end() && pool->second.jobs > 0;
}

std::map<std::string, size_t> JobQueue::Waiting() const {
  std::map<std::string, size_t> waiting;
  for (const auto& [type, pool] : pools_) {
    if (pool.jobs > 0) waiting[type] = pool.jobs;
  }
  return waiting;
}

std::vector<JobQueue::WaitingCampaign> JobQueue::WaitingFor(const std::string& board_type) const {
  std::vector<WaitingCampaign> waiting;
  const auto pool = pools_.find(board_type);
  if (pool == pools_.end()) return waiting;
  for (const auto& [name, user] : pool->second.users) {
    for (const auto& [id, campaign] : user.campaigns) {
      if (campaign.fresh.empty() && campaign.spoiled.empty()) continue;
      WaitingCampaign one{campaign.terms, {}};
      for (const auto& [job, entry] : campaign.spoiled) one.spoiled.push_back(job);
      waiting.push_back(std::move(one));
    }
  }
  return waiting;
}

JobId JobQueue::PinnedTo(const BoardId& board) const {
  const auto pinned = pinned_.find(board);
  return pinned == pinned_.end() ? JobId() : pinned->second.begin()->first;
}

std::vector<JobId> JobQueue::TimedOut(TimeUs now) const {
  std::vector<JobId> jobs;
  for (const auto& [timeout, job] : timeouts_) {
    if (timeout > now) break;
    jobs.push_back(job);
  }
  return jobs;
}

}  // namespace tinyrig::server
