#include <fmt/format.h>

#include "server/model/names.h"
#include "server/model/sha256.h"
#include "server/scheduling/retry.h"
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

Result<std::shared_ptr<const CampaignTerms>> ReadTerms(const Statement& row, int id_column) {
  v1::CampaignSpec spec;
  if (!row.Parse(id_column + 2, &spec))
    return Status(Code::kDataLoss, "a stored campaign cannot be read; restore a backup");
  return MakeTerms(CampaignId(row.Uint(id_column)), row.Text(id_column + 1), spec);
}

}  // namespace

Status Store::AddLeases(std::span<const Lease> leases, TimeUs now) {
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(db_));
  for (const Lease& lease : leases) {
    TRY(db_.Run("UPDATE counter SET value=max(value, ?) WHERE name='fence'",
                lease.key.fence.value));
    TRY(db_.Run(
        "INSERT INTO attempt(job_id, attempt, fence, board_id, agent_id, started_us, deadline_us) "
        "VALUES(?,?,?,?,?,?,?)",
        lease.key.job.value, lease.key.attempt, lease.key.fence.value, lease.board.value,
        lease.agent.value, now, lease.deadline_us));
    TRY(db_.Run("UPDATE job SET last_attempt=? WHERE job_id=?", lease.key.attempt,
                lease.key.job.value));
    TRY(MoveJob({lease.campaign, lease.key.job, v1::JOB_STATE_QUEUED, v1::JOB_STATE_LEASED,
                 "offered", lease.board.value, lease.key.attempt},
                now));
  }
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
  bool reference = false;
  {
    TRY_ASSIGN(Statement row,
               db_.Query("SELECT a.fence, a.ended_us, a.outcome, a.board_id, j.state, "
                         "j.last_attempt, j.campaign_id, j.pinned_board FROM "
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
    reference = !row.View(7).empty();
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
  TRY(
      db_.Run("UPDATE board SET jobs_since_reference=CASE ?1 WHEN 0 THEN jobs_since_reference+1 "
              "ELSE 0 END, last_reference_us=CASE ?1 WHEN 0 THEN last_reference_us ELSE ?2 END "
              "WHERE board_id=?3",
              reference ? 1 : 0, now, board_id));
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
  if (ended.teaches) TRY(SaveReference(*ended.teaches, now));
  TRY(MoveJob({campaign, key.job, v1::JOB_STATE_LEASED, ended.next, detail, board_id, key.attempt},
              now));
  TRY(transaction.Commit());
  return Outcome::kStored;
}

Status Store::EndWaiting(JobId id, const std::string& why, std::optional<v1::Failure> failure,
                         TimeUs now) {
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(db_));
  CampaignId campaign;
  {
    TRY_ASSIGN(Statement row,
               db_.Query("SELECT campaign_id, state FROM job WHERE job_id=?", id.value));
    TRY_ASSIGN(const bool found, row.Step());
    if (!found || row.View(1) != "queued") return {};
    campaign = CampaignId(row.Uint(0));
  }
  uint32_t attempt = 0;
  std::string board_id;
  v1::Failure last;
  std::vector<std::string> seen;
  {
    TRY_ASSIGN(Statement rows, db_.Query("SELECT attempt, board_id, failure FROM attempt WHERE "
                                         "job_id=? ORDER BY attempt",
                                         id.value));
    for (;;) {
      TRY_ASSIGN(const bool row, rows.Step());
      if (!row) break;
      attempt = rows.Uint32(0);
      board_id = rows.Text(1);
      last.Clear();
      rows.Parse(2, &last);
      seen.push_back(FailedAttemptLine(attempt, board_id, last));
    }
  }
  if (!failure && seen.empty())
    return {Code::kNotFound, fmt::format("job {} never ran; it is left waiting", id.value)};
  if (!failure) failure = last;
  for (const std::string& line : seen) failure->add_evidence(line);
  if (!why.empty()) failure->add_evidence(why);
  TRY(db_.Run("UPDATE job SET owner=?, failure=? WHERE job_id=?", ToText(failure->owner()),
              AsBytes(failure->SerializeAsString()), id.value));
  TRY(MoveJob(
      {campaign, id, v1::JOB_STATE_QUEUED, v1::JOB_STATE_FAILED,
       fmt::format("{}: {}", ToText(failure->owner()), failure->message()), board_id, attempt},
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
      TRY_ASSIGN(before.job.terms, LoadTerms(CampaignId(found.Uint(1))));
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
  TRY_ASSIGN(rerun.job.terms, LoadTerms(context.campaign));
  rerun.job.board_type = context.plan.board_type;
  rerun.job.queued_us = now;
  TRY(MoveJob({context.campaign, rerun.job.job, v1::JOB_STATE_UNSPECIFIED, v1::JOB_STATE_QUEUED,
               fmt::format("job {} again", id.value), "", 0},
              now));
  TRY(transaction.Commit());
  return rerun;
}

Result<Store::Unfinished> Store::LoadUnfinished() {
  // Campaigns have an index of their jobs and know how many have not ended.
  return LoadUnfinished(
      "? IS NOT NULL AND j.campaign_id IN (SELECT campaign_id FROM campaign WHERE queued+leased>0)",
      JobId());
}

Result<Store::Unfinished> Store::LoadUnfinished(JobId job) {
  return LoadUnfinished("j.job_id=?", job);
}

// `which`: of the jobs j, with `job` as its parameter.
Result<Store::Unfinished> Store::LoadUnfinished(std::string_view which, JobId job) {
  Unfinished unfinished;
  {
    TRY_ASSIGN(Statement row, db_.Query("SELECT value FROM counter WHERE name='fence'"));
    TRY(row.Step());
    unfinished.last_fence = Fence(row.Uint(0));
  }
  std::map<CampaignId, std::shared_ptr<const CampaignTerms>> terms;
  std::map<JobId, std::set<BoardId>> avoid;
  {
    TRY_ASSIGN(Statement rows,
               db_.Query(fmt::format("SELECT campaign_id, user, spec FROM campaign WHERE "
                                     "campaign_id IN (SELECT j.campaign_id FROM job j WHERE "
                                     "j.state IN ('queued','leased') AND {})",
                                     which),
                         job.value));
    for (;;) {
      TRY_ASSIGN(const bool row, rows.Step());
      if (!row) break;
      TRY_ASSIGN(terms[CampaignId(rows.Uint(0))], ReadTerms(rows, 0));
    }
  }
  {
    TRY_ASSIGN(Statement rows,
               db_.Query(fmt::format("SELECT a.job_id, a.board_id FROM attempt a JOIN job j USING "
                                     "(job_id) WHERE j.state IN ('queued','leased') AND {} AND "
                                     "a.outcome='bench'",
                                     which),
                         job.value));
    for (;;) {
      TRY_ASSIGN(const bool row, rows.Step());
      if (!row) break;
      avoid[JobId(rows.Uint(0))].insert(BoardId(rows.Text(1)));
    }
  }
  TRY_ASSIGN(
      Statement rows,
      db_.Query(
          fmt::format(
              "SELECT j.job_id, j.campaign_id, j.board_type, j.last_attempt, j.failed_attempts, "
              "j.pinned_board, max(j.created_us, coalesce(a.ended_us, 0)), j.state, a.fence, "
              "a.board_id, a.agent_id, a.deadline_us FROM job j LEFT JOIN attempt a ON "
              "a.job_id=j.job_id AND a.attempt=j.last_attempt WHERE j.state IN "
              "('queued','leased') AND {}",
              which),
          job.value));
  for (;;) {
    TRY_ASSIGN(const bool row, rows.Step());
    if (!row) return unfinished;
    QueuedJob job;
    job.job = JobId(rows.Uint(0));
    job.terms = terms.at(CampaignId(rows.Uint(1)));
    job.board_type = rows.Text(2);
    job.last_attempt = rows.Uint32(3);
    job.failed_attempts = rows.Uint32(4);
    job.pinned = BoardId(rows.Text(5));
    job.queued_us = rows.Int(6);
    job.avoid = avoid[job.job];
    if (rows.View(7) == "queued") {
      unfinished.queued.push_back(std::move(job));
      continue;
    }
    Lease lease;
    lease.key = {job.job, job.last_attempt, Fence(rows.Uint(8))};
    lease.campaign = job.terms->campaign;
    lease.board = BoardId(rows.Text(9));
    lease.agent = AgentId(rows.Text(10));
    lease.deadline_us = rows.Int(11);
    lease.timeout_us = job.terms->timeout_us;
    lease.reference = !job.pinned.value.empty();
    unfinished.leased.emplace_back(std::move(job), std::move(lease));
  }
}

Result<std::shared_ptr<const CampaignTerms>> Store::LoadTerms(CampaignId campaign) {
  TRY_ASSIGN(Statement row, db_.Query("SELECT campaign_id, user, spec FROM campaign WHERE "
                                      "campaign_id=?",
                                      campaign.value));
  TRY(row.Step());
  return ReadTerms(row, 0);
}

Result<JobContext> Store::LoadJob(JobId job) { return LoadJobContext(db_, job); }

}  // namespace tinyrig::server
