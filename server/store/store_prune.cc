#include <fmt/format.h>

#include "server/store/store.h"

namespace tinyrig::server {
namespace {

std::string Ids(const std::vector<JobId>& jobs) {
  std::string list;
  for (const JobId job : jobs) list += (list.empty() ? "" : ",") + std::to_string(job.value);
  return "[" + list + "]";
}

}  // namespace

Result<uint64_t> Store::DeleteOf(std::string_view table, const std::string& jobs) {
  TRY(db_.Run(fmt::format("DELETE FROM {} WHERE job_id IN (SELECT value FROM json_each(?))", table),
              jobs));
  return static_cast<uint64_t>(db_.Changes());
}

Status Store::DeleteJobs(CampaignId campaign, const std::string& jobs) {
  std::vector<std::pair<std::string, uint64_t>> states;
  std::string plans;
  std::string expected;
  {
    TRY_ASSIGN(Statement rows, db_.Query("SELECT state, count(*) FROM job WHERE job_id IN (SELECT "
                                         "value FROM json_each(?)) GROUP BY state",
                                         jobs));
    for (;;) {
      TRY_ASSIGN(const bool row, rows.Step());
      if (!row) break;
      states.emplace_back(rows.Text(0), rows.Uint(1));
    }
    TRY_ASSIGN(Statement used,
               db_.Query("SELECT json_group_array(DISTINCT plan_id), json_group_array(DISTINCT "
                         "expected_id) FROM job WHERE job_id IN (SELECT value FROM json_each(?))",
                         jobs));
    TRY(used.Step());
    plans = used.Text(0);
    expected = used.Text(1);
  }
  for (const auto& [state, count] : states) {
    TRY(db_.Run(fmt::format("UPDATE campaign SET {0}={0}-? WHERE campaign_id=?", state), count,
                campaign.value));
  }
  TRY(DeleteOf("front_point", jobs).status());
  TRY(DeleteOf("attempt", jobs).status());
  TRY(DeleteOf("job", jobs).status());
  TRY(
      db_.Run("DELETE FROM plan WHERE plan_id IN (SELECT value FROM json_each(?)) AND NOT EXISTS("
              "SELECT 1 FROM job WHERE job.plan_id=plan.plan_id)",
              plans));
  return db_.Run(
      "DELETE FROM expected WHERE expected_id IN (SELECT value FROM json_each(?)) AND NOT EXISTS("
      "SELECT 1 FROM job WHERE job.expected_id=expected.expected_id)",
      expected);
}

Result<Store::Forgotten> Store::Forget(CampaignId campaign, JobId after, bool details_only,
                                       size_t limit) {
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(db_));
  Forgotten piece;
  piece.done = true;
  {
    // A job was run again meanwhile: the campaign is not old any more.
    TRY_ASSIGN(Statement row,
               db_.Query("SELECT queued+leased FROM campaign WHERE campaign_id=?", campaign.value));
    TRY_ASSIGN(const bool found, row.Step());
    if (!found || row.Int(0) != 0) return piece;
  }
  std::vector<JobId> jobs;
  {
    // The newest first: a rerun goes before the job it repeats.
    TRY_ASSIGN(Statement rows,
               db_.Query("SELECT job_id FROM job WHERE campaign_id=? AND (?2=0 OR job_id<?2) ORDER "
                         "BY job_id DESC LIMIT ?",
                         campaign.value, after.value, uint64_t{limit}));
    for (;;) {
      TRY_ASSIGN(const bool row, rows.Step());
      if (!row) break;
      jobs.emplace_back(rows.Uint(0));
    }
  }
  if (!jobs.empty()) {
    const std::string list = Ids(jobs);
    TRY_ASSIGN(piece.counts.log_lines, DeleteOf("log", list));
    TRY(DeleteOf("layer_hash", list).status());
    TRY(DeleteOf("event", list).status());
    piece.counts.jobs = jobs.size();
    if (details_only) {
      TRY(
          db_.Run("UPDATE attempt SET raw_sha256='' WHERE job_id IN (SELECT value FROM "
                  "json_each(?))",
                  list));
    } else {
      TRY_ASSIGN(piece.counts.measurements, DeleteOf("measurement", list));
      TRY(DeleteJobs(campaign, list));
    }
    piece.last = jobs.back();
    piece.done = false;
  } else if (!details_only) {
    TRY(db_.Run("DELETE FROM campaign WHERE campaign_id=?", campaign.value));
  }
  TRY(transaction.Commit());
  return piece;
}

Status Store::ForgetArtifactNames(const std::vector<std::string>& sha256s) {
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(db_));
  for (const std::string& sha256 : sha256s) {
    TRY(db_.Run("DELETE FROM artifact WHERE sha256=?", sha256));
  }
  return transaction.Commit();
}

}  // namespace tinyrig::server
