#include "server/service/front_query.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "server/model/names.h"
#include "server/results/front.h"
#include "server/results/metrics.h"

namespace tinyrig::server {
namespace {

struct Axis {
  std::string metric;
  bool maximize;
};

Result<std::vector<Axis>> AxesOf(const v1::Goals& goals) {
  std::vector<Axis> axes;
  for (const std::string& metric : goals.minimize()) axes.push_back({metric, false});
  for (const std::string& metric : goals.maximize()) axes.push_back({metric, true});
  if (axes.empty())
    return Status(Code::kInvalidArgument,
                  "a front needs goals; name metrics to minimise or maximise");
  for (const Axis& axis : axes) {
    if (FindMetric(axis.metric) == nullptr) {
      return Status(
          Code::kInvalidArgument,
          fmt::format("metric '{}' is not known; server/README.md lists them", axis.metric));
    }
  }
  return axes;
}

const v1::Measurement* Find(const v1::JobResult& result, const std::string& metric) {
  for (const v1::Measurement& m : result.measurements()) {
    if (m.metric() == metric) return &m;
  }
  return nullptr;
}

Status CheckFidelity(const std::vector<v1::JobResult>& results) {
  std::set<v1::Fidelity> fidelities;
  for (const v1::JobResult& result : results) fidelities.insert(result.fidelity());
  if (fidelities.size() <= 1) return {};
  return {Code::kInvalidArgument,
          "the selection mixes hardware, emulated or native results, which never share a front; "
          "choose a fidelity"};
}

}  // namespace

Result<v1::Front> QueryFront(Reader& reader, const v1::GetFrontRequest& request) {
  v1::Front front;
  *front.mutable_goals() = request.goals();
  if (request.campaign_id() != 0) {
    TRY_ASSIGN(const v1::Campaign campaign, reader.GetCampaign(CampaignId(request.campaign_id())));
    if (request.goals().minimize_size() + request.goals().maximize_size() == 0) {
      *front.mutable_goals() = campaign.spec().goals();
    }
  }
  TRY_ASSIGN(const std::vector<Axis> axes, AxesOf(front.goals()));
  ResultFilter filter;
  filter.campaign = CampaignId(request.campaign_id());
  filter.board_type = request.board_type();
  filter.state = v1::JOB_STATE_SUCCEEDED;
  TRY_ASSIGN(std::vector<v1::JobResult> results, reader.AllResults(filter));
  if (request.fidelity() != v1::FIDELITY_UNSPECIFIED) {
    std::erase_if(results,
                  [&](const v1::JobResult& r) { return r.fidelity() != request.fidelity(); });
  }
  TRY(CheckFidelity(results));

  std::vector<const v1::JobResult*> candidates;
  std::vector<FrontPoint> points;
  for (const v1::JobResult& result : results) {
    FrontPoint point;
    std::string missing;
    for (const Axis& axis : axes) {
      const v1::Measurement* m = Find(result, axis.metric);
      if (m == nullptr) {
        missing += (missing.empty() ? "" : ", ") + axis.metric;
        continue;
      }
      const Interval interval = IntervalOf(m->value(), m->uncertainty());
      point.push_back(axis.maximize ? Negated(interval) : interval);
    }
    if (!missing.empty()) {
      front.add_notes(fmt::format("job {} is left out: it has no {}", result.job_id(), missing));
      continue;
    }
    candidates.push_back(&result);
    points.push_back(std::move(point));
  }
  const std::vector<bool> on_front = FindFront(points);
  for (size_t i = 0; i < candidates.size(); ++i) {
    *(on_front[i] ? front.add_points() : front.add_dominated()) = *candidates[i];
  }
  return front;
}

Result<v1::CompareJobsResponse> CompareJobs(Reader& reader, const v1::CompareJobsRequest& request) {
  std::vector<v1::JobResult> pair;
  for (uint64_t id : {request.base_job_id(), request.other_job_id()}) {
    ResultFilter filter;
    filter.job = JobId(id);
    TRY_ASSIGN(std::vector<v1::JobResult> found, reader.AllResults(filter));
    if (found.empty()) {
      return Status(Code::kNotFound,
                    fmt::format("job {} does not exist or has not ended; list jobs to see", id));
    }
    pair.push_back(std::move(found.front()));
  }
  TRY(CheckFidelity(pair));
  v1::CompareJobsResponse response;
  for (const v1::Measurement& base : pair[0].measurements()) {
    const v1::Measurement* other = Find(pair[1], base.metric());
    if (other == nullptr) continue;
    v1::MetricChange& change = *response.add_changes();
    change.set_metric(base.metric());
    change.set_base(base.value());
    change.set_other(other->value());
    change.set_unit(base.unit());
    const Interval a = IntervalOf(base.value(), base.uncertainty());
    const Interval b = IntervalOf(other->value(), other->uncertainty());
    change.set_separated(a.hi < b.lo || b.hi < a.lo);
  }
  return response;
}

}  // namespace tinyrig::server
