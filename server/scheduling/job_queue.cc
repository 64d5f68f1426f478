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

JobQueue::Class& JobQueue::ClassOf(Pool& pool, const CampaignTerms& terms) {
  const auto [found, is_new] = pool.classes.try_emplace(terms.boards ? terms.boards->text() : "");
  if (is_new) found->second.boards = terms.boards;
  return found->second;
}

JobQueue::User& JobQueue::UserOf(Pool& pool, const CampaignTerms& terms) {
  const auto [found, is_new] = pool.users.try_emplace(terms.user);
  if (is_new) found->second.name = &found->first;
  return found->second;
}

JobQueue::Campaign& JobQueue::CampaignOf(User& user,
                                         const std::shared_ptr<const CampaignTerms>& terms) {
  const auto [found, is_new] = user.campaigns.try_emplace(terms->campaign);
  Campaign& campaign = found->second;
  if (is_new) {
    campaign.terms = terms;
    campaign.weight = std::exp2(std::clamp(terms->priority, -kMaxPriority, kMaxPriority));
  }
  return campaign;
}

void JobQueue::Push(QueuedJob job) {
  const CampaignTerms& terms = *job.terms;  // Stays alive with the place.
  if (const TimeUs timeout = TimeoutOf(job); timeout != 0) timeouts_.emplace(timeout, job.job);
  const JobId id = job.job;
  Place& place = places_[id];
  place.job = std::move(job);
  if (!place.job.pinned.value.empty()) {
    pinned_[place.job.pinned].emplace(id, &place.job);
    return;
  }
  Pool& pool = pools_[place.job.board_type];
  Class& jobs_class = ClassOf(pool, terms);
  User& user = UserOf(pool, terms);
  if (user.waiting == 0) {
    user.clock = std::max(user.clock, pool.floor);
    pool.order.emplace(&user);
  }
  Campaign& campaign = CampaignOf(user, place.job.terms);
  if (!campaign.waits()) {
    campaign.jobs_class = &jobs_class;
    campaign.clock = std::max(campaign.clock, user.floor);
    user.orders[&jobs_class].emplace(&campaign);
    ++user.waiting;
  }
  place.pool = &pool;
  place.user = &user;
  place.campaign = &campaign;
  ++pool.jobs;
  ++jobs_class.jobs;
  AddByAge(jobs_class, place.job.queued_us, id);
  Jobs& jobs = place.job.avoid.empty() ? campaign.fresh : campaign.spoiled;
  jobs.emplace(id, &place.job);
}

JobQueue::ClassList JobQueue::FittingClasses(Pool& pool, const Seeker& seeker) {
  ClassList fitting;
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
      return seeker.accepts(*entry.second);
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
  return place != places_.end() && place->second.campaign != nullptr &&
         place->second.campaign->jobs_class == &jobs_class &&
         place->second.job.queued_us == entry.first;
}

void JobQueue::DropGone(Class& jobs_class) {
  if (jobs_class.by_age.size() <= 2 * jobs_class.jobs + kSweepEvery) return;
  std::erase_if(jobs_class.by_age,
                [&](const auto& entry) { return !WaitsSince(jobs_class, entry); });
}

// Of the classes, the job that waited longest; 0 when this board may run none.
JobId JobQueue::Oldest(const ClassList& classes, const Seeker& seeker) {
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
JobId JobQueue::Fairest(const Pool& pool, const ClassList& classes, const Seeker& seeker) {
  for (const Turn<User>& user : pool.order) {
    std::optional<Turn<Campaign>> best;
    JobId choice;
    for (const Class* one : classes) {
      const auto order = user.who->orders.find(one);
      if (order == user.who->orders.end()) continue;
      for (const Turn<Campaign>& turn : order->second) {
        if (best && *best < turn) break;
        const JobId job = FirstFor(*turn.who, seeker);
        if (job == JobId()) continue;
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
  const QueuedJob& first = *pinned->second.begin()->second;
  if (first.terms->timeout_us > seeker.longest_timeout_us) return std::nullopt;
  return Taken{*Remove(first.job), {}};
}

std::optional<JobQueue::Taken> JobQueue::Take(const Seeker& seeker) {
  if (std::optional<Taken> taken = TakePinned(seeker)) return taken;
  const auto found = pools_.find(seeker.board_type);
  if (found == pools_.end()) return std::nullopt;
  Pool& pool = found->second;
  const ClassList classes = FittingClasses(pool, seeker);
  uint64_t& choices = choices_[seeker.board];
  const bool oldest = (choices + 1) % kOldestEvery == 0;
  const JobId id = oldest ? Oldest(classes, seeker) : Fairest(pool, classes, seeker);
  if (id == JobId()) return std::nullopt;
  ++choices;
  const auto place = places_.find(id);
  Bill bill;
  bill.pool_ = &pool;
  bill.user_ = place->second.user;
  bill.campaign_ = place->second.campaign;
  bill.us_ = pool.estimate_us;
  pool.floor = std::max(pool.floor, bill.user_->clock);
  bill.user_->floor = std::max(bill.user_->floor, bill.campaign_->clock);
  ++bill.campaign_->running;
  Taken taken{Extract(place), bill};
  Charge(bill, bill.us_);
  return taken;
}

// Takes the job out of everything; its campaign leaves the order when it was the last. Clocks stay:
// a retry that comes back must not find them set to zero.
QueuedJob JobQueue::Extract(Places::iterator found) {
  Pool* const pool = found->second.pool;
  User* const user = found->second.user;
  Campaign* const campaign = found->second.campaign;
  QueuedJob job = std::move(found->second.job);
  places_.erase(found);
  if (campaign->fresh.erase(job.job) == 0) campaign->spoiled.erase(job.job);
  Class& jobs_class = *campaign->jobs_class;
  --jobs_class.jobs;
  DropGone(jobs_class);
  if (const TimeUs timeout = TimeoutOf(job); timeout != 0) timeouts_.erase({timeout, job.job});
  --pool->jobs;
  if (!campaign->waits()) {
    const auto order = user->orders.find(&jobs_class);
    order->second.erase(Turn(campaign));
    if (order->second.empty()) user->orders.erase(order);
    if (--user->waiting == 0) pool->order.erase(Turn(user));
  }
  // No user has an order for it any more.
  if (jobs_class.jobs == 0 && jobs_class.boards) {
    const std::string text = jobs_class.boards->text();
    pool->classes.erase(text);
  }
  return job;
}

void JobQueue::Charge(const Bill& bill, double us) {
  User& user = *bill.user_;
  Campaign& campaign = *bill.campaign_;
  if (user.waiting > 0) bill.pool_->order.erase(Turn(&user));
  user.clock += us;
  if (user.waiting > 0) bill.pool_->order.emplace(&user);
  Order* order = campaign.waits() ? &user.orders.at(campaign.jobs_class) : nullptr;
  if (order != nullptr) order->erase(Turn(&campaign));
  campaign.clock += us / campaign.weight;
  if (order != nullptr) order->emplace(&campaign);
}

JobQueue::Bill JobQueue::BillFor(const QueuedJob& job, TimeUs charged_us) {
  Bill bill;
  if (!job.pinned.value.empty()) return bill;
  bill.pool_ = &pools_[job.board_type];
  bill.user_ = &UserOf(*bill.pool_, *job.terms);
  bill.campaign_ = &CampaignOf(*bill.user_, job.terms);
  bill.us_ = static_cast<double>(charged_us);
  ++bill.campaign_->running;
  return bill;
}

void JobQueue::Settle(const Bill& bill, TimeUs used_us) {
  if (bill.pool_ == nullptr) return;
  Pool& pool = *bill.pool_;
  User& user = *bill.user_;
  const double used = static_cast<double>(std::max<TimeUs>(used_us, 0));
  pool.estimate_us += (used - pool.estimate_us) * kEstimateGain;
  Charge(bill, used - bill.us_);
  --bill.campaign_->running;
  if (++user.settled % kSweepEvery != 0) return;
  // What nobody waits for any more and what is not ahead of the others need not be remembered.
  std::erase_if(user.campaigns, [&](const auto& entry) {
    const Campaign& campaign = entry.second;
    return !campaign.waits() && campaign.running == 0 && campaign.clock <= user.floor;
  });
  if (user.campaigns.empty() && user.clock <= pool.floor) {
    const std::string name = user.id();
    pool.users.erase(name);
  }
}

void JobQueue::Refund(const Bill& bill) {
  if (bill.pool_ == nullptr) return;
  Charge(bill, -bill.us_);
  --bill.campaign_->running;
}

std::optional<QueuedJob> JobQueue::Remove(JobId id) {
  const auto place = places_.find(id);
  if (place == places_.end()) return std::nullopt;
  if (place->second.campaign != nullptr) return Extract(place);
  QueuedJob job = std::move(place->second.job);
  places_.erase(place);
  const auto jobs = pinned_.find(job.pinned);
  jobs->second.erase(id);
  if (jobs->second.empty()) pinned_.erase(jobs);
  if (const TimeUs timeout = TimeoutOf(job); timeout != 0) timeouts_.erase({timeout, id});
  return job;
}

const QueuedJob* JobQueue::Find(JobId id) const {
  const auto found = places_.find(id);
  return found == places_.end() ? nullptr : &found->second.job;
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
  std::sort(waiting.begin(), waiting.end(),
            [](const auto& a, const auto& b) { return a.terms->campaign < b.terms->campaign; });
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
