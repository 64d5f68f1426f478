#include "server/service/submission.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <utility>

#include "server/model/campaign.h"
#include "server/model/names.h"
#include "server/planning/expected.h"
#include "server/planning/fit.h"
#include "server/planning/planner.h"
#include "server/results/evaluate.h"

namespace tinyrig::server {
namespace {

Status CheckBoardTypes(const v1::CampaignSpec& spec, const Catalog& catalog) {
  for (const std::string& type : spec.board_types()) {
    if (catalog.FindBoardType(type) != nullptr) continue;
    std::vector<std::string> known;
    for (const v1::BoardType& board_type : catalog.BoardTypes()) known.push_back(board_type.name());
    return {Code::kFailedPrecondition,
            known.empty() ? "this server has no firmware; start it with --firmware DIR"
                          : fmt::format("board type '{}' is not known; there is firmware for: {}",
                                        type, fmt::join(known, ", "))};
  }
  return {};
}

Result<std::vector<std::byte>> ReadArtifact(const v1::ArtifactRef& ref,
                                            const ArtifactFolder& artifacts) {
  Result<std::vector<std::byte>> bytes = artifacts.Read(ref.sha256());
  if (bytes.ok() || bytes.status().code() != Code::kNotFound) return bytes;
  return Status(Code::kFailedPrecondition,
                fmt::format("'{}' (SHA-256 {}) was not uploaded; upload it, then submit again",
                            ref.name(), ref.sha256()));
}

// Plans one campaign. Each model is read once, each variant compiled once a board type.
class Preparation {
 public:
  Preparation(const v1::SubmitCampaignRequest& request, const Catalog& catalog,
              ArtifactFolder& artifacts)
      : catalog_(catalog), artifacts_(artifacts) {
    campaign_.user = request.user();
    campaign_.idempotency_key = request.idempotency_key();
  }

  Result<NewCampaign> Run(const v1::CampaignSpec& wanted) {
    TRY_ASSIGN(campaign_.spec, NormalizeCampaign(wanted));
    TRY(CheckBoardTypes(campaign_.spec, catalog_));
    TRY_ASSIGN(const std::vector<JobSpec> jobs, ExpandCampaign(campaign_.spec));
    // Everything that is missing is found before the first thing is compiled.
    if (campaign_.spec.vectors().has_npz()) {
      TRY_ASSIGN(npz_, ReadArtifact(campaign_.spec.vectors().npz(), artifacts_));
    }
    std::map<std::string, std::vector<std::byte>> files;
    for (const v1::ArtifactRef& model : campaign_.spec.models()) {
      TRY_ASSIGN(files[model.sha256()], ReadArtifact(model, artifacts_));
    }
    for (const JobSpec& job : jobs) {
      if (!planner_ || job.model.sha256() != model_sha256_) {
        TRY(StartModel(job.model, std::move(files[job.model.sha256()])));
      }
      TRY(AddJob(job));
    }
    return std::move(campaign_);
  }

 private:
  // Jobs come grouped by model (ExpandCampaign), so one planner is alive at a time.
  Status StartModel(const v1::ArtifactRef& model, std::vector<std::byte> tflite) {
    model_sha256_ = model.sha256();
    expected_.reset();
    TRY_ASSIGN(ModelPlanner planner,
               ModelPlanner::Read(model.name(), model.sha256(), std::move(tflite)));
    planner_.emplace(std::move(planner));
    return {};
  }

  Status AddJob(const JobSpec& spec) {
    NewJob job;
    job.spec = spec;
    const v1::BoardType* board_type = catalog_.FindBoardType(spec.board_type);
    job.fidelity = board_type->fidelity();
    TRY_ASSIGN(const std::string limits_reason, AddPlan(&job));
    const PlanRecord& plan = campaign_.plans[job.plan];
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
    const Bundle* bundle = catalog_.Find(job->spec.board_type, job->spec.variant.kernels());
    PlannedVariant planned;
    if (bundle != nullptr) {
      TRY_ASSIGN(planned, planner_->Plan(job->spec.variant, *bundle));
    } else {
      planned.record.model_sha256 = model_sha256_;
      planned.record.variant = job->spec.variant;
      planned.record.board_type = job->spec.board_type;
      planned.record.reason = fmt::format(
          "there is no firmware for board type {} with {} kernels; build it or drop the "
          "variant",
          job->spec.board_type, job->spec.variant.kernels());
    }
    if (planned.record.feasible) TRY(artifacts_.Put(planned.blob));
    job->plan = campaign_.plans.size();
    campaign_.plans.push_back(std::move(planned.record));
    return CheckLimits(campaign_.spec.limits(), campaign_.plans.back().facts);
  }

  Status AddExpected(NewJob* job) {
    if (!expected_) {
      TRY_ASSIGN(const vectors::VectorSet set,
                 planner_->MakeVectors(campaign_.spec.vectors(), npz_));
      const uint64_t samples = uint64_t{set.count} * campaign_.spec.repetitions();
      if (samples > kMaxSamplesOfJob) {
        return {Code::kResourceExhausted,
                fmt::format("{} vectors x {} repetitions exceed {} samples a job; use fewer",
                            set.count, campaign_.spec.repetitions(), kMaxSamplesOfJob)};
      }
      TRY_ASSIGN(const Expected expected, planner_->Expect(set));
      TRY_ASSIGN(const std::string sha256, artifacts_.Put(EncodeExpected(expected)));
      expected_ = campaign_.expected.size();
      campaign_.expected.push_back({model_sha256_, VectorSetKey(campaign_.spec.vectors()), sha256});
    }
    job->expected = expected_;
    return {};
  }

  const Catalog& catalog_;
  ArtifactFolder& artifacts_;
  NewCampaign campaign_;
  std::vector<std::byte> npz_;
  std::optional<ModelPlanner> planner_;
  std::string model_sha256_;
  std::optional<size_t> expected_;
};

}  // namespace

Result<NewCampaign> PrepareCampaign(const v1::SubmitCampaignRequest& request,
                                    const Catalog& catalog, ArtifactFolder& artifacts) {
  return Preparation(request, catalog, artifacts).Run(request.spec());
}

}  // namespace tinyrig::server
