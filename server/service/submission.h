#pragma once

#include <string>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/campaigns.pb.h"
#include "server/model/bundle.h"
#include "server/store/artifact_folder.h"
#include "server/store/records.h"

namespace tinyrig::server {

inline constexpr uint64_t kMaxSamplesOfJob = 1'000'000;  ///< Vectors x repetitions.

/// From a spec to all that is stored of a new campaign: expanded, each distinct (model, variant,
/// board type) planned once, checked against board and limits, blobs and reference outputs stored
/// as artifacts. Touches nothing but the artifact folder; takes as long as compiling takes: for the
/// pool. Errors: kInvalidArgument      spec, model or vectors make no sense; names the file or
/// field
///         kFailedPrecondition   an artifact was not uploaded, or no firmware for a board type
///         kResourceExhausted    more than kMaxSamplesOfJob samples a job
Result<NewCampaign> PrepareCampaign(const v1::SubmitCampaignRequest& request,
                                    const Catalog& catalog, ArtifactFolder& artifacts);

}  // namespace tinyrig::server
