#include "server/store/store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "proto/disk/room.h"
#include "server/model/names.h"
#include "server/model/sha256.h"
#include "server/store/schema.h"

namespace tinyrig::server {
namespace {

/// More than a server leases in a minute. 2^53 is the end of what JSON can hold; this takes
/// decades.
constexpr int64_t kFencesOfMinute = int64_t{1} << 28;

std::span<const std::byte> Blob(const std::string& text) { return AsBytes(text); }

std::optional<std::string> NullIfEmpty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

/// A copy (care.h) that becomes a store: its fences continue where neither the original's nor those
/// of an earlier life of the same copy can be. Agents may have seen both.
Status MoveBeyondCopy(Database& db) {
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(db));
  TRY(db.Run(fmt::format(
      "UPDATE counter SET value=value+(max(0, unixepoch()/60-(SELECT value FROM counter WHERE "
      "name='copied_min'))+1)*{} WHERE name='fence' AND EXISTS(SELECT 1 FROM counter WHERE "
      "name='copied_min')",
      kFencesOfMinute)));
  TRY(db.Run("DELETE FROM counter WHERE name='copied_min'"));
  return transaction.Commit();
}

}  // namespace

Result<Store> Store::Open(const std::filesystem::path& file) {
  TRY_ASSIGN(Database db, Database::Open(file.string(), Database::Mode::kReadWrite));
  TRY(Migrate(db));
  TRY(MoveBeyondCopy(db));
  TRY_ASSIGN(std::unique_ptr<Checkpointer> checkpointer,
             Checkpointer::Start(file.string(), db.handle()));
  Store store(std::move(db), std::move(checkpointer));
  TRY(store.SaveMissingFronts());
  return store;
}

Status Store::CheckRoom() const {
  const char* file = sqlite3_db_filename(db_.handle(), "main");
  if (file == nullptr || *file == '\0') return {};  // In memory.
  return tinyrig::CheckRoom(std::filesystem::path(file).parent_path());
}

Result<Store::Group> Store::BeginGroup() {
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(db_));
  return Group(this, std::move(transaction));
}

Status Store::Group::Commit() {
  const Status status = transaction_.Commit();
  kept_ = status.ok();
  return status;
}

Store::Group::~Group() {
  // Words that were learned within it may be gone with it.
  if (kept_) return;
  store_->metric_ids_.clear();
  store_->method_ids_.clear();
}

Result<std::optional<PlanId>> Store::FindPlan(const PlanRecord& plan) {
  const v1::Variant& v = plan.variant;
  TRY_ASSIGN(Statement found,
             db_.Query("SELECT plan_id FROM plan WHERE model_sha256=? AND kernels=? AND weights=? "
                       "AND fusion=? AND "
                       "synthesis=? AND board_type=? AND build_id=? AND image_sha256=?",
                       plan.model_sha256, v.kernels(), v.weights(), v.fusion(), v.synthesis(),
                       plan.board_type, plan.build_id, plan.image.sha256()));
  TRY_ASSIGN(const bool row, found.Step());
  return row ? std::optional(PlanId(found.Uint(0))) : std::nullopt;
}

Result<PlanId> Store::SavePlan(const PlanRecord& plan) {
  TRY_ASSIGN(const std::optional<PlanId> known, FindPlan(plan));
  if (known) return *known;
  const v1::Variant& v = plan.variant;
  TRY(db_.Run(
      "INSERT INTO plan(model_sha256, kernels, weights, fusion, synthesis, board_type, build_id, "
      "feasible, reason, image, image_sha256, facts, detail) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
      plan.model_sha256, v.kernels(), v.weights(), v.fusion(), v.synthesis(), plan.board_type,
      plan.build_id, plan.feasible ? 1 : 0, plan.reason, Blob(plan.image.SerializeAsString()),
      plan.image.sha256(), PlanFactsToJson(plan.facts), plan.detail));
  return PlanId(static_cast<uint64_t>(db_.LastInsertId()));
}

Result<int64_t> Store::SaveExpected(const ExpectedRecord& expected, TimeUs now) {
  TRY(db_.Run(
      "INSERT INTO expected(model_sha256, vector_set, artifact_sha256, created_us) VALUES(?,?,?,?) "
      "ON CONFLICT DO UPDATE SET artifact_sha256=excluded.artifact_sha256",
      expected.model_sha256, expected.vector_set, expected.artifact_sha256, now));
  TRY_ASSIGN(Statement found,
             db_.Query("SELECT expected_id FROM expected WHERE model_sha256=? AND vector_set=?",
                       expected.model_sha256, expected.vector_set));
  TRY(found.Step());
  return found.Int(0);
}

Status Store::LearnWords(const std::vector<v1::Measurement>& measurements) {
  for (const v1::Measurement& m : measurements) {
    if (!metric_ids_.contains(m.metric())) {
      TRY(db_.Run("INSERT INTO metric(name, unit) VALUES(?,?) ON CONFLICT DO NOTHING", m.metric(),
                  m.unit()));
      TRY_ASSIGN(Statement found,
                 db_.Query("SELECT metric_id FROM metric WHERE name=?", m.metric()));
      TRY(found.Step());
      metric_ids_[m.metric()] = found.Int(0);
    }
    if (!method_ids_.contains(m.method())) {
      TRY(db_.Run("INSERT INTO method(text) VALUES(?) ON CONFLICT DO NOTHING", m.method()));
      TRY_ASSIGN(Statement found,
                 db_.Query("SELECT method_id FROM method WHERE text=?", m.method()));
      TRY(found.Step());
      method_ids_[m.method()] = found.Int(0);
    }
  }
  return {};
}

Status Store::SaveMeasurements(JobId job, uint32_t attempt,
                               const std::vector<v1::Measurement>& measurements) {
  for (const v1::Measurement& m : measurements) {
    TRY(db_.Run(
        "INSERT INTO measurement(job_id, metric_id, attempt, value, uncertainty, method_id) "
        "VALUES(?,?,?,?,?,?)",
        job.value, metric_ids_.at(m.metric()), attempt, m.value(), m.uncertainty(),
        method_ids_.at(m.method())));
  }
  return {};
}

Status Store::SaveLayers(JobId job, const std::vector<v1::LayerHash>& layers) {
  for (const v1::LayerHash& layer : layers) {
    TRY(db_.Run(
        "INSERT OR REPLACE INTO layer_hash(job_id, vector_index, op_index, vector, tflite_index, "
        "op_name, tensor_index, bytes, fnv1a32, ticks, counted, macs, output_shape, form) "
        "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        job.value, layer.vector_index(), layer.op_index(), layer.vector(), layer.tflite_index(),
        layer.op_name(), layer.tensor_index(), layer.bytes(), layer.fnv1a32(), layer.ticks(),
        layer.has_counted() ? std::optional(layer.counted()) : std::nullopt,
        layer.has_macs() ? std::optional(layer.macs()) : std::nullopt,
        fmt::format("{}", fmt::join(layer.output_shape(), "x")), layer.form()));
  }
  return {};
}

Status Store::SaveLog(JobId job, uint32_t attempt, const std::vector<LogEntry>& log) {
  uint64_t line = 0;
  for (const LogEntry& entry : log) {
    TRY(db_.Run(
        "INSERT OR REPLACE INTO log(job_id, attempt, line, time_us, text) VALUES(?,?,?,?,?)",
        job.value, attempt, ++line, entry.time_us, entry.text));
  }
  return {};
}

Status Store::MoveJob(const Change& change, TimeUs now) {
  const std::string_view to = ToText(change.to);
  // State names are the column names of the counters. A job that is new comes from nowhere.
  std::string counters = fmt::format("{0}={0}+1", to);
  if (change.from != v1::JOB_STATE_UNSPECIFIED) {
    counters += fmt::format(", {0}={0}-1", ToText(change.from));
  }
  v1::JobCounts counts;
  {
    TRY_ASSIGN(Statement row,
               db_.Query(fmt::format("UPDATE campaign SET {} WHERE campaign_id=? RETURNING queued, "
                                     "leased, succeeded, failed, infeasible, cancelled",
                                     counters),
                         change.campaign.value));
    TRY(row.Step());
    counts.set_queued(row.Uint32(0));
    counts.set_leased(row.Uint32(1));
    counts.set_succeeded(row.Uint32(2));
    counts.set_failed(row.Uint32(3));
    counts.set_infeasible(row.Uint32(4));
    counts.set_cancelled(row.Uint32(5));
    TRY(row.Step());
  }
  const std::string_view from =
      change.from == v1::JOB_STATE_UNSPECIFIED ? "queued" : ToText(change.from);
  // Setting ended_us, even to what it is, costs a page of its index.
  TRY(IsEnded(change.to) ? db_.Run("UPDATE job SET state=?, ended_us=? WHERE job_id=? AND state=?",
                                   to, now, change.job.value, from)
                         : db_.Run("UPDATE job SET state=? WHERE job_id=? AND state=?", to,
                                   change.job.value, from));
  if (db_.Changes() != 1) {
    return {Code::kInternal, fmt::format("job {} cannot become {}: it is not {} in the database; "
                                         "nothing was changed; please report this",
                                         change.job.value, to, from)};
  }
  if (counts.queued() + counts.leased() == 0) TRY(SaveFront(change.campaign, now));
  return db_.Run(
      "INSERT INTO event(campaign_id, job_id, state, detail, board_id, attempt, time_us, counts) "
      "VALUES(?,?,?,?,?,?,?,?)",
      change.campaign.value, change.job.value, to, change.detail, change.board_id, change.attempt,
      now, Blob(counts.SerializeAsString()));
}

Result<Store::Added> Store::AddCampaign(const NewCampaign& campaign, TimeUs now) {
  const std::string spec_bytes = campaign.spec.SerializeAsString();
  for (const NewJob& job : campaign.jobs) TRY(LearnWords(job.planned));
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(db_));
  if (!campaign.idempotency_key.empty()) {
    TRY_ASSIGN(Statement found,
               db_.Query("SELECT campaign_id, spec FROM campaign WHERE idempotency_key=?",
                         campaign.idempotency_key));
    TRY_ASSIGN(const bool row, found.Step());
    if (row && found.View(1) != spec_bytes) {
      return Status(Code::kAlreadyExists,
                    fmt::format("idempotency key '{}' belongs to campaign {} with another spec; "
                                "use a new key",
                                campaign.idempotency_key, found.Uint(0)));
    }
    if (row) return Added{CampaignId(found.Uint(0)), false, {}};
  }
  TRY(
      db_.Run("INSERT INTO campaign(name, user, idempotency_key, spec, created_us, queued, system) "
              "VALUES(?,?,?,?,?,?,?)",
              campaign.spec.name(), campaign.user, NullIfEmpty(campaign.idempotency_key),
              Blob(spec_bytes), now, uint64_t{campaign.jobs.size()}, campaign.system ? 1 : 0));
  Added added{CampaignId(static_cast<uint64_t>(db_.LastInsertId())), true, {}};
  std::vector<uint64_t> plan_ids;
  for (const std::shared_ptr<const PlanRecord>& plan : campaign.plans) {
    TRY_ASSIGN(const PlanId id, SavePlan(*plan));
    plan_ids.push_back(id.value);
  }
  std::vector<int64_t> expected_ids;
  for (const ExpectedRecord& expected : campaign.expected) {
    TRY_ASSIGN(const int64_t id, SaveExpected(expected, now));
    expected_ids.push_back(id);
  }
  const std::string vector_set = VectorSetKey(campaign.spec.vectors());
  TRY_ASSIGN(const std::shared_ptr<const CampaignTerms> terms,
             MakeTerms(added.campaign, campaign.user, campaign.spec));
  for (const NewJob& job : campaign.jobs) {
    const v1::Variant& v = *job.spec.variant;
    const int64_t expected_id = job.expected ? expected_ids[*job.expected] : 0;
    TRY(
        db_.Run("INSERT INTO job(campaign_id, plan_id, expected_id, model, model_sha256, "
                "model_size, kernels, weights, "
                "fusion, synthesis, board_type, fidelity, vector_set, priority, state, created_us, "
                "pinned_board) VALUES(?,?,NULLIF(?,0),?,?,?,?,?,?,?,?,?,?,?,'queued',?,?)",
                added.campaign.value, plan_ids[job.plan], expected_id, job.spec.model->name(),
                job.spec.model->sha256(), job.spec.model->size_bytes(), v.kernels(), v.weights(),
                v.fusion(), v.synthesis(), job.spec.board_type, ToText(job.fidelity), vector_set,
                campaign.spec.priority(), now, campaign.pinned.value));
    const JobId id(static_cast<uint64_t>(db_.LastInsertId()));
    if (!job.infeasible) {
      QueuedJob queued;
      queued.job = id;
      queued.terms = terms;
      queued.board_type = job.spec.board_type;
      queued.queued_us = now;
      queued.pinned = campaign.pinned;
      added.queued.push_back(std::move(queued));
      continue;
    }
    TRY(db_.Run("UPDATE job SET owner=?, failure=? WHERE job_id=?", ToText(job.infeasible->owner()),
                Blob(job.infeasible->SerializeAsString()), id.value));
    TRY(SaveMeasurements(id, 0, job.planned));
    TRY(MoveJob({added.campaign, id, v1::JOB_STATE_QUEUED, v1::JOB_STATE_INFEASIBLE,
                 job.infeasible->message(), "", 0},
                now));
  }
  TRY(transaction.Commit());
  return added;
}

Result<std::vector<JobId>> Store::CancelJobs(std::string_view where, uint64_t id, TimeUs now) {
  struct Open {
    CampaignId campaign;
    JobId job;
    v1::JobState state;
    uint32_t attempt;
  };
  std::vector<Open> open;
  {
    TRY_ASSIGN(
        Statement rows,
        db_.Query(fmt::format("SELECT campaign_id, job_id, state, last_attempt FROM job WHERE {}=? "
                              "AND state IN ('queued','leased')",
                              where),
                  id));
    for (;;) {
      TRY_ASSIGN(const bool row, rows.Step());
      if (!row) break;
      open.push_back({CampaignId(rows.Uint(0)), JobId(rows.Uint(1)), JobStateFromText(rows.View(2)),
                      rows.Uint32(3)});
    }
  }
  std::vector<JobId> changed;
  for (const Open& job : open) {
    if (job.state == v1::JOB_STATE_LEASED) {
      TRY(
          db_.Run("UPDATE attempt SET ended_us=?, outcome='cancelled' WHERE job_id=? AND attempt=? "
                  "AND ended_us=0",
                  now, job.job.value, job.attempt));
    }
    TRY(MoveJob(
        {job.campaign, job.job, job.state, v1::JOB_STATE_CANCELLED, "cancelled", "", job.attempt},
        now));
    changed.push_back(job.job);
  }
  return changed;
}

Result<std::vector<JobId>> Store::CancelCampaign(CampaignId campaign, TimeUs now) {
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(db_));
  {
    TRY_ASSIGN(Statement found,
               db_.Query("SELECT 1 FROM campaign WHERE campaign_id=?", campaign.value));
    TRY_ASSIGN(const bool row, found.Step());
    if (!row) {
      return Status(
          Code::kNotFound,
          fmt::format("there is no campaign {}; list them to find its number", campaign.value));
    }
  }
  TRY_ASSIGN(std::vector<JobId> changed, CancelJobs("campaign_id", campaign.value, now));
  TRY(transaction.Commit());
  return changed;
}

Result<bool> Store::CancelJob(JobId job, TimeUs now) {
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(db_));
  {
    TRY_ASSIGN(Statement found, db_.Query("SELECT 1 FROM job WHERE job_id=?", job.value));
    TRY_ASSIGN(const bool row, found.Step());
    if (!row)
      return Status(Code::kNotFound,
                    fmt::format("there is no job {}; list jobs to find its number", job.value));
  }
  TRY_ASSIGN(const std::vector<JobId> changed, CancelJobs("job_id", job.value, now));
  TRY(transaction.Commit());
  return !changed.empty();
}

Status Store::SaveFirmware(const std::string& build_id, const std::string& provenance) {
  return db_.Run("INSERT INTO firmware(build_id, provenance) VALUES(?,?) ON CONFLICT DO NOTHING",
                 build_id, provenance);
}

Status Store::SaveArtifactName(const std::string& sha256, const std::string& name,
                               uint64_t size_bytes, TimeUs now) {
  return db_.Run(
      "INSERT INTO artifact(sha256, size_bytes, name, created_us) VALUES(?,?,?,?) ON CONFLICT DO "
      "NOTHING",
      sha256, size_bytes, name, now);
}

}  // namespace tinyrig::server
