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
  Place& place = places_[job.job];
  if (!job.pinned.value.empty()) {
    place.pinned = job.pinned;
    pinned_[place.pinned].emplace(job.job, std::move(job));
    return;
  }
  Pool& pool = pools_[job.board_type];
  Class& jobs_class = ClassOf(pool, terms);
  const auto [entry, is_new] = pool.users.try_emplace(terms.user);
  User& user = entry->second;
  if (is_new) user.name = &entry->first;
  if (user.waiting == 0) {
    user.clock = std::max(user.clock, pool.floor);
    pool.order.insert(&user);
  }
  Campaign& campaign = user.campaigns[terms.campaign];
  if (!campaign.waits()) {
    campaign.terms = job.terms;
    campaign.clock = std::max(campaign.clock, user.floor);
    user.orders[&jobs_class].insert(&campaign);
    ++user.waiting;
  }
  place = {&pool, &user, &campaign, &jobs_class, {}};
  ++pool.jobs;
  ++jobs_class.jobs;
  AddByAge(jobs_class, job.queued_us, job.job);
  Jobs& jobs = job.avoid.empty() ? campaign.fresh : campaign.spoiled;
  jobs.emplace(job.job, std::move(job));
}

std::vector<JobQueue::Class*> JobQueue::FittingClasses(Pool& pool, const Seeker& seeker) {
  std::vector<Class*> fitting;
  for (auto& [text, one] : pool.classes) {
    if (one.jobs == 0) continue;
    if (one.boards) {
      const auto [known, is_new] = one.fits.try_emplace(seeker.board, false);
      if (is_new) known->second = seeker.matches(*one.boards);
      if (!known->second) continue;
    }
    fitting.push_back(&one);
  }
  return fitting;
}

// The oldest job of the campaign that this board may run; 0 when there is none.
JobId JobQueue::FirstFor(const Campaign& campaign, const Seeker& seeker) {
  if (campaign.terms->timeout_us > seeker.longest_timeout_us) return JobId();
  JobId oldest;
  for (const Jobs* jobs : {&campaign.fresh, &campaign.spoiled}) {
    const auto first = std::find_if(jobs->begin(), jobs->end(), [&](const auto& entry) {
      return seeker.accepts(entry.second);
    });
    if (first == jobs->end() || (oldest != JobId() && oldest < first->first)) continue;
    oldest = first->first;
  }
  return oldest;
}

// Jobs come in the order of time, but for those that were taken back.
void JobQueue::AddByAge(Class& jobs_class, TimeUs queued_us, JobId job) {
  const std::pair entry(queued_us, job);
  auto& ages = jobs_class.by_age;
  ages.insert(ages.empty() || ages.back() <= entry
                  ? ages.end()
                  : std::upper_bound(ages.begin(), ages.end(), entry),
              entry);
}

bool JobQueue::WaitsSince(const Class& jobs_class, const std::pair<TimeUs, JobId>& entry) const {
  const auto place = places_.find(entry.second);
  return place != places_.end() && place->second.jobs_class == &jobs_class &&
         Find(entry.second)->queued_us == entry.first;
}

void JobQueue::DropGone(Class& jobs_class) {
  if (jobs_class.by_age.size() <= 2 * jobs_class.jobs + kSweepEvery) return;
  std::erase_if(jobs_class.by_age,
                [&](const auto& entry) { return !WaitsSince(jobs_class, entry); });
}

// Of the classes, the job that waited longest; 0 when this board may run none.
JobId JobQueue::Oldest(const std::vector<Class*>& classes, const Seeker& seeker) {
  std::pair<TimeUs, JobId> oldest;
  for (Class* one : classes) {
    auto& ages = one->by_age;
    while (!ages.empty() && !WaitsSince(*one, ages.front())) ages.pop_front();
    for (const auto& entry : ages) {
      if (oldest.second != JobId() && oldest < entry) break;
      if (!WaitsSince(*one, entry)) continue;
      const QueuedJob& job = *Find(entry.second);
      if (job.terms->timeout_us > seeker.longest_timeout_us || !seeker.accepts(job)) continue;
      oldest = entry;
      break;
    }
  }
  return oldest.second;
}

// The first job of the campaign whose turn it is, of the user whose turn it is.
JobId JobQueue::Fairest(const Pool& pool, const std::vector<Class*>& classes,
                        const Seeker& seeker) {
  for (const User* user : pool.order) {
    const Campaign* best = nullptr;
    JobId choice;
    for (const Class* one : classes) {
      const auto order = user->orders.find(one);
      if (order == user->orders.end()) continue;
      for (const Campaign* campaign : order->second) {
        if (best != nullptr && ByClock()(best, campaign)) break;
        const JobId job = FirstFor(*campaign, seeker);
        if (job == JobId()) continue;
        best = campaign;
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
  const std::vector<Class*> classes = FittingClasses(pool, seeker);
  uint64_t& choices = choices_[seeker.board];
  const bool oldest = (choices + 1) % kOldestEvery == 0;
  const JobId id = oldest ? Oldest(classes, seeker) : Fairest(pool, classes, seeker);
  if (id == JobId()) return std::nullopt;
  ++choices;
  const auto place = places_.find(id);
  User& user = *place->second.user;
  Campaign& campaign = *place->second.campaign;
  pool.floor = std::max(pool.floor, user.clock);
  user.floor = std::max(user.floor, campaign.clock);
  Taken taken{Extract(place), pool.estimate_us};
  Advance(pool, user, &campaign, taken.charged_us);
  return taken;
}

// Takes the job out of everything; its campaign leaves the order when it was the last. Clocks stay:
// a retry that comes back must not find them set to zero.
QueuedJob JobQueue::Extract(Places::iterator found) {
  const JobId id = found->first;
  const Place place = std::move(found->second);
  places_.erase(found);
  User& user = *place.user;
  Campaign& campaign = *place.campaign;
  auto node = campaign.fresh.extract(id);
  if (node.empty()) node = campaign.spoiled.extract(id);
  QueuedJob job = std::move(node.mapped());
  --place.jobs_class->jobs;
  DropGone(*place.jobs_class);
  if (const TimeUs timeout = TimeoutOf(job); timeout != 0) timeouts_.erase({timeout, id});
  --place.pool->jobs;
  if (!campaign.waits()) {
    const auto order = user.orders.find(place.jobs_class);
    order->second.erase(&campaign);
    if (order->second.empty()) user.orders.erase(order);
    if (--user.waiting == 0) place.pool->order.erase(&user);
  }
  // No user has an order for it any more.
  if (place.jobs_class->jobs == 0 && place.jobs_class->boards) {
    const std::string text = place.jobs_class->boards->text();
    place.pool->classes.erase(text);
  }
  return job;
}

// `campaign` may be nullptr: it was forgotten.
void JobQueue::Advance(Pool& pool, User& user, Campaign* campaign, double us) {
  auto turn = user.waiting > 0 ? pool.order.extract(&user) : decltype(pool.order)::node_type();
  user.clock += us;
  if (turn) pool.order.insert(std::move(turn));
  if (campaign == nullptr) return;
  Order* order = nullptr;
  Order::node_type place;
  if (campaign->waits()) {
    order = &user.orders.at(&ClassOf(pool, *campaign->terms));
    place = order->extract(campaign);
  }
  campaign->clock += us / campaign->weight();
  if (place) order->insert(std::move(place));
}

void JobQueue::Charge(const QueuedJob& job, double us) {
  Pool& pool = pools_.at(job.board_type);
  const auto user = pool.users.find(job.terms->user);
  if (user == pool.users.end()) return;
  const auto campaign = user->second.campaigns.find(job.terms->campaign);
  Advance(pool, user->second,
          campaign == user->second.campaigns.end() ? nullptr : &campaign->second, us);
}

void JobQueue::Settle(const QueuedJob& job, double charged_us, TimeUs used_us) {
  const auto found = pools_.find(job.board_type);
  if (found == pools_.end() || !job.pinned.value.empty()) return;
  Pool& pool = found->second;
  const double used = static_cast<double>(std::max<TimeUs>(used_us, 0));
  pool.estimate_us += (used - pool.estimate_us) * kEstimateGain;
  Charge(job, used - charged_us);
  const auto user = pool.users.find(job.terms->user);
  if (user == pool.users.end() || ++user->second.settled % kSweepEvery != 0) return;
  // What nobody waits for any more and what is not ahead of the others need not be remembered.
  std::erase_if(user->second.campaigns, [&](const auto& entry) {
    return !entry.second.waits() && entry.second.clock <= user->second.floor;
  });
  if (user->second.campaigns.empty() && user->second.clock <= pool.floor) pool.users.erase(user);
}

void JobQueue::Refund(const QueuedJob& job, double charged_us) {
  if (!pools_.contains(job.board_type) || !job.pinned.value.empty()) return;
  Charge(job, -charged_us);
}

std::optional<QueuedJob> JobQueue::Remove(JobId id) {
  const auto place = places_.find(id);
  if (place == places_.end()) return std::nullopt;
  if (place->second.pinned.value.empty()) return Extract(place);
  const auto jobs = pinned_.find(place->second.pinned);
  QueuedJob job = std::move(jobs->second.extract(id).mapped());
  if (jobs->second.empty()) pinned_.erase(jobs);
  if (const TimeUs timeout = TimeoutOf(job); timeout != 0) timeouts_.erase({timeout, id});
  places_.erase(place);
  return job;
}

const QueuedJob* JobQueue::Find(JobId id) const {
  const auto found = places_.find(id);
  if (found == places_.end()) return nullptr;
  const Place& place = found->second;
  if (!place.pinned.value.empty()) return &pinned_.at(place.pinned).at(id);
  const auto fresh = place.campaign->fresh.find(id);
  return fresh != place.campaign->fresh.end() ? &fresh->second : &place.campaign->spoiled.at(id);
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
      if (!campaign.waits()) continue;
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
