#include "server/service/front_query.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "server/model/names.h"
#include "server/results/front_facts.h"
#include "server/results/front_goals.h"
#include "server/results/metrics.h"
#include "server/service/front_filter.h"

namespace tinyrig::server {
namespace {

constexpr std::array<const char*, 2> kMemories = {"ram_model_bytes", "flash_model_bytes"};
constexpr std::array<uint64_t, 4> kMemoryLimits = {32'000, 64'000, 128'000, 256'000};
constexpr size_t kMaxNotes = 20;

Status CheckMetrics(const std::vector<GoalAxis>& axes) {
  for (const GoalAxis& axis : axes) {
    if (FindMetric(axis.metric) == nullptr) {
      return {Code::kInvalidArgument,
              fmt::format("metric '{}' is not known; server/README.md lists them", axis.metric)};
    }
  }
  return {};
}

/// What the question is about, with the intervals of the goals and of the memories.
struct Considered {
  explicit Considered(size_t axes) : points(axes) {}
  std::vector<JobId> jobs;
  FrontPoints points;
  std::array<std::vector<double>, kMemories.size()> memories;  ///< Upper ends.
  v1::Fidelity fidelity = v1::FIDELITY_UNSPECIFIED;
  std::vector<std::string> left_out;
  size_t missing = 0;
};

Status Consider(const Candidate& candidate, const std::vector<GoalAxis>& axes, Considered* all) {
  if (all->fidelity != v1::FIDELITY_UNSPECIFIED && candidate.fidelity != all->fidelity) {
    return {Code::kInvalidArgument,
            "the selection mixes hardware, emulated or native results, which never share a front; "
            "choose a fidelity"};
  }
  all->fidelity = candidate.fidelity;
  std::vector<Interval> point;
  std::vector<std::string_view> missing;
  for (size_t i = 0; i < axes.size(); ++i) {
    const MetricValue& metric = candidate.metrics[i];
    if (!metric.found) missing.push_back(axes[i].metric);
    point.push_back(axes[i].IntervalOf(metric.value, metric.uncertainty));
  }
  if (!missing.empty()) {
    if (++all->missing <= kMaxNotes) {
      all->left_out.push_back(fmt::format("job {} is left out: it has no {}", candidate.job.value,
                                          fmt::join(missing, ", ")));
    }
    return {};
  }
  all->jobs.push_back(candidate.job);
  all->points.Add(point);
  for (size_t i = 0; i < kMemories.size(); ++i) {
    const MetricValue& memory = candidate.metrics[axes.size() + i];
    all->memories[i].push_back(memory.found ? IntervalOf(memory.value, memory.uncertainty).hi
                                            : std::numeric_limits<double>::infinity());
  }
  return {};
}

void AddBest(const Considered& all, v1::Front* front) {
  const auto first_goal = [&](size_t i) { return all.points[i][0].lo + all.points[i][0].hi; };
  for (size_t memory = 0; memory < kMemories.size(); ++memory) {
    for (const uint64_t limit : kMemoryLimits) {
      std::optional<size_t> best;
      for (size_t i = 0; i < all.jobs.size(); ++i) {
        if (all.memories[memory][i] > static_cast<double>(limit)) continue;
        if (!best || first_goal(i) < first_goal(*best)) best = i;
      }
      v1::BestUnder& under = *front->add_best();
      under.set_metric(kMemories[memory]);
      under.set_limit_bytes(limit);
      under.set_job_id(best ? all.jobs[*best].value : 0);
    }
  }
}

Status AddResult(Reader& reader, JobId job, google::protobuf::RepeatedPtrField<v1::JobResult>* to) {
  ResultFilter filter;
  filter.job = job;
  TRY_ASSIGN(std::vector<v1::JobResult> found, reader.AllResults(filter));
  // Pruned a moment ago: it is gone from the front as well.
  if (!found.empty()) *to->Add() = std::move(found.front());
  return {};
}

Status AddPoints(Reader& reader, const Considered& all, const std::vector<bool>& on_front,
                 v1::Front* front) {
  std::array<size_t, 2> counts{};
  for (size_t i = 0; i < all.jobs.size(); ++i) {
    if (++counts[on_front[i] ? 0 : 1] > kMaxListedPoints) continue;
    TRY(AddResult(reader, all.jobs[i],
                  on_front[i] ? front->mutable_points() : front->mutable_dominated()));
  }
  const std::array<std::string_view, 2> words = {"are on the front", "are dominated"};
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] <= kMaxListedPoints) continue;
    front->add_notes(fmt::format("{} results {}; the first {} are listed", counts[i], words[i],
                                 kMaxListedPoints));
  }
  return {};
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
  if (front.goals().minimize_size() + front.goals().maximize_size() == 0) {
    return Status(Code::kInvalidArgument,
                  "a front needs goals; name metrics to minimise or maximise");
  }
  const std::vector<GoalAxis> axes = AxesOf(front.goals());
  TRY(CheckMetrics(axes));
  std::vector<std::string> metrics;
  for (const GoalAxis& axis : axes) metrics.push_back(axis.metric);
  metrics.insert(metrics.end(), kMemories.begin(), kMemories.end());
  TRY_ASSIGN(const FrontFilter wanted, FrontFilter::Of(request));
  const size_t first_wanted = metrics.size();
  metrics.insert(metrics.end(), wanted.metrics().begin(), wanted.metrics().end());
  CandidateFilter filter;
  filter.campaign = CampaignId(request.campaign_id());
  filter.board_type = request.board_type();
  filter.fidelity = request.fidelity();
  Considered all(axes.size());
  TRY(reader.ForEachCandidate(filter, metrics, [&](const Candidate& candidate) -> Status {
    if (!wanted.Holds(candidate, first_wanted)) return {};
    return Consider(candidate, axes, &all);
  }));

  const std::vector<bool> on_front = FindFront(all.points);
  const FrontFacts facts = DescribeFront(all.points, on_front);
  for (std::string& note : all.left_out) front.add_notes(std::move(note));
  if (all.missing > kMaxNotes) {
    front.add_notes(fmt::format("{} more are left out for such reasons", all.missing - kMaxNotes));
  }
  TRY(AddPoints(reader, all, on_front, &front));
  for (const std::vector<size_t>& tie : facts.ties) {
    v1::Tie& jobs = *front.add_ties();
    for (const size_t i : tie) jobs.add_job_ids(all.jobs[i].value);
  }
  if (facts.knee) front.set_knee_job_id(all.jobs[*facts.knee].value);
  if (facts.hypervolume) front.set_hypervolume(*facts.hypervolume);
  AddBest(all, &front);
  return front;
}

}  // namespace tinyrig::server
