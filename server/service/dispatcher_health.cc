#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "server/model/names.h"
#include "server/service/dispatcher.h"

namespace tinyrig::server {
namespace {

/// After the service spoiled a reference job, the next one waits so long.
constexpr TimeUs kRetryReferenceUs = 30'000'000;
/// A good board that had nothing to do for so long may teach what its type counts.
constexpr TimeUs kIdleBeforeTeachingUs = 10'000'000;

bool MayTeach(const BoardView& board, TimeUs now) {
  return board.condition == BoardCondition() && !board.lease && Scheduler::Usable(board, now);
}

}  // namespace

const ReferenceRecord* Dispatcher::ExpectedFor(const std::string& board_type) const {
  const auto found = expected_counts_.find({board_type, references_.ImageOf(board_type)});
  return found == expected_counts_.end() ? nullptr : &found->second;
}

Status Dispatcher::StartReference(const BoardView& board) {
  const BoardId id = board.id;
  TRY_ASSIGN(Store::Added added,
             store_.AddCampaign(references_.Make(board.type, id), clock_.Now()));
  spdlog::info("board {} is {}: reference job {}", id.value, ToText(board.condition.health),
               added.queued.at(0).job.value);
  for (QueuedJob& job : added.queued) scheduler_.Enqueue(std::move(job));
  return {};
}

const BoardView* Dispatcher::FindTeacher(const std::string& board_type) const {
  for (const auto& [id, board] : scheduler_.boards()) {
    if (board.type == board_type && board.condition == BoardCondition() &&
        Scheduler::Usable(board, clock_.Now())) {
      return &board;
    }
  }
  return nullptr;
}

// A suspect board is checked against what a good one counted; when nobody knows that yet and a good
// board is there, it goes first.
void Dispatcher::StartReferences() {
  const TimeUs now = clock_.Now();
  std::vector<BoardId> over;  // Somebody cancelled the job of a recovery.
  for (const auto& [id, done] : recoveries_) {
    if (scheduler_.PinnedTo(id) == JobId()) over.push_back(id);
  }
  for (const BoardId& id : over) Recovered(id);
  std::vector<BoardId> due;
  for (const auto& [id, board] : scheduler_.boards()) {
    if (!board.online || !references_.Has(board.type) || scheduler_.PinnedTo(id) != JobId())
      continue;
    const bool known = ExpectedFor(board.type) != nullptr || countless_.contains(board.type);
    TimeUs& idle_since = idle_since_us_[id];
    if (!MayTeach(board, now) || idle_since == 0) idle_since = now;
    if (next_reference_us_[id] > now) continue;
    const BoardRecord& record = board_records_[id];
    const bool regular = record.jobs_since_reference >= policy_.every_jobs ||
                         now - record.last_reference_us >= policy_.every_us;
    if (board.condition.health == v1::BOARD_HEALTH_GOOD && regular &&
        Scheduler::Usable(board, now)) {
      due.push_back(id);
    } else if (board.condition.health == v1::BOARD_HEALTH_SUSPECT) {
      const BoardView* teacher = known ? nullptr : FindTeacher(board.type);
      if (teacher == nullptr) {
        due.push_back(id);
      } else if (scheduler_.PinnedTo(teacher->id) == JobId() &&
                 next_reference_us_[teacher->id] <= now &&
                 std::find(due.begin(), due.end(), teacher->id) == due.end()) {
        due.push_back(teacher->id);
      }
    } else if (!known && now - idle_since >= kIdleBeforeTeachingUs &&
               FindTeacher(board.type) == &board) {
      due.push_back(id);
    }
  }
  for (const BoardId& id : due) {
    if (const Status started = StartReference(*scheduler_.FindBoard(id)); !started.ok()) {
      spdlog::error("no reference job for board {}: {}", id.value, started.message());
      next_reference_us_[id] = now + kRetryReferenceUs;
    }
  }
}

// Outputs were compared already, as those of every job; here comes the count.
Status Dispatcher::JudgeReference(const Lease& lease, EndedAttempt* ended) {
  const BoardView* board = scheduler_.FindBoard(lease.board);
  if (ended->failure || board == nullptr) return {};
  TRY_ASSIGN(const JobContext context, store_.LoadJob(lease.key.job));
  const std::string& image = context.plan.image.sha256();
  const auto counted = CountOf(ended->measurements);
  const auto known = expected_counts_.find({board->type, image});
  const auto log = [&](std::string text) {
    ended->log.push_back({clock_.Now(), "reference job: " + std::move(text)});
  };
  if (known != expected_counts_.end()) {
    ended->failure = CompareCounts(counted, known->second.count, known->second.board_id);
    log(ended->failure ? ended->failure->message()
                       : fmt::format("outputs are right, {} {} as on {}", known->second.count.value,
                                     known->second.count.metric, known->second.board_id));
    return {};
  }
  if (!counted) {
    log("outputs are right; this board counts nothing exact");
    countless_.insert(board->type);
    return {};
  }
  if (board->condition != BoardCondition()) {
    log(
        fmt::format("outputs are right; what a good board counts is not known yet, so {} {} was "
                    "not compared",
                    counted->value, counted->metric));
    return {};
  }
  ended->teaches = {board->type, image, *counted, lease.board.value, lease.key.job};
  log(fmt::format("{} {} is the measure for {} from now on", counted->value, counted->metric,
                  board->type));
  // Others of the same commit are measured by it already.
  expected_counts_[{board->type, image}] = *ended->teaches;
  return {};
}

void Dispatcher::Unlearn(const EndedAttempt& ended) {
  if (ended.teaches) {
    expected_counts_.erase({ended.teaches->board_type, ended.teaches->image_sha256});
  }
}

Status Dispatcher::UpdateCondition(const Lease& lease, const EndedAttempt& ended) {
  BoardView* board = scheduler_.MutableBoard(lease.board);
  if (board == nullptr) return {};
  AttemptVerdict verdict;
  verdict.reference = lease.reference;
  verdict.final = ended.next != v1::JOB_STATE_QUEUED;
  if (ended.failure) {
    verdict.owner = ended.failure->owner();
    verdict.message = ended.failure->message();
  }
  if (lease.reference && verdict.owner == v1::FAILURE_OWNER_SERVICE && verdict.final) {
    next_reference_us_[lease.board] = clock_.Now() + kRetryReferenceUs;
  }
  const BoardCondition next =
      NextCondition(board->condition, verdict, references_.Has(board->type));
  if (next != board->condition) {
    BoardRecord record = board_records_[lease.board];
    record.condition = next;
    TRY(store_.SaveBoardState(record));
    board_records_[lease.board] = std::move(record);
    spdlog::info("board {} is {} now{}", lease.board.value, ToText(next.health),
                 next.reason.empty() ? "" : ": " + next.reason);
    board->condition = next;
  }
  if (lease.reference && verdict.final) Recovered(lease.board);
  return {};
}

void Dispatcher::Recover(const BoardId& id, RecoveryDone done) {
  const BoardView* board = scheduler_.FindBoard(id);
  if (board == nullptr) return done(GetBoard(id).status());
  const auto refuse = [&](std::string why) {
    done(Status(Code::kFailedPrecondition, fmt::format("board '{}' {}", id.value, why)));
  };
  if (!references_.Has(board->type)) {
    return refuse(
        "has a type without a reference job; the server needs firmware and "
        "share/tinyrig/zoo for that");
  }
  if (!board->online || !board->broken.empty()) {
    return refuse(fmt::format("cannot be reached: {}; mend that first",
                              board->online ? board->broken : "its agent is not connected"));
  }
  if (board->maintenance) return refuse("is in maintenance; end that first");
  if (!Scheduler::Usable(*board, INT64_MAX)) return refuse("is reserved; release it first");
  if (scheduler_.PinnedTo(id) == JobId()) {
    if (const Status started = StartReference(*board); !started.ok()) return done(started);
  }
  recoveries_.emplace(id, std::move(done));
  MatchAndOffer();
}

void Dispatcher::Recovered(const BoardId& board) {
  auto [first, last] = recoveries_.equal_range(board);
  std::vector<RecoveryDone> waiting;
  for (auto it = first; it != last; ++it) waiting.push_back(std::move(it->second));
  recoveries_.erase(first, last);
  for (const RecoveryDone& done : waiting) done(GetBoard(board));
}

void Dispatcher::CountReference(const Lease& lease) {
  BoardRecord& record = board_records_[lease.board];
  record.jobs_since_reference = lease.reference ? 0 : record.jobs_since_reference + 1;
  if (lease.reference) record.last_reference_us = clock_.Now();
}

}  // namespace tinyrig::server
