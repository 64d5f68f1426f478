#include "server/store/candidates.h"

#include <fmt/format.h>

#include <cmath>

#include "server/model/names.h"

namespace tinyrig::server {
namespace {

constexpr int kFirstMetricParameter = 4;
constexpr int kFirstMetricColumn = 11;

/// Numbers of the metrics; 0, which is none, for what nobody measured yet.
Result<std::vector<int64_t>> MetricIds(Database& db, const std::vector<std::string>& metrics) {
  std::vector<int64_t> ids;
  for (const std::string& metric : metrics) {
    TRY_ASSIGN(Statement row, db.Query("SELECT metric_id FROM metric WHERE name=?", metric));
    TRY_ASSIGN(const bool found, row.Step());
    ids.push_back(found ? row.Int(0) : 0);
  }
  return ids;
}

/// As few texts as there are kinds of selection: each is compiled once. Every metric is a join of
/// its own, so that a job is one row.
std::string CandidateSql(const CandidateFilter& filter, size_t metrics) {
  std::string sql =
      "SELECT j.job_id, j.board_type, j.fidelity, j.model, j.kernels, j.weights, j.fusion, "
      "j.synthesis, a.board_id, c.user, c.name";
  for (size_t i = 0; i < metrics; ++i) sql += fmt::format(", m{0}.value, m{0}.uncertainty", i);
  sql +=
      " FROM job j JOIN campaign c USING (campaign_id) "
      "LEFT JOIN attempt a ON a.job_id=j.job_id AND a.attempt=j.last_attempt";
  for (size_t i = 0; i < metrics; ++i) {
    sql +=
        fmt::format(" LEFT JOIN measurement m{0} ON m{0}.job_id=j.job_id AND m{0}.metric_id=?{1}",
                    i, kFirstMetricParameter + i);
  }
  // The plus keeps SQLite from another order than that of the jobs.
  sql += " WHERE +j.state='succeeded' AND +c.system=0";
  sql += filter.campaign.value != 0 ? " AND j.campaign_id=?1" : " AND ?1=0";
  sql += " AND (?2='' OR +j.board_type=?2) AND (?3='' OR +j.fidelity=?3)";
  return sql + " ORDER BY j.job_id";
}

void ReadCandidate(const Statement& row, Candidate* candidate) {
  candidate->job = JobId(row.Uint(0));
  candidate->board_type = row.View(1);
  candidate->fidelity = FidelityFromText(row.View(2));
  candidate->model = row.View(3);
  candidate->kernels = row.View(4);
  candidate->weights = row.View(5);
  candidate->fusion = row.View(6);
  candidate->synthesis = row.View(7);
  candidate->board = row.View(8);
  candidate->user = row.View(9);
  candidate->campaign = row.View(10);
  int column = kFirstMetricColumn;
  for (MetricValue& metric : candidate->metrics) {
    metric.found = !row.IsNull(column);
    metric.value = row.Real(column++);
    metric.uncertainty = row.Real(column++);
    metric.found &= std::isfinite(metric.value) && std::isfinite(metric.uncertainty);
  }
}

}  // namespace

Status ForEachCandidate(Database& db, const CandidateFilter& filter,
                        const std::vector<std::string>& metrics,
                        const std::function<Status(const Candidate&)>& show) {
  if (metrics.size() > kMaxCandidateMetrics) {
    return {Code::kInvalidArgument, fmt::format("{} metrics at once are too many; name at most {}",
                                                metrics.size(), kMaxCandidateMetrics)};
  }
  TRY_ASSIGN(const std::vector<int64_t> ids, MetricIds(db, metrics));
  const std::string_view fidelity =
      filter.fidelity == v1::FIDELITY_UNSPECIFIED ? "" : ToText(filter.fidelity);
  TRY_ASSIGN(Statement rows, db.Query(CandidateSql(filter, metrics.size()), filter.campaign.value,
                                      filter.board_type, fidelity));
  for (size_t i = 0; i < ids.size(); ++i) {
    rows.BindInt(kFirstMetricParameter + static_cast<int>(i), ids[i]);
  }
  Candidate candidate;
  candidate.metrics.resize(metrics.size());
  for (;;) {
    TRY_ASSIGN(const bool row, rows.Step());
    if (!row) return {};
    ReadCandidate(rows, &candidate);
    TRY(show(candidate));
  }
}

}  // namespace tinyrig::server
