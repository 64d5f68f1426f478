#pragma once

#include <set>
#include <string>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/campaigns.pb.h"
#include "server/model/bundle.h"
#include "server/service/plan_cache.h"
#include "server/store/artifact_folder.h"
#include "server/store/records.h"

namespace tinyrig::server {

inline constexpr uint64_t kMaxSamplesOfJob = 1'000'000;  ///< Vectors x repetitions.

struct SubmissionContext {
  const Catalog& catalog;
  ArtifactFolder& artifacts;
  PlanCache& cache;
  std::set<std::string> labels;  ///< That boards have.
};

/// From a spec to all that is stored of a new campaign: expanded, each distinct (model, variant,
/// board type) planned once in the life of the server, checked against board and limits, blobs and
/// reference outputs stored as artifacts. Touches nothing but artifacts and cache; takes as long as
/// compiling takes: for the pool.
/// Errors: kInvalidArgument      spec, model or vectors make no sense; names the file or field
///         kFailedPrecondition   an artifact was not uploaded, or an entry of board_types fits no
///                               type that there is firmware for
///         kResourceExhausted    more than kMaxSamplesOfJob samples a job
Result<NewCampaign> PrepareCampaign(const v1::SubmitCampaignRequest& request,
                                    const SubmissionContext& context);

}  // namespace tinyrig::server
