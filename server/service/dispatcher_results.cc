#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "server/model/names.h"
#include "server/scheduling/retry.h"
#include "server/service/agent_messages.h"
#include "server/service/dispatcher.h"

// How attempts end: results are judged on the pool, stored (dispatcher_commit.cc), acknowledged.
namespace tinyrig::server {
namespace {

// Results that one commit carries at most: the io thread must not be busy for long.
constexpr size_t kMaxOfCommit = 64;
/// How far off a bench's clock may be. It may be set by hand; it cannot know when a lease began
/// that is not there yet.
constexpr TimeUs kMaxClockErrorUs = TimeUs{86'400} * 1'000'000;

// What a bench says of time is stored, ordered, added up and shown as dates: what it cannot be is
// replaced by what the server saw.
void CheckTimes(const Lease& lease, TimeUs now, EndedAttempt* ended) {
  const TimeUs begun = lease.deadline_us - lease.timeout_us - Scheduler::kGraceUs;
  const auto can_be = [&](TimeUs time) {
    return time >= begun - kMaxClockErrorUs && time <= now + kMaxClockErrorUs;
  };
  for (LogEntry& entry : ended->log) {
    if (!can_be(entry.time_us)) entry.time_us = now;
  }
  if (can_be(ended->started_us) && can_be(ended->ended_us) &&
      ended->started_us <= ended->ended_us) {
    return;
  }
  ended->started_us = 0;  // As the lease.
  ended->ended_us = now;
}

}  // namespace

void Dispatcher::OnResult(Session& session, const v1::AttemptResult& result) {
  const LeaseKey key = KeyOf(result.key());
  const Lease* lease = scheduler_.Find(key);
  if (lease != nullptr && lease->agent.value != session.agent.agent_id) {
    return spdlog::warn("agent {} reports {}, which agent {} has; ignored", session.agent.agent_id,
                        Text(key), lease->agent.value);
  }
  if (judging_.contains(key))
    return;  // Sent again while it is being stored; the acknowledgement follows.
  if (!scheduler_.Reported(key)) {
    spdlog::info("{}: a result that is stored already or no longer wanted", Text(key));
    return Ack(AgentId(session.agent.agent_id), key);
  }
  judging_.insert(key);
  executors_.Offload(
      [this, result] { return judge_.Run(result); },
      [this, key](Result<EndedAttempt> judged) { OnJudged(key, std::move(judged)); });
}

void Dispatcher::OnJudged(const LeaseKey& key, Result<EndedAttempt> judged) {
  judged_.push_back({key, std::move(judged)});
  ScheduleCommit();
}

std::vector<Dispatcher::Ending> Dispatcher::TakeJudged() {
  const size_t count = std::min(judged_.size(), kMaxOfCommit);
  std::vector<Ending> endings;
  for (size_t i = 0; i < count; ++i) {
    Judged& one = judged_[i];
    judging_.erase(one.key);
    const Lease* lease = scheduler_.Find(one.key);
    if (lease == nullptr) continue;  // Cancelled meanwhile. When the agent asks again it is told.
    if (one.ended.ok()) {
      endings.push_back({*lease, std::move(*one.ended), {}, {}});
    } else {
      // Not the store's trouble: other results may well be judged.
      NotStored({*lease, {}, one.ended.status(), {}});
    }
  }
  judged_.erase(judged_.begin(), judged_.begin() + static_cast<ptrdiff_t>(count));
  return endings;
}

// Something in this one result, not the disk, is why: it would come again for ever, and its bench
// and all others with it would wait.
bool Dispatcher::EndUnstorable(const Ending& ending) {
  if (ending.stored.code() != Code::kInternal) return false;
  const Lease& lease = ending.lease;
  spdlog::error("{}: {}", Text(lease.key), ending.stored.message());
  Unlearn(ending.ended);
  const Ending instead = EndLost(
      lease, "its result cannot be stored: " + ending.stored.message() + "; please report this");
  if (!instead.stored.ok()) return false;
  if (instead.stale) GoByStore(lease.key.job);
  Ack(lease.agent, lease.key);
  return true;
}

// Without acknowledgement the agent keeps the result; a new stream makes it send it again.
void Dispatcher::NotStored(Ending ending) {
  spdlog::error("{}: the result was not stored: {}", Text(ending.lease.key),
                ending.stored.message());
  Unlearn(ending.ended);
  if (ending.finished) {
    scheduler_.Reopen(std::move(*ending.finished));
  } else {
    scheduler_.ReportDropped(ending.lease.key);
  }
  Drop(ending.lease.agent, ending.stored.WithContext("the result was not stored"));
}

Status Dispatcher::StoreEnding(Ending& ending) {
  const Lease& lease = ending.lease;
  EndedAttempt& ended = ending.ended;
  CheckTimes(lease, clock_.Now(), &ended);
  const bool ran = !ended.failure;
  if (lease.reference) TRY(JudgeReference(lease, &ended));
  ended.next = v1::JOB_STATE_SUCCEEDED;
  if (ended.failure && ran) {
    ended.next = v1::JOB_STATE_FAILED;  // A wrong count is as wrong the next time.
  } else if (ended.failure) {
    TRY_ASSIGN(const JobContext context, store_.LoadJob(lease.key.job));
    switch (DecideRetry(ended.failure->owner(), scheduler_.FailedAttempts(lease.key) + 1,
                        context.spec.max_attempts())) {
      case NextStep::kRetry:
        ended.next = v1::JOB_STATE_QUEUED;
        break;
      case NextStep::kFailed:
        ended.next = v1::JOB_STATE_FAILED;
        break;
      case NextStep::kInfeasible:
        ended.next = v1::JOB_STATE_INFEASIBLE;
        break;
    }
  }
  TRY_ASSIGN(const Store::Outcome outcome, store_.EndAttempt(ended, clock_.Now()));
  if (outcome != Store::Outcome::kStored) {
    spdlog::warn("{}: the store knows the attempt as ended", Text(lease.key));
    Unlearn(ended);
    ending.stale = true;
  }
  return {};
}

void Dispatcher::Settle(const Ending& ending) {
  const Lease& lease = ending.lease;
  const EndedAttempt& ended = ending.ended;
  const v1::FailureOwner owner =
      ended.failure ? ended.failure->owner() : v1::FAILURE_OWNER_UNSPECIFIED;
  hub_.Ended(lease.key);
  if (!ending.finished) {
    scheduler_.End(lease.key, ended.next == v1::JOB_STATE_QUEUED, owner, clock_.Now());
  }
  CountReference(lease);
  if (const Status updated = UpdateCondition(lease, ended); !updated.ok()) {
    spdlog::error("condition of board {}: {}", lease.board.value, updated.message());
    NoteStore(updated);
  }
  hub_.Changed(lease.campaign);
  spdlog::info(
      "{} on {}: {}", Text(lease.key), lease.board.value,
      ended.failure ? fmt::format("{}: {}", ToText(owner), ended.failure->message()) : "succeeded");
}

void Dispatcher::Ack(const AgentId& agent, const LeaseKey& key) {
  const auto session = sessions_.find(agent);
  if (session == sessions_.end()) return;
  v1::ServerMessage message;
  *message.mutable_ack()->mutable_key() = ToProto(key);
  session->second.link->Send(std::move(message));
}

void Dispatcher::Lost(const Lease& lease, const std::string& why) {
  const Ending ending = EndLost(lease, why);
  if (!ending.stored.ok()) {
    // Tried again at its deadline.
    return spdlog::error("{}: {}", Text(lease.key), ending.stored.message());
  }
  if (ending.stale) GoByStore(lease.key.job);
  StartReferences();
}

Dispatcher::Ending Dispatcher::EndLost(const Lease& lease, const std::string& why) {
  Ending ending{lease, {}, {}, {}};
  EndedAttempt& ended = ending.ended;
  ended.key = lease.key;
  ended.ended_us = clock_.Now();
  ended.failure.emplace();
  ended.failure->set_owner(v1::FAILURE_OWNER_SERVICE);
  ended.failure->set_code(static_cast<uint32_t>(Code::kUnavailable));
  ended.failure->set_message(why);
  ended.log = hub_.Ended(lease.key);
  ending.stored = StoreEnding(ending);
  if (ending.stored.ok()) Settle(ending);
  return ending;
}

}  // namespace tinyrig::server
