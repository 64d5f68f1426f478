#include "server/cli/report/records.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <cctype>
#include <ctime>
#include <map>
#include <set>

#include "server/cli/campaign/metrics.h"

namespace tinyrig::cli {
namespace {

/// What a job says about itself, for jobs the server has no result of.
void FillFromJob(const v1::Job& job, v1::JobResult& result) {
  if (result.job_id() == 0) result.set_job_id(job.job_id());
  if (result.campaign_id() == 0) result.set_campaign_id(job.campaign_id());
  if (result.model().empty()) result.set_model(job.model().name());
  if (result.model_sha256().empty()) result.set_model_sha256(job.model().sha256());
  if (!result.has_variant()) *result.mutable_variant() = job.variant();
  if (result.board_type().empty()) result.set_board_type(job.board_type());
  if (result.state() == v1::JOB_STATE_UNSPECIFIED) result.set_state(job.state());
  if (!result.has_failure() && job.has_failure()) *result.mutable_failure() = job.failure();
  if (result.ended_us() == 0) result.set_ended_us(job.ended_us());
  if (job.attempts().empty()) return;
  const v1::Attempt& last = *job.attempts().rbegin();
  if (result.attempt() == 0) result.set_attempt(last.attempt());
  if (result.board_id().empty()) result.set_board_id(last.board_id());
}

}  // namespace

std::vector<JobRecord> JoinJobs(const std::vector<v1::Job>& jobs,
                                const std::vector<v1::JobResult>& results) {
  std::map<uint64_t, JobRecord> by_id;
  for (const v1::Job& job : jobs) by_id[job.job_id()].job = job;
  for (const v1::JobResult& result : results) by_id[result.job_id()].result = result;
  std::vector<JobRecord> records;
  for (auto& [id, record] : by_id) {
    FillFromJob(record.job, record.result);
    records.push_back(std::move(record));
  }
  return records;
}

bool OnFront(const CampaignRecord& record, uint64_t job_id) {
  return std::ranges::any_of(record.fronts, [&](const v1::Front& front) {
    return std::ranges::any_of(front.points(),
                               [&](const v1::JobResult& p) { return p.job_id() == job_id; });
  });
}

std::string ModelOfFront(const v1::Front& front) {
  std::set<std::string> models;
  for (const auto* results : {&front.points(), &front.dominated()}) {
    for (const v1::JobResult& result : *results) models.insert(result.model());
  }
  return models.size() == 1 ? *models.begin() : "";
}

std::vector<std::string> MetricsInUse(const std::vector<JobRecord>& jobs) {
  std::set<std::string> used;
  for (const JobRecord& job : jobs) {
    for (const v1::Measurement& m : job.result.measurements()) used.insert(m.metric());
  }
  std::vector<std::string> names;
  for (const MetricInfo& known : KnownMetrics()) {
    if (used.erase(std::string(known.name)) > 0) names.emplace_back(known.name);
  }
  names.insert(names.end(), used.begin(), used.end());
  return names;
}

std::vector<JobOutcome> OutcomesOf(const std::vector<JobRecord>& jobs) {
  std::vector<JobOutcome> outcomes;
  for (const JobRecord& job : jobs) {
    outcomes.push_back({job.result.state(), job.result.failure().owner()});
  }
  return outcomes;
}

std::string EnumWord(std::string_view name, std::string_view prefix) {
  if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  if (name == "UNSPECIFIED") return "";
  std::string word(name);
  std::ranges::transform(word, word.begin(), [](unsigned char c) { return std::tolower(c); });
  return word;
}

std::string StateName(v1::JobState state) {
  return EnumWord(v1::JobState_Name(state), "JOB_STATE_");
}
std::string OwnerName(v1::FailureOwner owner) {
  return EnumWord(v1::FailureOwner_Name(owner), "FAILURE_OWNER_");
}
std::string FidelityName(v1::Fidelity fidelity) {
  return EnumWord(v1::Fidelity_Name(fidelity), "FIDELITY_");
}

std::string FormatTime(int64_t time_us) {
  if (time_us <= 0) return "";
  const std::time_t seconds = time_us / 1'000'000;
  std::tm utc{};
  if (gmtime_r(&seconds, &utc) == nullptr) return "";
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", utc);
}

}  // namespace tinyrig::cli
