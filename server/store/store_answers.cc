#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "server/results/front_facts.h"
#include "server/results/front_goals.h"
#include "server/store/candidates.h"
#include "server/store/store.h"

/// What is kept so that questions over everything need not read everything.
namespace tinyrig::server {

Status Store::UpdateSeries(JobId job, const std::vector<v1::Measurement>& measurements,
                           TimeUs now) {
  int64_t series = 0;
  {
    TRY_ASSIGN(Statement row,
               db_.Query("SELECT j.pinned_board<>'', k.series_id FROM job j LEFT JOIN series_key k "
                         "USING (board_type, model, kernels, weights, fusion, synthesis, fidelity, "
                         "vector_set) WHERE j.job_id=?",
                         job.value));
    TRY(row.Step());
    if (row.Int(0) != 0) return {};  // A check of a board is in no series.
    series = row.Int(1);
  }
  if (series == 0) {
    TRY(db_.Run(
        "INSERT INTO series_key(board_type, model, kernels, weights, fusion, synthesis, fidelity, "
        "vector_set) SELECT board_type, model, kernels, weights, fusion, synthesis, fidelity, "
        "vector_set FROM job WHERE job_id=?",
        job.value));
    series = db_.LastInsertId();
  }
  for (const v1::Measurement& m : measurements) {
    const int64_t metric = metric_ids_.at(m.metric());
    TRY(db_.Run(
        "UPDATE series_metric SET jobs=jobs+1, last_value=?4, last_uncertainty=?5, last_job_id=?3, "
        "last_us=?6, min_job_id=iif(?4<min_value, ?3, min_job_id), min_value=min(min_value, ?4), "
        "max_job_id=iif(?4>max_value, ?3, max_job_id), max_value=max(max_value, ?4) "
        "WHERE series_id=?1 AND metric_id=?2",
        series, metric, job.value, m.value(), m.uncertainty(), now));
    if (db_.Changes() != 0) continue;
    TRY(db_.Run("INSERT INTO series_metric VALUES(?1,?2,1,?4,?5,?3,?6,?4,?3,?4,?3)", series, metric,
                job.value, m.value(), m.uncertainty(), now));
  }
  return {};
}

namespace {

/// The candidates of one board type and fidelity: only they share a front.
struct FrontGroup {
  explicit FrontGroup(size_t axes) : points(axes) {}
  std::vector<JobId> jobs;
  std::vector<std::string> places;  ///< Values of the axes as JSON.
  FrontPoints points;
};

std::string PlaceOf(const std::vector<GoalAxis>& axes, const std::vector<MetricValue>& metrics) {
  nlohmann::ordered_json place;
  for (size_t i = 0; i < axes.size(); ++i) place[axes[i].metric] = metrics[i].value;
  return place.dump();
}

}  // namespace

Status Store::SaveFront(CampaignId campaign, TimeUs now) {
  v1::CampaignSpec spec;
  {
    TRY_ASSIGN(
        Statement row,
        db_.Query("SELECT spec FROM campaign WHERE campaign_id=? AND system=0", campaign.value));
    TRY_ASSIGN(const bool found, row.Step());
    if (!found) return {};
    row.Parse(0, &spec);
  }
  TRY(db_.Run("DELETE FROM front_point WHERE campaign_id=?", campaign.value));
  TRY(db_.Run("UPDATE campaign SET front_us=? WHERE campaign_id=?", now, campaign.value));
  const std::vector<GoalAxis> axes = AxesOf(spec.goals());
  std::vector<std::string> metrics;
  for (const GoalAxis& axis : axes) metrics.push_back(axis.metric);
  CandidateFilter filter;
  filter.campaign = campaign;
  std::map<std::pair<std::string, v1::Fidelity>, FrontGroup> groups;
  TRY(ForEachCandidate(db_, filter, metrics, [&](const Candidate& candidate) -> Status {
    std::vector<Interval> point;
    for (size_t i = 0; i < axes.size(); ++i) {
      const MetricValue& metric = candidate.metrics[i];
      if (!metric.found) return {};
      point.push_back(axes[i].IntervalOf(metric.value, metric.uncertainty));
    }
    const auto group =
        groups.try_emplace({std::string(candidate.board_type), candidate.fidelity}, axes.size())
            .first;
    group->second.jobs.push_back(candidate.job);
    group->second.points.Add(point);
    group->second.places.push_back(PlaceOf(axes, candidate.metrics));
    return {};
  }));
  int64_t ties = 0;
  for (const auto& [kind, group] : groups) {
    const std::vector<bool> on_front = FindFront(group.points);
    const FrontFacts facts = DescribeFront(group.points, on_front);
    std::map<size_t, int64_t> tie_of;
    for (const std::vector<size_t>& tie : facts.ties) {
      ++ties;
      for (const size_t i : tie) tie_of[i] = ties;
    }
    for (size_t i = 0; i < group.jobs.size(); ++i) {
      if (!on_front[i]) continue;
      const auto tie = tie_of.find(i);
      TRY(db_.Run("INSERT INTO front_point(campaign_id, job_id, axes, tie, knee) VALUES(?,?,?,?,?)",
                  campaign.value, group.jobs[i].value, group.places[i],
                  tie == tie_of.end() ? std::nullopt : std::optional(tie->second),
                  facts.knee == i ? 1 : 0));
    }
  }
  return {};
}

Status Store::SaveMissingFronts() {
  std::vector<std::pair<CampaignId, TimeUs>> missing;
  {
    // Campaigns of a database from before there was a table of fronts.
    TRY_ASSIGN(Statement rows,
               db_.Query("SELECT c.campaign_id, max(j.ended_us) FROM campaign c JOIN job j USING "
                         "(campaign_id) WHERE c.system=0 AND c.front_us=0 AND c.queued+c.leased=0 "
                         "GROUP BY c.campaign_id"));
    for (;;) {
      TRY_ASSIGN(const bool row, rows.Step());
      if (!row) break;
      missing.emplace_back(CampaignId(rows.Uint(0)), rows.Int(1));
    }
  }
  for (const auto& [campaign, ended_us] : missing) {
    TRY_ASSIGN(Transaction transaction, Transaction::Begin(db_));
    TRY(SaveFront(campaign, ended_us));
    TRY(transaction.Commit());
  }
  return {};
}

}  // namespace tinyrig::server
