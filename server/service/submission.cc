#include "server/service/submission.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "firmware/compiler/fusion/setting.h"
#include "server/model/board_expression.h"
#include "server/model/campaign.h"
#include "server/model/names.h"
#include "server/planning/expected.h"
#include "server/planning/fit.h"
#include "server/planning/planner.h"
#include "server/results/evaluate.h"

namespace tinyrig::server {
namespace {

Status NoSuchBoards(const std::string& entry, const Catalog& catalog) {
  std::vector<std::string> known;
  for (const v1::BoardType& board_type : catalog.BoardTypes()) known.push_back(board_type.name());
  return {Code::kFailedPrecondition,
          known.empty() ? "this server has no firmware; start it with --firmware DIR"
                        : fmt::format("board_types: '{}' is no board type and fits none; there is "
                                      "firmware for: {}",
                                      entry, fmt::join(known, ", "))};
}

// A word that no type and no board knows would keep jobs waiting for ever.
Status CheckLabels(const std::string& entry, const Expression& expression,
                   const std::set<std::string>& labels) {
  for (const std::string& name : LabelNames(expression)) {
    if (labels.contains(name)) continue;
    return {Code::kFailedPrecondition,
            fmt::format("board_types: in '{}', '{}' is no property of boards ({}) and no label of "
                        "any board (there are: {})",
                        entry, name, fmt::join(BoardProperties(), ", "), fmt::join(labels, ", "))};
  }
  return {};
}

// Types that an entry can match, each once, in the order of the entries and by name.
Result<std::vector<std::string>> ResolveBoardTypes(const v1::CampaignSpec& spec,
                                                   const SubmissionContext& context) {
  std::vector<std::string> types;
  for (const std::string& entry : spec.board_types()) {
    TRY_ASSIGN(const Expression expression, ParseBoards(std::span(&entry, 1)));
    TRY(CheckLabels(entry, expression, context.labels));
    bool fits = false;
    for (const v1::BoardType& type : context.catalog.BoardTypes()) {
      const BoardFacts facts{&type, type.name(), {}, {}, nullptr};
      if (EvaluateBoard(expression, facts) == Truth::kFalse) continue;
      fits = true;
      if (std::find(types.begin(), types.end(), type.name()) == types.end()) {
        types.push_back(type.name());
      }
    }
    if (!fits) return NoSuchBoards(entry, context.catalog);
  }
  return types;
}

Status CheckUploaded(const v1::ArtifactRef& ref, const ArtifactFolder& artifacts) {
  const Status found = artifacts.CheckStored(ref.sha256());
  if (found.code() != Code::kNotFound) return found;
  return {Code::kFailedPrecondition,
          fmt::format("'{}' (SHA-256 {}) was not uploaded; upload it, then submit again",
                      ref.name(), ref.sha256())};
}

// Plans one campaign. Each variant is compiled once a board type, and not at all when that was done
// for an earlier campaign; a model is read when something of it has to be compiled.
class Preparation {
 public:
  Preparation(const v1::SubmitCampaignRequest& request, const SubmissionContext& context)
      : catalog_(context.catalog), artifacts_(context.artifacts), context_(context) {
    campaign_.user = request.user();
    campaign_.idempotency_key = request.idempotency_key();
  }

  Result<NewCampaign> Run(const v1::CampaignSpec& wanted) {
    TRY_ASSIGN(campaign_.spec, NormalizeCampaign(wanted));
    TRY(CheckFusion(campaign_.spec.variants()));
    TRY_ASSIGN(const std::vector<std::string> types, ResolveBoardTypes(campaign_.spec, context_));
    TRY_ASSIGN(std::vector<JobSpec> jobs, ExpandCampaign(campaign_.spec, types));
    campaign_.jobs.reserve(jobs.size());
    campaign_.plans.reserve(jobs.size());
    vector_set_ = VectorSetKey(campaign_.spec.vectors());
    // Everything that is missing is found before the first thing is compiled.
    if (campaign_.spec.vectors().has_npz()) {
      TRY(CheckUploaded(campaign_.spec.vectors().npz(), artifacts_));
    }
    for (const v1::ArtifactRef& model : campaign_.spec.models()) {
      TRY(CheckUploaded(model, artifacts_));
    }
    for (JobSpec& job : jobs) {
      if (job.model->sha256() != model_.sha256()) {
        model_ = *job.model;
        planner_.reset();
        expected_.reset();
        fronts_.clear();
      }
      TRY(AddJobs(std::move(job)));
    }
    return std::move(campaign_);
  }

 private:
  // Jobs come grouped by model (ExpandCampaign), so one planner is alive at a time.
  Result<const ModelPlanner*> Planner() {
    if (!planner_) {
      TRY_ASSIGN(std::vector<std::byte> tflite, artifacts_.Read(model_.sha256()));
      TRY_ASSIGN(ModelPlanner planner,
                 ModelPlanner::Read(model_.name(), model_.sha256(), std::move(tflite)));
      planner_.emplace(std::move(planner));
    }
    return &*planner_;
  }

  // One job; of a variant that asks for a whole front, one a point of it.
  Status AddJobs(JobSpec spec) {
    TRY_ASSIGN(const std::vector<std::string>* points, PointsOf(spec.variant->fusion()));
    if (points->empty()) return AddJob(std::move(spec));  // If it is a front, its plan says why.
    for (const std::string& point : *points) {
      JobSpec job = spec;
      auto variant = std::make_shared<v1::Variant>(*spec.variant);
      variant->set_fusion(point);
      job.variant = std::move(variant);
      TRY(AddJob(std::move(job)));
    }
    if (campaign_.jobs.size() <= kMaxJobsOfCampaign) return {};
    return {Code::kInvalidArgument,
            fmt::format("with one job for each point of fusion={} the campaign asks for more than "
                        "{} jobs; split it",
                        spec.variant->fusion(), kMaxJobsOfCampaign)};
  }

  // Empty for a setting that is no front, and when the model has nothing to fuse.
  Result<const std::vector<std::string>*> PointsOf(const std::string& fusion) {
    const auto [known, is_new] = fronts_.try_emplace(fusion);
    if (!is_new) return &known->second;
    const Result<compiler::FusionSetting> setting = compiler::ParseFusionSetting(fusion);
    if (setting.ok() && compiler::IsFront(*setting)) {
      TRY_ASSIGN(const ModelPlanner* planner, Planner());
      Result<std::vector<std::string>> points = planner->PointsOfFront(fusion);
      if (points.ok()) known->second = std::move(*points);
    }
    return &known->second;
  }

  Status AddJob(JobSpec spec) {
    NewJob job;
    job.spec = std::move(spec);
    const v1::BoardType* board_type = catalog_.FindBoardType(job.spec.board_type);
    job.fidelity = board_type->fidelity();
    TRY_ASSIGN(const std::string limits_reason, AddPlan(&job));
    const PlanRecord& plan = *campaign_.plans[job.plan];
    const std::string& reason = plan.feasible ? limits_reason : plan.reason;
    if (reason.empty()) {
      TRY(AddExpected(&job));
    } else {
      job.infeasible.emplace();
      job.infeasible->set_owner(v1::FAILURE_OWNER_INFEASIBLE);
      job.infeasible->set_code(static_cast<uint32_t>(Code::kResourceExhausted));
      job.infeasible->set_message(reason);
      if (plan.facts.blob_bytes > 0) job.planned = PlannedMeasurements(plan.facts, job.fidelity);
    }
    campaign_.jobs.push_back(std::move(job));
    return {};
  }

  // Sets job->plan; returns why a limit of the campaign excludes it, if one does.
  Result<std::string> AddPlan(NewJob* job) {
    TRY_ASSIGN(std::shared_ptr<const PlanRecord> plan, PlanOf(job->spec));
    job->plan = campaign_.plans.size();
    campaign_.plans.push_back(std::move(plan));
    return CheckLimits(campaign_.spec.limits(), campaign_.plans.back()->facts);
  }

  // What was planned before may have been pruned since.
  bool IsStored(const v1::Image& image) {
    return std::all_of(image.segments().begin(), image.segments().end(),
                       [this](const v1::Segment& segment) {
                         return artifacts_.CheckStored(segment.artifact().sha256()).ok();
                       });
  }

  Result<std::shared_ptr<const PlanRecord>> PlanOf(const JobSpec& spec) {
    const Bundle* bundle = catalog_.Find(spec.board_type, spec.variant->kernels());
    if (bundle == nullptr) {
      auto record = std::make_shared<PlanRecord>();
      record->model_sha256 = model_.sha256();
      record->variant = *spec.variant;
      record->board_type = spec.board_type;
      record->reason = fmt::format(
          "there is no firmware for board type {} with {} kernels; build it or drop the "
          "variant",
          spec.board_type, spec.variant->kernels());
      return std::shared_ptr<const PlanRecord>(std::move(record));
    }
    const std::string key = fmt::format("{} {} {} {}", model_.sha256(), VariantText(*spec.variant),
                                        spec.board_type, bundle->build_id);
    if (auto known = context_.cache.FindPlan(key); known && IsStored(known->image)) return known;
    TRY_ASSIGN(const ModelPlanner* planner, Planner());
    TRY_ASSIGN(PlannedVariant planned, planner->Plan(*spec.variant, *bundle));
    if (planned.record.feasible) TRY(artifacts_.Put(planned.blob));
    return context_.cache.AddPlan(key, std::move(planned.record));
  }

  Status AddExpected(NewJob* job) {
    if (!expected_) {
      const std::string key = fmt::format("{} {}", model_.sha256(), vector_set_);
      std::optional<PlanCache::KnownExpected> known = context_.cache.FindExpected(key);
      if (!known || !artifacts_.CheckStored(known->record.artifact_sha256).ok()) {
        TRY_ASSIGN(known, ComputeExpected());
        context_.cache.AddExpected(key, *known);
      }
      TRY(CheckSamples(known->vectors));
      expected_ = campaign_.expected.size();
      campaign_.expected.push_back(known->record);
    }
    job->expected = expected_;
    return {};
  }

  Result<PlanCache::KnownExpected> ComputeExpected() {
    TRY_ASSIGN(const ModelPlanner* planner, Planner());
    std::vector<std::byte> npz;
    if (campaign_.spec.vectors().has_npz()) {
      TRY_ASSIGN(npz, artifacts_.Read(campaign_.spec.vectors().npz().sha256()));
    }
    TRY_ASSIGN(const vectors::VectorSet set, planner->MakeVectors(campaign_.spec.vectors(), npz));
    TRY(CheckSamples(set.count));
    TRY_ASSIGN(const Expected expected, planner->Expect(set));
    TRY_ASSIGN(const std::string sha256, artifacts_.Put(EncodeExpected(expected)));
    return PlanCache::KnownExpected{{model_.sha256(), vector_set_, sha256},
                                    static_cast<uint32_t>(set.count)};
  }

  Status CheckSamples(uint32_t vectors) const {
    const uint64_t samples = uint64_t{vectors} * campaign_.spec.repetitions();
    if (samples <= kMaxSamplesOfJob) return {};
    return {Code::kResourceExhausted,
            fmt::format("{} vectors x {} repetitions exceed {} samples a job; use fewer", vectors,
                        campaign_.spec.repetitions(), kMaxSamplesOfJob)};
  }

  const Catalog& catalog_;
  ArtifactFolder& artifacts_;
  const SubmissionContext& context_;
  NewCampaign campaign_;
  std::string vector_set_;
  v1::ArtifactRef model_;
  std::optional<ModelPlanner> planner_;
  std::map<std::string, std::vector<std::string>> fronts_;  // Of the model, by setting.
  std::optional<size_t> expected_;
};

}  // namespace

Result<NewCampaign> PrepareCampaign(const v1::SubmitCampaignRequest& request,
                                    const SubmissionContext& context) {
  return Preparation(request, context).Run(request.spec());
}

}  // namespace tinyrig::server
