#include "server/scheduling/job_queue.h"

#include <algorithm>
#include <cmath>

namespace tinyrig::server {
namespace {

/// How much the last attempt tells about the next.
constexpr double kEstimateGain = 1.0 / 16;

TimeUs TimeoutOf(const QueuedJob& job) {
  return job.terms->queue_timeout_us == 0 ? 0 : job.queued_us + job.terms->queue_timeout_us;
}

}  // namespace

double JobQueue::Campaign::weight() const {
  return std::exp2(std::clamp(terms->priority, -kMaxPriority, kMaxPriority));
}

void JobQueue::Push(QueuedJob job) {
  const CampaignTerms& terms = *job.terms;
  if (const TimeUs timeout = TimeoutOf(job); timeout != 0) timeouts_.emplace(timeout, job.job);
  places_[job.job] = {job.board_type, job.pinned, terms.user, terms.campaign};
  if (!job.pinned.value.empty()) {
    const BoardId board = job.pinned;
    pinned_[board].emplace(job.job, std::move(job));
    return;
  }
  Pool& pool = pools_[job.board_type];
  User& user = pool.users[terms.user];
  if (user.order.empty()) {
    user.clock = std::max(user.clock, pool.floor);
    pool.order.emplace(user.clock, terms.user);
  }
  Campaign& campaign = user.campaigns[terms.campaign];
  if (campaign.fresh.empty() && campaign.spoiled.empty()) {
    campaign.terms = job.terms;
    campaign.clock = std::max(campaign.clock, user.floor);
    user.order.emplace(campaign.clock, terms.campaign);
  }
  ++pool.jobs;
  Jobs& jobs = job.avoid.empty() ? campaign.fresh : campaign.spoiled;
  jobs.emplace(job.job, std::move(job));
}

// The oldest job of the campaign that this board may run: where it is, or nullptr.
JobQueue::Jobs* JobQueue::JobsFor(Campaign& campaign, const Seeker& seeker, JobId* job) {
  if (campaign.terms->timeout_us > seeker.longest_timeout_us) return nullptr;
  if (campaign.terms->boards) {
    const auto [known, is_new] = campaign.fits.try_emplace(seeker.board, false);
    if (is_new) known->second = seeker.matches(*campaign.terms->boards);
    if (!known->second) return nullptr;
  }
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
  const bool oldest = (pool.choices + 1) % kOldestEvery == 0;
  struct Choice {
    const std::string* user = nullptr;
    CampaignId campaign;
    Jobs* jobs = nullptr;
    JobId job;
    TimeUs queued_us = 0;
  } choice;
  for (const auto& [clock, name] : pool.order) {
    User& user = pool.users.at(name);
    for (const auto& [campaign_clock, id] : user.order) {
      JobId job;
      Jobs* jobs = JobsFor(user.campaigns.at(id), seeker, &job);
      if (jobs == nullptr) continue;
      const TimeUs queued_us = jobs->at(job).queued_us;
      if (choice.jobs == nullptr ||
          std::pair(queued_us, job) < std::pair(choice.queued_us, choice.job)) {
        choice = {&name, id, jobs, job, queued_us};
      }
      if (!oldest) break;
    }
    if (!oldest && choice.jobs != nullptr) break;
  }
  if (choice.jobs == nullptr) return std::nullopt;
  ++pool.choices;
  return TakeFrom(pool, std::string(*choice.user), choice.campaign, *choice.jobs, choice.job);
}

std::optional<JobQueue::Taken> JobQueue::TakeFrom(Pool& pool, const std::string& name,
                                                  CampaignId campaign_id, Jobs& jobs, JobId id) {
  User& user = pool.users.at(name);
  pool.floor = std::max(pool.floor, user.clock);
  user.floor = std::max(user.floor, user.campaigns.at(campaign_id).clock);
  Taken taken{std::move(jobs.at(id)), pool.estimate_us};
  jobs.erase(id);
  Advance(pool, name, campaign_id, taken.charged_us);
  Erase(pool, taken.job);
  return taken;
}

// Takes the job out of the indices; its campaign leaves the order when it was the last.
void JobQueue::Erase(Pool& pool, const QueuedJob& job) {
  if (const TimeUs timeout = TimeoutOf(job); timeout != 0) timeouts_.erase({timeout, job.job});
  places_.erase(job.job);
  --pool.jobs;
  User& user = pool.users.at(job.terms->user);
  const auto campaign = user.campaigns.find(job.terms->campaign);
  if (!campaign->second.fresh.empty() || !campaign->second.spoiled.empty()) return;
  // Its clock stays: a retry that comes back must not find it set to zero.
  user.order.erase({campaign->second.clock, campaign->first});
  campaign->second.fits.clear();
  if (user.order.empty()) pool.order.erase({user.clock, job.terms->user});
}

void JobQueue::Advance(Pool& pool, const std::string& name, CampaignId campaign_id, double us) {
  const auto user = pool.users.find(name);
  if (user == pool.users.end()) return;
  const bool waits = pool.order.erase({user->second.clock, name}) > 0;
  user->second.clock += us;
  if (waits) pool.order.emplace(user->second.clock, name);
  const auto campaign = user->second.campaigns.find(campaign_id);
  if (campaign == user->second.campaigns.end()) return;
  Order& order = user->second.order;
  const bool queued = order.erase({campaign->second.clock, campaign_id}) > 0;
  campaign->second.clock += us / campaign->second.weight();
  if (queued) order.emplace(campaign->second.clock, campaign_id);
}

void JobQueue::Settle(const QueuedJob& job, double charged_us, TimeUs used_us) {
  const auto pool = pools_.find(job.board_type);
  if (pool == pools_.end() || !job.pinned.value.empty()) return;
  const double used = static_cast<double>(std::max<TimeUs>(used_us, 0));
  pool->second.estimate_us += (used - pool->second.estimate_us) * kEstimateGain;
  Advance(pool->second, job.terms->user, job.terms->campaign, used - charged_us);
  // What nobody waits for any more, and what is not ahead of the others, need not be remembered.
  const auto user = pool->second.users.find(job.terms->user);
  if (user == pool->second.users.end()) return;
  std::erase_if(user->second.campaigns, [&](const auto& entry) {
    return entry.second.fresh.empty() && entry.second.spoiled.empty() &&
           entry.second.clock <= user->second.floor;
  });
  if (user->second.campaigns.empty() && user->second.clock <= pool->second.floor) {
    pool->second.users.erase(user);
  }
}

void JobQueue::Refund(const QueuedJob& job, double charged_us) {
  const auto pool = pools_.find(job.board_type);
  if (pool == pools_.end() || !job.pinned.value.empty()) return;
  Advance(pool->second, job.terms->user, job.terms->campaign, -charged_us);
}

std::optional<QueuedJob> JobQueue::Remove(JobId id) {
  const auto place = places_.find(id);
  if (place == places_.end()) return std::nullopt;
  if (!place->second.pinned.value.empty()) {
    const auto jobs = pinned_.find(place->second.pinned);
    QueuedJob job = std::move(jobs->second.at(id));
    jobs->second.erase(id);
    if (jobs->second.empty()) pinned_.erase(jobs);
    if (const TimeUs timeout = TimeoutOf(job); timeout != 0) timeouts_.erase({timeout, id});
    places_.erase(place);
    return job;
  }
  Pool& pool = pools_.at(place->second.board_type);
  Campaign& campaign = pool.users.at(place->second.user).campaigns.at(place->second.campaign);
  Jobs& jobs = campaign.fresh.contains(id) ? campaign.fresh : campaign.spoiled;
  QueuedJob job = std::move(jobs.at(id));
  jobs.erase(id);
  Erase(pool, job);
  return job;
}

const QueuedJob* JobQueue::Find(JobId id) const {
  const auto place = places_.find(id);
  if (place == places_.end()) return nullptr;
  if (!place->second.pinned.value.empty()) return &pinned_.at(place->second.pinned).at(id);
  const Campaign& campaign = pools_.at(place->second.board_type)
                                 .users.at(place->second.user)
                                 .campaigns.at(place->second.campaign);
  const Jobs& jobs = campaign.fresh.contains(id) ? campaign.fresh : campaign.spoiled;
  return &jobs.at(id);
}

void JobQueue::Forget(const BoardId& board) {
  for (auto& [type, pool] : pools_) {
    for (auto& [name, user] : pool.users) {
      for (auto& [id, campaign] : user.campaigns) campaign.fits.erase(board);
    }
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
    for (const auto& [clock, id] : user.order) {
      const Campaign& campaign = user.campaigns.at(id);
      WaitingCampaign one{campaign.terms, JobId(), {}};
      for (const auto& [job, entry] : campaign.spoiled) one.spoiled.push_back(job);
      one.first = campaign.fresh.empty() ? one.spoiled.front() : campaign.fresh.begin()->first;
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
