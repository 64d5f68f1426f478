#include "server/service/reference_jobs.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <fstream>
#include <iterator>
#include <limits>

#include "server/model/sha256.h"
#include "server/service/submission.h"

namespace tinyrig::server {
namespace {

constexpr uint32_t kTimeoutS = 60;
/// A lost frame or a probe that needed a second start does not condemn a board.
constexpr uint32_t kAttempts = 3;

v1::CampaignSpec SpecFor(const v1::ArtifactRef& model, const std::string& board_type) {
  v1::CampaignSpec spec;
  spec.set_name("reference");
  *spec.add_models() = model;
  spec.mutable_variants()->add_kernels("dsp");
  spec.mutable_variants()->add_weights("int8");
  spec.add_board_types(board_type);
  spec.mutable_vectors()->set_patterns("A");
  spec.set_warmup(1);
  spec.set_repetitions(1);
  spec.set_max_attempts(kAttempts);
  spec.set_attempt_timeout_s(kTimeoutS);
  return spec;
}

/// A board may become suspect in a year: what its check needs stays.
void PinArtifacts(const NewCampaign& campaign, ArtifactFolder& artifacts) {
  for (const v1::ArtifactRef& model : campaign.spec.models()) artifacts.Pin(model.sha256());
  for (const ExpectedRecord& expected : campaign.expected) artifacts.Pin(expected.artifact_sha256);
  for (const v1::Segment& segment : campaign.plans[0]->image.segments()) {
    artifacts.Pin(segment.artifact().sha256());
  }
}

}  // namespace

Result<ReferenceJobs> ReferenceJobs::Prepare(const std::filesystem::path& path,
                                             const Catalog& catalog, ArtifactFolder& artifacts) {
  ReferenceJobs jobs;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    spdlog::warn("{} cannot be read; suspect boards are not checked by reference jobs",
                 path.string());
    return jobs;
  }
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  v1::ArtifactRef model;
  TRY_ASSIGN(const std::string sha256, artifacts.Put(AsBytes(bytes)));
  model.set_sha256(sha256);
  model.set_name(path.filename().string());
  model.set_size_bytes(bytes.size());
  PlanCache cache;
  const SubmissionContext context{catalog, artifacts, cache, {}};
  for (const v1::BoardType& type : catalog.BoardTypes()) {
    v1::SubmitCampaignRequest request;
    *request.mutable_spec() = SpecFor(model, type.name());
    request.set_user("tinyrigd");
    TRY_ASSIGN(NewCampaign campaign, PrepareCampaign(request, context));
    if (campaign.jobs.size() != 1 || campaign.jobs[0].infeasible) {
      spdlog::info("board type {} has no reference job: {}", type.name(),
                   campaign.jobs[0].infeasible->message());
      continue;
    }
    campaign.system = true;
    PinArtifacts(campaign, artifacts);
    jobs.templates_.emplace(type.name(), std::move(campaign));
  }
  return jobs;
}

std::set<std::string> ReferenceJobs::Types() const {
  std::set<std::string> types;
  for (const auto& [type, campaign] : templates_) types.insert(type);
  return types;
}

std::string ReferenceJobs::ImageOf(const std::string& board_type) const {
  const auto found = templates_.find(board_type);
  return found == templates_.end() ? "" : found->second.plans[0]->image.sha256();
}

NewCampaign ReferenceJobs::Make(const std::string& board_type, const BoardId& board) const {
  NewCampaign campaign = templates_.at(board_type);
  campaign.spec.set_name("reference " + board.value);
  campaign.pinned = board;
  return campaign;
}

}  // namespace tinyrig::server
