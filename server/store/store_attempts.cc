#include <fmt/format.h>

#include "server/model/names.h"
#include "server/model/sha256.h"
#include "server/store/store.h"

namespace tinyrig::server {
namespace {

// Spans and what link and flash did are kept as one message; Attempt is the one that has them.
std::string PackDetails(const EndedAttempt& ended) {
  v1::Attempt holder;
  for (const v1::Span& span : ended.timeline) *holder.add_timeline() = span;
  if (ended.link) *holder.mutable_link() = *ended.link;
  if (ended.flash) *holder.mutable_flash() = *ended.flash;
  return holder.SerializeAsString();
}

/// The last attempt's failure with the earlier ones as evidence: often they say more.
std::string FailureOfJob(const EndedAttempt& ended) {
  if (!ended.failure) return {};
  v1::Failure failure = *ended.failure;
  for (const std::string& line : ended.earlier_failures) failure.add_evidence(line);
  return failure.SerializeAsString();
}

QueuedJob ReadQueuedJob(const Statement& row) {
  QueuedJob job;
  job.job = JobId(row.Uint(0));
  job.campaign = CampaignId(row.Uint(1));
  job.board_type = row.Text(2);
  job.priority = static_cast<int32_t>(row.Int(3));
  job.last_attempt = row.Uint32(4);
  job.failed_attempts = row.Uint32(5);
  job.pinned = BoardId(row.Text(11));
  return job;
}

}  // namespace

Status Store::AddLease(const Lease& lease, TimeUs now) {
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(db_));
  TRY(db_.Run("UPDATE counter SET value=max(value, ?) WHERE name='fence'", lease.key.fence.value));
  TRY(db_.Run(
      "INSERT INTO attempt(job_id, attempt, fence, board_id, agent_id, started_us, deadline_us) "
      "VALUES(?,?,?,?,?,?,?)",
      lease.key.job.value, lease.key.attempt, lease.key.fence.value, lease.board.value,
      lease.agent.value, now, lease.deadline_us));
  TRY(db_.Run("UPDATE job SET last_attempt=? WHERE job_id=?", lease.key.attempt,
              lease.key.job.value));
  TRY(MoveJob({lease.campaign, lease.key.job, v1::JOB_STATE_QUEUED, v1::JOB_STATE_LEASED, "offered",
               lease.board.value, lease.key.attempt},
              now));
  return transaction.Commit();
}

Status Store::DropLease(const Lease& lease, const std::string& reason, TimeUs now) {
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(db_));
  TRY(db_.Run("DELETE FROM attempt WHERE job_id=? AND attempt=? AND fence=? AND ended_us=0",
              lease.key.job.value, lease.key.attempt, lease.key.fence.value));
  if (db_.Changes() == 0) return {};  // Never stored.
  TRY(MoveJob({lease.campaign, lease.key.job, v1::JOB_STATE_LEASED, v1::JOB_STATE_QUEUED, reason,
               lease.board.value, lease.key.attempt},
              now));
  return transaction.Commit();
}

Result<Store::Outcome> Store::EndAttempt(const EndedAttempt& ended, TimeUs now) {
  TRY(LearnWords(ended.measurements));
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(db_));
  const LeaseKey& key = ended.key;
  std::string board_id;
  CampaignId campaign;
  {
    TRY_ASSIGN(Statement row,
               db_.Query("SELECT a.fence, a.ended_us, a.outcome, a.board_id, j.state, "
                         "j.last_attempt, j.campaign_id FROM "
                         "attempt a JOIN job j USING (job_id) WHERE a.job_id=? AND a.attempt=?",
                         key.job.value, key.attempt));
    TRY_ASSIGN(const bool found, row.Step());
    if (!found || row.Uint(0) != key.fence.value) return Outcome::kStale;
    // An end that the server decided itself (raw_sha256 empty, outcome lost) is no duplicate of a
    // result, but the result comes too late all the same.
    if (row.Int(1) != 0) {
      const bool by_result = row.View(2) != "cancelled" && row.View(2) != "service";
      return by_result ? Outcome::kDuplicate : Outcome::kStale;
    }
    if (row.View(4) != "leased" || row.Uint32(5) != key.attempt) return Outcome::kStale;
    board_id = row.Text(3);
    campaign = CampaignId(row.Uint(6));
  }
  const std::string_view owner =
      ended.failure ? ToText(ended.failure->owner()) : std::string_view("succeeded");
  const std::string failure = ended.failure ? ended.failure->SerializeAsString() : std::string();
  TRY(
      db_.Run("UPDATE attempt SET started_us=CASE ?1 WHEN 0 THEN started_us ELSE ?1 END, "
              "ended_us=?2, outcome=?3, "
              "failure=?4, timeline=?5, raw_sha256=?6 WHERE job_id=?7 AND attempt=?8",
              ended.started_us, ended.ended_us == 0 ? now : ended.ended_us, owner, AsBytes(failure),
              AsBytes(PackDetails(ended)), ended.raw_sha256, key.job.value, key.attempt));
  TRY(SaveLog(key.job, key.attempt, ended.log));
  std::string detail;
  if (ended.failure) {
    detail = fmt::format("{}: {}", ToText(ended.failure->owner()), ended.failure->message());
    if (!IsEnded(ended.next)) {
      TRY(db_.Run("UPDATE job SET failed_attempts=failed_attempts+1 WHERE job_id=?",
                  key.job.value));
    }
  }
  if (IsEnded(ended.next)) {
    const std::string of_job = FailureOfJob(ended);
    TRY(db_.Run("UPDATE job SET owner=?, failure=? WHERE job_id=?",
                ended.failure ? ToText(ended.failure->owner()) : std::string_view(),
                AsBytes(of_job), key.job.value));
    TRY(SaveMeasurements(key.job, key.attempt, ended.measurements));
    TRY(SaveLayers(key.job, ended.layers));
    if (ended.next == v1::JOB_STATE_SUCCEEDED) TRY(UpdateSeries(key.job, ended.measurements, now));
  }
  TRY(MoveJob({campaign, key.job, v1::JOB_STATE_LEASED, ended.next, detail, board_id, key.attempt},
              now));
  TRY(transaction.Commit());
  return Outcome::kStored;
}

Status Store::GiveUp(JobId id, const std::string& why, TimeUs now) {
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(db_));
  CampaignId campaign;
  v1::Failure failure;
  uint32_t attempt = 0;
  std::string board_id;
  {
    TRY_ASSIGN(Statement rows,
               db_.Query("SELECT j.campaign_id, j.state, a.attempt, a.board_id, a.failure FROM job "
                         "j JOIN attempt a USING (job_id) WHERE j.job_id=? ORDER BY a.attempt",
                         id.value));
    std::vector<std::string> seen;
    for (;;) {
      TRY_ASSIGN(const bool row, rows.Step());
      if (!row) break;
      if (rows.View(1) != "queued") return {};
      campaign = CampaignId(rows.Uint(0));
      attempt = rows.Uint32(2);
      board_id = rows.Text(3);
      failure.Clear();
      rows.Parse(4, &failure);
      seen.push_back(fmt::format("attempt {} on {} ({}): {}", attempt, board_id,
                                 ToText(failure.owner()), failure.message()));
    }
    if (seen.empty())
      return {Code::kNotFound, fmt::format("job {} never ran; it is left waiting", id.value)};
    for (const std::string& line : seen) failure.add_evidence(line);
    failure.add_evidence(why);
  }
  TRY(db_.Run("UPDATE job SET owner=?, failure=? WHERE job_id=?", ToText(failure.owner()),
              AsBytes(failure.SerializeAsString()), id.value));
  TRY(MoveJob(
      {campaign, id, v1::JOB_STATE_QUEUED, v1::JOB_STATE_FAILED,
       fmt::format("{}: {}", ToText(failure.owner()), failure.message()), board_id, attempt},
      now));
  return transaction.Commit();
}

Result<Store::Rerun> Store::RerunJob(JobId id, const std::string& idempotency_key, TimeUs now) {
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(db_));
  if (!idempotency_key.empty()) {
    TRY_ASSIGN(Statement found,
               db_.Query("SELECT job_id, campaign_id FROM job WHERE rerun_key=?", idempotency_key));
    TRY_ASSIGN(const bool row, found.Step());
    if (row) {
      Rerun before;
      before.job.job = JobId(found.Uint(0));
      before.job.campaign = CampaignId(found.Uint(1));
      return before;
    }
  }
  TRY_ASSIGN(const JobContext context, LoadJob(id));
  if (!context.pinned.value.empty()) {
    return Status(Code::kFailedPrecondition,
                  fmt::format("job {} checked board {}; to check it again: tinyrig board recover "
                              "{}",
                              id.value, context.pinned.value, context.pinned.value));
  }
  if (!IsEnded(context.state) || !context.plan.feasible) {
    return Status(
        Code::kFailedPrecondition,
        fmt::format("job {} cannot be run again: it {}", id.value,
                    IsEnded(context.state) ? "never had an image; see why it is infeasible"
                                           : "has not ended; wait for it or cancel it"));
  }
  TRY(
      db_.Run("INSERT INTO job(campaign_id, plan_id, expected_id, model, model_sha256, model_size, "
              "kernels, weights, "
              "fusion, synthesis, board_type, fidelity, vector_set, priority, state, rerun_of, "
              "rerun_key, created_us) "
              "SELECT campaign_id, plan_id, expected_id, model, model_sha256, model_size, kernels, "
              "weights, fusion, "
              "synthesis, board_type, fidelity, vector_set, priority, 'queued', job_id, "
              "NULLIF(?,''), ? FROM job WHERE "
              "job_id=?",
              idempotency_key, now, id.value));
  Rerun rerun;
  rerun.created = true;
  rerun.job.job = JobId(static_cast<uint64_t>(db_.LastInsertId()));
  rerun.job.campaign = context.campaign;
  rerun.job.board_type = context.plan.board_type;
  rerun.job.priority = context.spec.priority();
  rerun.job.timeout_us = TimeUs{context.spec.attempt_timeout_s()} * 1'000'000;
  TRY(MoveJob({context.campaign, rerun.job.job, v1::JOB_STATE_UNSPECIFIED, v1::JOB_STATE_QUEUED,
               fmt::format("job {} again", id.value), "", 0},
              now));
  TRY(transaction.Commit());
  return rerun;
}

Result<Store::Unfinished> Store::LoadUnfinished() {
  Unfinished unfinished;
  {
    TRY_ASSIGN(Statement row, db_.Query("SELECT value FROM counter WHERE name='fence'"));
    TRY(row.Step());
    unfinished.last_fence = Fence(row.Uint(0));
  }
  std::map<CampaignId, TimeUs> timeouts;
  std::map<JobId, std::set<BoardId>> avoid;
  {
    TRY_ASSIGN(Statement rows,
               db_.Query("SELECT DISTINCT c.campaign_id, c.spec FROM campaign c WHERE c.queued + "
                         "c.leased > 0"));
    for (;;) {
      TRY_ASSIGN(const bool row, rows.Step());
      if (!row) break;
      v1::CampaignSpec spec;
      if (!rows.Parse(1, &spec))
        return Status(Code::kDataLoss, "a stored campaign cannot be read; restore a backup");
      timeouts[CampaignId(rows.Uint(0))] = TimeUs{spec.attempt_timeout_s()} * 1'000'000;
    }
  }
  {
    TRY_ASSIGN(
        Statement rows,
        db_.Query("SELECT a.job_id, a.board_id FROM attempt a JOIN job j USING (job_id) WHERE "
                  "j.state IN ('queued','leased') AND a.outcome='bench'"));
    for (;;) {
      TRY_ASSIGN(const bool row, rows.Step());
      if (!row) break;
      avoid[JobId(rows.Uint(0))].insert(BoardId(rows.Text(1)));
    }
  }
  TRY_ASSIGN(
      Statement rows,
      db_.Query(
          "SELECT j.job_id, j.campaign_id, j.board_type, j.priority, j.last_attempt, "
          "j.failed_attempts, "
          "j.state, a.fence, a.board_id, a.agent_id, a.deadline_us, j.pinned_board FROM job j LEFT "
          "JOIN attempt a "
          "ON "
          "a.job_id=j.job_id AND a.attempt=j.last_attempt WHERE j.state IN ('queued','leased')"));
  for (;;) {
    TRY_ASSIGN(const bool row, rows.Step());
    if (!row) break;
    QueuedJob job = ReadQueuedJob(rows);
    job.timeout_us = timeouts[job.campaign];
    job.avoid = avoid[job.job];
    if (rows.View(6) == "queued") {
      unfinished.queued.push_back(std::move(job));
      continue;
    }
    Lease lease;
    lease.key = {job.job, job.last_attempt, Fence(rows.Uint(7))};
    lease.campaign = job.campaign;
    lease.board = BoardId(rows.Text(8));
    lease.agent = AgentId(rows.Text(9));
    lease.deadline_us = rows.Int(10);
    lease.timeout_us = job.timeout_us;
    lease.reference = !job.pinned.value.empty();
    unfinished.leased.emplace_back(std::move(job), std::move(lease));
  }
  return unfinished;
}

Result<std::vector<BoardRecord>> Store::LoadBoards() {
  TRY(db_.Run("UPDATE agent SET connected=0"));
  std::vector<BoardRecord> boards;
  TRY_ASSIGN(Statement rows,
             db_.Query("SELECT board_id, board_type, agent_id, probe_serial, mcu_uid, health, "
                       "maintenance, maintenance_reason, reserved_by, reserve_reason, "
                       "reserved_until_us, health_reason, ever_suspect FROM board"));
  for (;;) {
    TRY_ASSIGN(const bool row, rows.Step());
    if (!row) return boards;
    BoardRecord board;
    board.board_id = rows.Text(0);
    board.board_type = rows.Text(1);
    board.agent_id = rows.Text(2);
    board.probe_serial = rows.Text(3);
    board.mcu_uid = rows.Text(4);
    board.condition = {BoardHealthFromText(rows.View(5)), rows.Text(11), rows.Int(12) != 0};
    board.maintenance = rows.Int(6) != 0;
    board.maintenance_reason = rows.Text(7);
    board.reserved_by = rows.Text(8);
    board.reserve_reason = rows.Text(9);
    board.reserved_until_us = rows.Int(10);
    boards.push_back(std::move(board));
  }
}

Result<std::vector<AgentRecord>> Store::LoadAgents() {
  std::vector<AgentRecord> agents;
  TRY_ASSIGN(Statement rows,
             db_.Query("SELECT agent_id, bench, version, connected, last_seen_us FROM agent"));
  for (;;) {
    TRY_ASSIGN(const bool row, rows.Step());
    if (!row) return agents;
    agents.push_back({rows.Text(0), rows.Text(1), rows.Text(2), rows.Int(3) != 0, rows.Int(4)});
  }
}

Result<JobContext> Store::LoadJob(JobId job) { return LoadJobContext(db_, job); }

}  // namespace tinyrig::server
