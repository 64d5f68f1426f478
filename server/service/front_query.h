#pragma once

#include "proto/status/status.h"
#include "proto/tinyrig/v1/results.pb.h"
#include "server/store/reader.h"

namespace tinyrig::server {

/// The non-dominated succeeded jobs of a campaign (or of all). Goals that are not given are the
/// campaign's own. Results that lack a metric are left out and named in `notes`. Errors:
/// kInvalidArgument without goals, for an unknown metric, or when several fidelities are selected
/// and none is asked for: they are never mixed.
Result<v1::Front> QueryFront(Reader& reader, const v1::GetFrontRequest& request);

/// Differences of every metric that both jobs have. kFailedPrecondition when their fidelities
/// differ.
Result<v1::CompareJobsResponse> CompareJobs(Reader& reader, const v1::CompareJobsRequest& request);

}  // namespace tinyrig::server
