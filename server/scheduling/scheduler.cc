#include "server/scheduling/scheduler.h"

#include <algorithm>

namespace tinyrig::server {

bool Scheduler::Usable(const BoardView& board, TimeUs now) {
  return board.online && board.broken.empty() && !board.maintenance && board.hold_until_us <= now &&
         (board.reserved_by.empty() || board.reserved_until_us <= now);
}

void Scheduler::RestoreBoard(BoardView board) {
  board.online = false;
  boards_.insert_or_assign(board.id, std::move(board));
}

void Scheduler::RestoreLease(QueuedJob job, Lease lease) {
  last_fence_ = std::max(last_fence_, lease.key.fence);
  BoardView& board = boards_[lease.board];
  if (board.id.value.empty()) {
    board.id = lease.board;
    board.type = job.board_type;
    board.agent = lease.agent;
  }
  board.lease = lease.key;
  const JobId id = job.job;
  leases_.insert_or_assign(id, Running{std::move(job), std::move(lease)});
}

// No board type begins with this byte.
std::string Scheduler::QueueOf(const QueuedJob& job) {
  return job.pinned.value.empty() ? job.board_type : std::string(1, '\0') + job.pinned.value;
}

void Scheduler::Enqueue(QueuedJob job) {
  const QueueKey key{job.priority, job.job};
  queued_keys_.emplace(job.job, key);
  const std::string queue = QueueOf(job);
  queued_in_.emplace(job.job, queue);
  queues_[queue].emplace(key, std::move(job));
  ++queued_count_;
}

Scheduler::Connected Scheduler::AgentConnected(const AgentId& agent,
                                               const std::vector<BoardReport>& boards,
                                               const std::vector<LeaseKey>& held) {
  Connected connected;
  // A board that the agent no longer lists goes offline.
  AgentLost(agent);
  connected.stolen = AgentBoards(agent, boards);
  for (const auto& [job, running] : leases_) {
    if (running.lease.agent == agent && !running.reported &&
        std::find(held.begin(), held.end(), running.lease.key) == held.end()) {
      connected.lost.push_back(running.lease);
    }
  }
  return connected;
}

std::vector<BoardId> Scheduler::AgentBoards(const AgentId& agent,
                                            const std::vector<BoardReport>& boards) {
  std::vector<BoardId> stolen;
  for (const BoardReport& report : boards) {
    BoardView& board = boards_[report.id];
    if (board.online && board.agent != agent) {
      stolen.push_back(report.id);
      continue;
    }
    board.id = report.id;
    board.type = report.type;
    board.agent = agent;
    board.online = true;
    board.broken = report.broken;
  }
  return stolen;
}

void Scheduler::AgentLost(const AgentId& agent) {
  for (auto& [id, board] : boards_) {
    if (board.agent == agent) board.online = false;
  }
}

bool Scheduler::HasOtherBoard(const QueuedJob& job) const {
  return std::any_of(boards_.begin(), boards_.end(), [&](const auto& entry) {
    const BoardView& board = entry.second;
    return board.type == job.board_type && board.online && board.broken.empty() &&
           !board.maintenance && board.condition.health != v1::BOARD_HEALTH_QUARANTINED &&
           !job.avoid.contains(board.id);
  });
}

bool Scheduler::TakesOrdinaryJobs(const BoardView& board, TimeUs now) const {
  if (board.condition.health == v1::BOARD_HEALTH_QUARANTINED) return false;
  if (board.condition.health == v1::BOARD_HEALTH_GOOD || !reference_types_.contains(board.type)) {
    return true;
  }
  return std::none_of(boards_.begin(), boards_.end(), [&](const auto& entry) {
    const BoardView& other = entry.second;
    return other.type == board.type && other.condition.health == v1::BOARD_HEALTH_GOOD &&
           Usable(other, now);
  });
}

std::optional<QueuedJob> Scheduler::TakeFor(const BoardView& board, TimeUs now) {
  QueuedJob pinned;
  pinned.pinned = board.id;
  if (std::optional<QueuedJob> job = TakeFrom(QueueOf(pinned), board)) return job;
  return TakesOrdinaryJobs(board, now) ? TakeFrom(board.type, board) : std::nullopt;
}

std::optional<QueuedJob> Scheduler::TakeFrom(const std::string& queue_name,
                                             const BoardView& board) {
  const auto found = queues_.find(queue_name);
  if (found == queues_.end()) return std::nullopt;
  Queue& queue = found->second;
  const auto fits = std::find_if(queue.begin(), queue.end(), [&](const auto& entry) {
    const QueuedJob& job = entry.second;
    return !job.pinned.value.empty() || !job.avoid.contains(board.id) || !HasOtherBoard(job);
  });
  if (fits == queue.end()) return std::nullopt;
  QueuedJob job = std::move(fits->second);
  queue.erase(fits);
  queued_keys_.erase(job.job);
  queued_in_.erase(job.job);
  --queued_count_;
  return job;
}

std::vector<Lease> Scheduler::Match(TimeUs now) {
  std::vector<BoardView*> idle;
  for (auto& [id, board] : boards_) {
    if (!board.lease && Usable(board, now)) idle.push_back(&board);
  }
  std::stable_sort(idle.begin(), idle.end(), [](const BoardView* a, const BoardView* b) {
    return a->condition.health < b->condition.health;
  });
  std::vector<Lease> leases;
  for (BoardView* board : idle) {
    std::optional<QueuedJob> job = TakeFor(*board, now);
    if (!job) continue;
    last_fence_ = Fence(last_fence_.value + 1);
    Lease lease;
    lease.key = {job->job, ++job->last_attempt, last_fence_};
    lease.campaign = job->campaign;
    lease.board = board->id;
    lease.agent = board->agent;
    lease.timeout_us = job->timeout_us;
    lease.deadline_us = now + job->timeout_us + kGraceUs;
    lease.reference = !job->pinned.value.empty();
    board->lease = lease.key;
    leases.push_back(lease);
    const JobId id = job->job;
    leases_.emplace(id, Running{std::move(*job), std::move(lease)});
  }
  return leases;
}

const Lease* Scheduler::Find(const LeaseKey& key) const {
  const auto found = leases_.find(key.job);
  return found != leases_.end() && found->second.lease.key == key ? &found->second.lease : nullptr;
}

bool Scheduler::Reported(const LeaseKey& key) {
  if (Find(key) == nullptr) return false;
  leases_.at(key.job).reported = true;
  return true;
}

void Scheduler::ReportDropped(const LeaseKey& key) {
  if (Find(key) != nullptr) leases_.at(key.job).reported = false;
}

std::vector<Lease> Scheduler::Expired(TimeUs now) const {
  std::vector<Lease> expired;
  for (const auto& [job, running] : leases_) {
    if (!running.reported && running.lease.deadline_us <= now) expired.push_back(running.lease);
  }
  return expired;
}

uint32_t Scheduler::FailedAttempts(const LeaseKey& key) const {
  return Find(key) == nullptr ? 0 : leases_.at(key.job).job.failed_attempts;
}

void Scheduler::ReleaseBoard(const Lease& lease) {
  const auto board = boards_.find(lease.board);
  if (board != boards_.end() && board->second.lease == lease.key) board->second.lease.reset();
}

void Scheduler::End(const LeaseKey& key, bool retry, v1::FailureOwner owner) {
  if (Find(key) == nullptr) return;
  Running running = std::move(leases_.extract(key.job).mapped());
  ReleaseBoard(running.lease);
  if (!retry) return;
  ++running.job.failed_attempts;
  if (owner == v1::FAILURE_OWNER_BENCH) running.job.avoid.insert(running.lease.board);
  Enqueue(std::move(running.job));
}

void Scheduler::Withdraw(const LeaseKey& key, TimeUs now) {
  if (Find(key) == nullptr) return;
  Running running = std::move(leases_.extract(key.job).mapped());
  ReleaseBoard(running.lease);
  if (BoardView* board = MutableBoard(running.lease.board)) {
    board->hold_until_us = now + kHoldAfterRefusalUs;
  }
  Enqueue(std::move(running.job));
}

std::optional<Lease> Scheduler::Cancel(JobId job) {
  if (const auto running = leases_.find(job); running != leases_.end()) {
    Lease lease = running->second.lease;
    ReleaseBoard(lease);
    leases_.erase(running);
    return lease;
  }
  if (const auto queued = queued_keys_.find(job); queued != queued_keys_.end()) {
    queues_[queued_in_.at(job)].erase(queued->second);
    queued_in_.erase(job);
    queued_keys_.erase(queued);
    --queued_count_;
  }
  return std::nullopt;
}

JobId Scheduler::PinnedTo(const BoardId& board) const {
  QueuedJob pinned;
  pinned.pinned = board;
  const auto queue = queues_.find(QueueOf(pinned));
  if (queue != queues_.end() && !queue->second.empty()) return queue->second.begin()->first.job;
  const BoardView* view = FindBoard(board);
  if (view == nullptr || !view->lease) return JobId();
  const Lease* lease = Find(*view->lease);
  return lease != nullptr && lease->reference ? lease->key.job : JobId();
}

std::set<CampaignId> Scheduler::WaitingFor(const std::string& board_type) const {
  std::set<CampaignId> campaigns;
  const auto queue = queues_.find(board_type);
  if (queue == queues_.end()) return campaigns;
  for (const auto& [key, job] : queue->second) campaigns.insert(job.campaign);
  return campaigns;
}

std::vector<JobId> Scheduler::SpoiledBefore(const std::string& board_type) const {
  std::vector<JobId> jobs;
  const auto queue = queues_.find(board_type);
  if (queue == queues_.end()) return jobs;
  for (const auto& [key, job] : queue->second) {
    if (!job.avoid.empty()) jobs.push_back(job.job);
  }
  return jobs;
}

std::vector<std::string> Scheduler::WantedTypes() const {
  std::vector<std::string> types;
  for (const auto& [name, queue] : queues_) {
    if (!queue.empty() && !name.starts_with('\0')) types.push_back(name);
  }
  return types;
}

const BoardView* Scheduler::FindBoard(const BoardId& board) const {
  const auto found = boards_.find(board);
  return found == boards_.end() ? nullptr : &found->second;
}

BoardView* Scheduler::MutableBoard(const BoardId& board) {
  const auto found = boards_.find(board);
  return found == boards_.end() ? nullptr : &found->second;
}

}  // namespace tinyrig::server
