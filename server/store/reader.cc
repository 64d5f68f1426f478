#include "server/store/reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/model/names.h"

namespace tinyrig::server {
namespace {

constexpr std::string_view kCampaignColumns =
    "SELECT campaign_id, spec, user, created_us, queued, leased, succeeded, failed, infeasible, "
    "cancelled FROM campaign ";

v1::Campaign ReadCampaign(const Statement& row) {
  v1::Campaign campaign;
  campaign.set_campaign_id(row.Uint(0));
  row.Parse(1, campaign.mutable_spec());
  campaign.set_user(row.Text(2));
  campaign.set_created_us(row.Int(3));
  v1::JobCounts& counts = *campaign.mutable_counts();
  counts.set_queued(row.Uint32(4));
  counts.set_leased(row.Uint32(5));
  counts.set_succeeded(row.Uint32(6));
  counts.set_failed(row.Uint32(7));
  counts.set_infeasible(row.Uint32(8));
  counts.set_cancelled(row.Uint32(9));
  campaign.set_ended(counts.queued() + counts.leased() == 0);
  return campaign;
}

constexpr std::string_view kJobColumns =
    "SELECT job_id, campaign_id, model, model_sha256, model_size, kernels, weights, fusion, "
    "synthesis, board_type, "
    "state, failure, created_us, ended_us FROM job ";

v1::Variant ReadVariant(const Statement& row, int column) {
  v1::Variant variant;
  variant.set_kernels(row.Text(column));
  variant.set_weights(row.Text(column + 1));
  variant.set_fusion(row.Text(column + 2));
  variant.set_synthesis(row.Text(column + 3));
  return variant;
}

v1::Job ReadJob(const Statement& row) {
  v1::Job job;
  job.set_job_id(row.Uint(0));
  job.set_campaign_id(row.Uint(1));
  job.mutable_model()->set_name(row.Text(2));
  job.mutable_model()->set_sha256(row.Text(3));
  job.mutable_model()->set_size_bytes(row.Uint(4));
  *job.mutable_variant() = ReadVariant(row, 5);
  job.set_board_type(row.Text(9));
  job.set_state(JobStateFromText(row.View(10)));
  if (!row.View(11).empty()) row.Parse(11, job.mutable_failure());
  job.set_created_us(row.Int(12));
  job.set_ended_us(row.Int(13));
  return job;
}

Status NotFound(std::string_view noun, uint64_t id) {
  return {Code::kNotFound,
          fmt::format("there is no {} {}; list them to find its number", noun, id)};
}

}  // namespace

Result<std::unique_ptr<Reader>> Reader::Open(const std::filesystem::path& file) {
  TRY_ASSIGN(Database db, Database::Open(file.string(), Database::Mode::kReadOnly));
  return std::unique_ptr<Reader>(new Reader(std::move(db)));
}

Result<std::set<std::string>> Reader::BoardLabels() {
  TRY_ASSIGN(Statement rows, db_.Query("SELECT DISTINCT key FROM board_label"));
  std::set<std::string> labels;
  for (;;) {
    TRY_ASSIGN(const bool row, rows.Step());
    if (!row) return labels;
    labels.insert(rows.Text(0));
  }
}

Result<v1::Campaign> Reader::GetCampaign(CampaignId campaign) {
  TRY_ASSIGN(Statement row,
             db_.Query(std::string(kCampaignColumns) + "WHERE campaign_id=?", campaign.value));
  TRY_ASSIGN(const bool found, row.Step());
  if (!found) return NotFound("campaign", campaign.value);
  return ReadCampaign(row);
}

Result<PageOf<v1::Campaign>> Reader::ListCampaigns(const v1::Page& page) {
  TRY_ASSIGN(const uint64_t before, PageStart(page, INT64_MAX));
  const uint32_t size = PageSize(page);
  TRY_ASSIGN(Statement rows,
             db_.Query(std::string(kCampaignColumns) +
                           "WHERE system=0 AND campaign_id<? ORDER BY campaign_id DESC LIMIT ?",
                       before, size + 1));
  return ReadPage<v1::Campaign>(rows, size, &ReadCampaign, [](const v1::Campaign& campaign) {
    return campaign.campaign_id();
  });
}

Status Reader::FillAttempts(v1::Job* job) {
  TRY_ASSIGN(
      Statement rows,
      db_.Query("SELECT attempt, board_id, agent_id, started_us, ended_us, failure, timeline FROM "
                "attempt WHERE job_id=? ORDER BY attempt",
                job->job_id()));
  for (;;) {
    TRY_ASSIGN(const bool row, rows.Step());
    if (!row) return {};
    v1::Attempt& attempt = *job->add_attempts();
    rows.Parse(6, &attempt);
    attempt.set_attempt(rows.Uint32(0));
    attempt.set_board_id(rows.Text(1));
    attempt.set_agent_id(rows.Text(2));
    attempt.set_started_us(rows.Int(3));
    attempt.set_ended_us(rows.Int(4));
    if (!rows.View(5).empty()) rows.Parse(5, attempt.mutable_failure());
  }
}

Result<v1::Job> Reader::GetJob(JobId id) {
  v1::Job job;
  {
    TRY_ASSIGN(Statement row, db_.Query(std::string(kJobColumns) + "WHERE job_id=?", id.value));
    TRY_ASSIGN(const bool found, row.Step());
    if (!found) return NotFound("job", id.value);
    job = ReadJob(row);
  }
  TRY(FillAttempts(&job));
  return job;
}

Result<PageOf<v1::Job>> Reader::ListJobs(CampaignId campaign,
                                         const std::vector<v1::JobState>& states,
                                         const v1::Page& page) {
  TRY_ASSIGN(const uint64_t after, PageStart(page, 0));
  const uint32_t size = PageSize(page);
  std::string wanted;
  for (v1::JobState state : states)
    wanted += fmt::format("{}'{}'", wanted.empty() ? "" : ",", ToText(state));
  std::string sql = std::string(kJobColumns) + "WHERE job_id>?1";
  // Jobs of the server's own are seen by whoever names their campaign.
  sql += campaign.value != 0 ? " AND campaign_id=?2" : " AND pinned_board=''";
  if (!wanted.empty()) sql += " AND state IN (" + wanted + ")";
  sql += " ORDER BY job_id LIMIT ?3";
  PageOf<v1::Job> result;
  {
    TRY_ASSIGN(Statement rows, db_.Query(sql, after, campaign.value, size + 1));
    TRY_ASSIGN(result, ReadPage<v1::Job>(rows, size, &ReadJob,
                                         [](const v1::Job& job) { return job.job_id(); }));
  }
  for (v1::Job& job : result.items) TRY(FillAttempts(&job));
  return result;
}

Result<std::vector<v1::CampaignEvent>> Reader::Events(CampaignId campaign, uint64_t after,
                                                      uint32_t limit) {
  std::vector<v1::CampaignEvent> events;
  TRY_ASSIGN(
      Statement rows,
      db_.Query("SELECT event_id, job_id, state, detail, board_id, attempt, time_us, counts FROM "
                "event WHERE campaign_id=? AND event_id>? ORDER BY event_id LIMIT ?",
                campaign.value, after, limit));
  for (;;) {
    TRY_ASSIGN(const bool row, rows.Step());
    if (!row) return events;
    v1::CampaignEvent event;
    event.set_event_id(rows.Uint(0));
    event.set_job_id(rows.Uint(1));
    event.set_state(JobStateFromText(rows.View(2)));
    event.set_detail(rows.Text(3));
    event.set_board_id(rows.Text(4));
    event.set_attempt(rows.Uint32(5));
    event.set_time_us(rows.Int(6));
    rows.Parse(7, event.mutable_counts());
    events.push_back(std::move(event));
  }
}

Result<std::vector<v1::LogLine>> Reader::Logs(JobId job, uint64_t skip, uint32_t limit) {
  std::vector<v1::LogLine> lines;
  TRY_ASSIGN(
      Statement rows,
      db_.Query("SELECT time_us, attempt, text FROM log WHERE job_id=? ORDER BY attempt, line "
                "LIMIT ? OFFSET ?",
                job.value, limit, skip));
  for (;;) {
    TRY_ASSIGN(const bool row, rows.Step());
    if (!row) return lines;
    v1::LogLine line;
    line.set_time_us(rows.Int(0));
    line.set_attempt(rows.Uint32(1));
    line.set_text(rows.Text(2));
    lines.push_back(std::move(line));
  }
}

Result<std::string> Reader::RawResult(JobId job) {
  TRY_ASSIGN(
      Statement row,
      db_.Query("SELECT raw_sha256 FROM attempt WHERE job_id=? AND raw_sha256<>'' ORDER BY attempt "
                "DESC LIMIT 1",
                job.value));
  TRY_ASSIGN(const bool found, row.Step());
  return found ? row.Text(0) : std::string();
}

Result<std::string> Reader::FirmwareProvenance(const std::string& build_id) {
  TRY_ASSIGN(Statement row,
             db_.Query("SELECT provenance FROM firmware WHERE build_id=?", build_id));
  TRY_ASSIGN(const bool found, row.Step());
  return found ? row.Text(0) : std::string();
}

Result<JobId> Reader::RerunOf(JobId job) {
  TRY_ASSIGN(Statement row, db_.Query("SELECT rerun_of FROM job WHERE job_id=?", job.value));
  TRY_ASSIGN(const bool found, row.Step());
  return found ? JobId(row.Uint(0)) : JobId();
}

Result<JobContext> LoadJobContext(Database& db, JobId id) {
  TRY_ASSIGN(
      Statement row,
      db.Query("SELECT j.campaign_id, c.spec, j.state, j.fidelity, p.model_sha256, "
               "p.kernels, p.weights, p.fusion, "
               "p.synthesis, p.board_type, p.build_id, p.feasible, p.reason, p.image, "
               "p.facts, p.detail, "
               "e.vector_set, e.artifact_sha256, j.pinned_board FROM job j JOIN campaign c USING "
               "(campaign_id) LEFT JOIN plan p "
               "USING (plan_id) LEFT JOIN expected e USING (expected_id) WHERE j.job_id=?",
               id.value));
  TRY_ASSIGN(const bool found, row.Step());
  if (!found) return NotFound("job", id.value);
  JobContext context;
  context.job = id;
  context.campaign = CampaignId(row.Uint(0));
  context.state = JobStateFromText(row.View(2));
  context.fidelity = FidelityFromText(row.View(3));
  PlanRecord& plan = context.plan;
  plan.model_sha256 = row.Text(4);
  plan.variant = ReadVariant(row, 5);
  plan.board_type = row.Text(9);
  plan.build_id = row.Text(10);
  plan.feasible = row.Int(11) != 0;
  plan.reason = row.Text(12);
  plan.detail = row.Text(15);
  context.expected = {plan.model_sha256, row.Text(16), row.Text(17)};
  context.pinned = BoardId(row.Text(18));
  if (!row.Parse(1, &context.spec) || !row.Parse(13, &plan.image) ||
      !PlanFactsFromJson(row.Text(14), &plan.facts)) {
    return Status(
        Code::kDataLoss,
        fmt::format("what is stored of job {} cannot be read; restore a backup", id.value));
  }
  return context;
}

Result<ReaderPool::Lent> ReaderPool::Borrow() {
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      Lent lent(this, std::move(free_.back()));
      free_.pop_back();
      return lent;
    }
  }
  TRY_ASSIGN(std::unique_ptr<Reader> reader, Reader::Open(file_));
  return Lent(this, std::move(reader));
}

void ReaderPool::Return(std::unique_ptr<Reader> reader) {
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(reader));
}

}  // namespace tinyrig::server
