#pragma once

#include "proto/status/status.h"
#include "proto/tinyrig/v1/results.pb.h"
#include "server/store/reader.h"

namespace tinyrig::server {

/// Differences of every metric that both jobs have, and of every operator when both were profiled
/// or had their layers shown. Errors: kNotFound when one does not exist or has not ended,
/// kInvalidArgument when their fidelities differ.
Result<v1::CompareJobsResponse> CompareJobs(Reader& reader, const v1::CompareJobsRequest& request);

}  // namespace tinyrig::server
