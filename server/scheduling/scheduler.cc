#include "server/scheduling/scheduler.h"

#include <algorithm>

namespace tinyrig::server {
namespace {

void SortByJob(std::vector<Lease>& leases) {
  std::sort(leases.begin(), leases.end(),
            [](const Lease& a, const Lease& b) { return a.key.job < b.key.job; });
}

}  // namespace

bool Scheduler::InService(const BoardView& board, TimeUs now) {
  return board.online && board.broken.empty() && !board.maintenance &&
         (board.reserved_by.empty() || board.reserved_until_us <= now);
}

bool Scheduler::Usable(const BoardView& board, TimeUs now) {
  return InService(board, now) && board.hold_until_us <= now;
}

void Scheduler::SetBoardTypes(const std::vector<v1::BoardType>& types) {
  types_.clear();
  for (const v1::BoardType& type : types) types_[type.name()] = type;
}

BoardFacts Scheduler::FactsOf(const BoardView& board) const {
  const auto type = types_.find(board.type);
  return {type == types_.end() ? nullptr : &type->second, board.type, board.id.value,
          board.agent.value, &board.labels};
}

void Scheduler::RestoreBoard(BoardView board) {
  board.online = false;
  const BoardId id = board.id;
  BoardView& known = boards_[id];
  known = std::move(board);
  if (!known.lease) free_[known.type].insert(&known);
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
  free_[board.type].erase(&board);
  const JobId id = job.job;
  const TimeUs leased_us = lease.deadline_us - lease.timeout_us - kGraceUs;
  const JobQueue::Bill bill = queue_.BillFor(job, 0);
  leases_.insert_or_assign(id, Running{std::move(job), std::move(lease), &board, bill, leased_us});
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
  SortByJob(connected.lost);
  return connected;
}

std::vector<BoardId> Scheduler::AgentBoards(const AgentId& agent,
                                            const std::vector<BoardReport>& boards) {
  std::vector<BoardId> stolen;
  for (const BoardReport& report : boards) {
    BoardView& board = boards_[report.id];
    board.id = report.id;
    if (board.online && board.agent != agent) {
      stolen.push_back(report.id);
      continue;
    }
    if (board.type != report.type || board.agent != agent || board.labels != report.labels) {
      queue_.Forget(report.id);
      free_[board.type].erase(&board);
    }
    board.type = report.type;
    board.agent = agent;
    board.online = true;
    board.broken = report.broken;
    board.labels = report.labels;
    if (!board.lease) free_[board.type].insert(&board);
  }
  return stolen;
}

void Scheduler::AgentLost(const AgentId& agent) {
  for (auto& [id, board] : boards_) {
    if (board.agent == agent) board.online = false;
  }
}

// Only a board that could take it soon counts: nobody waits for one that is reserved for a week.
bool Scheduler::HasOtherBoard(const QueuedJob& job, TimeUs now) const {
  return std::any_of(boards_.begin(), boards_.end(), [&](const auto& entry) {
    const BoardView& board = entry.second;
    return board.type == job.board_type && InService(board, now) && !Draining(board) &&
           board.condition.health != v1::BOARD_HEALTH_QUARANTINED &&
           !job.avoid.contains(board.id) && LongestTimeout(board, now) >= job.terms->timeout_us &&
           (!job.terms->boards || Matches(board, *job.terms->boards));
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

void Scheduler::SetAgentDrain(const AgentId& agent, bool drain) {
  if (drain) {
    draining_agents_.insert(agent);
  } else {
    draining_agents_.erase(agent);
  }
}

bool Scheduler::Matches(const BoardView& board, const Expression& boards) const {
  return EvaluateBoard(boards, FactsOf(board)) == Truth::kTrue;
}

Scheduler::NextWindow Scheduler::NextWindowOf(const BoardView& board, TimeUs now) const {
  NextWindow next;
  for (const Window& window : windows_) {
    const TimeUs until = TimeUntil(window, now);
    if (until < next.until_us && Matches(board, window.boards)) next = {&window, until};
  }
  return next;
}

TimeUs Scheduler::LongestTimeout(const BoardView& board, TimeUs now) const {
  const TimeUs until = NextWindowOf(board, now).until_us;
  return until == kNoWindow ? kNoWindow : until - kGraceUs;
}

std::vector<BoardView*> Scheduler::Candidates(TimeUs now) {
  std::vector<BoardView*> candidates;
  for (const auto& [type, free] : free_) {
    const bool wanted = queue_.Wants(type);
    for (BoardView* board : free) {
      if (!wanted && queue_.PinnedTo(board->id) == JobId()) continue;
      if (Usable(*board, now) && !Draining(*board)) candidates.push_back(board);
    }
  }
  std::shuffle(candidates.begin(), candidates.end(), random_);
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const BoardView* a, const BoardView* b) {
                     return a->condition.health < b->condition.health;
                   });
  return candidates;
}

std::optional<JobQueue::Taken> Scheduler::TakeFor(const BoardView& board, TimeUs now) {
  const bool ordinary = TakesOrdinaryJobs(board, now);
  const auto matches = [&](const Expression& boards) { return Matches(board, boards); };
  const auto accepts = [&](const QueuedJob& job) {
    return ordinary && (!job.avoid.contains(board.id) || !HasOtherBoard(job, now));
  };
  return queue_.Take({board.id, board.type, matches, LongestTimeout(board, now), accepts});
}

Lease Scheduler::Begin(BoardView& board, JobQueue::Taken taken, TimeUs now) {
  QueuedJob& job = taken.job;
  last_fence_ = Fence(last_fence_.value + 1);
  Lease lease;
  lease.key = {job.job, ++job.last_attempt, last_fence_};
  lease.campaign = job.terms->campaign;
  lease.queued_us = job.queued_us;
  lease.board = board.id;
  lease.agent = board.agent;
  lease.timeout_us = job.terms->timeout_us;
  lease.deadline_us = now + lease.timeout_us + kGraceUs;
  lease.reference = !job.pinned.value.empty();
  board.lease = lease.key;
  free_[board.type].erase(&board);
  const JobId id = job.job;
  leases_.emplace(id, Running{std::move(job), lease, &board, taken.bill, now});
  return lease;
}

std::vector<Lease> Scheduler::Match(TimeUs now) {
  std::vector<Lease> leases;
  if (draining_ || queue_.size() == 0) return leases;
  for (BoardView* board : Candidates(now)) {
    std::optional<JobQueue::Taken> taken = TakeFor(*board, now);
    if (taken) leases.push_back(Begin(*board, std::move(*taken), now));
  }
  return leases;
}

Scheduler::Leases::iterator Scheduler::FindLease(const LeaseKey& key) {
  const auto found = leases_.find(key.job);
  return found != leases_.end() && found->second.lease.key == key ? found : leases_.end();
}

const Lease* Scheduler::Find(const LeaseKey& key) const {
  const auto found = leases_.find(key.job);
  return found != leases_.end() && found->second.lease.key == key ? &found->second.lease : nullptr;
}

bool Scheduler::Reported(const LeaseKey& key) {
  const auto found = FindLease(key);
  if (found == leases_.end()) return false;
  found->second.reported = true;
  return true;
}

void Scheduler::ReportDropped(const LeaseKey& key) {
  if (const auto found = FindLease(key); found != leases_.end()) found->second.reported = false;
}

std::vector<Lease> Scheduler::Expired(TimeUs now) const {
  std::vector<Lease> expired;
  for (const auto& [job, running] : leases_) {
    if (!running.reported && running.lease.deadline_us <= now) expired.push_back(running.lease);
  }
  SortByJob(expired);
  return expired;
}

uint32_t Scheduler::FailedAttempts(const LeaseKey& key) const {
  return Find(key) == nullptr ? 0 : leases_.at(key.job).job.failed_attempts;
}

Scheduler::Running Scheduler::Release(Leases::iterator found) {
  Running running = std::move(found->second);
  leases_.erase(found);
  if (running.board->lease == running.lease.key) {
    running.board->lease.reset();
    free_[running.board->type].insert(running.board);
  }
  return running;
}

void Scheduler::End(const LeaseKey& key, bool retry, v1::FailureOwner owner, TimeUs now) {
  std::optional<Running> running = Finish(key, now);
  if (!running || !retry) return;
  ++running->job.failed_attempts;
  running->job.queued_us = now;
  if (owner == v1::FAILURE_OWNER_BENCH) running->job.avoid.insert(running->lease.board);
  queue_.Push(std::move(running->job));
}

std::optional<Scheduler::Running> Scheduler::Finish(const LeaseKey& key, TimeUs now) {
  const auto found = FindLease(key);
  if (found == leases_.end()) return std::nullopt;
  Running running = Release(found);
  const TimeUs used_us = now - running.leased_us;
  queue_.Settle(running.bill, used_us);
  running.used_us = used_us;
  return running;
}

void Scheduler::Reopen(Running running) {
  running.reported = false;
  running.bill = queue_.BillFor(running.job, running.used_us);
  running.board->lease = running.lease.key;
  free_[running.board->type].erase(running.board);
  leases_.emplace(running.lease.key.job, std::move(running));
}

void Scheduler::Withdraw(const LeaseKey& key, TimeUs now) {
  const auto found = FindLease(key);
  if (found == leases_.end()) return;
  Running running = Release(found);
  if (BoardView* board = MutableBoard(running.lease.board)) {
    board->hold_until_us = now + kHoldAfterRefusalUs;
  }
  queue_.Refund(running.bill);
  queue_.Push(std::move(running.job));
}

std::optional<Lease> Scheduler::Cancel(JobId job, TimeUs now) {
  if (const auto found = leases_.find(job); found != leases_.end()) {
    Running running = Release(found);
    queue_.Settle(running.bill, now - running.leased_us);
    return running.lease;
  }
  queue_.Remove(job);
  return std::nullopt;
}

JobId Scheduler::PinnedTo(const BoardId& board) const {
  if (const JobId waiting = queue_.PinnedTo(board); waiting != JobId()) return waiting;
  const BoardView* view = FindBoard(board);
  if (view == nullptr || !view->lease) return JobId();
  const Lease* lease = Find(*view->lease);
  return lease != nullptr && lease->reference ? lease->key.job : JobId();
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
