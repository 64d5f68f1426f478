#pragma once

#include "proto/status/status.h"
#include "proto/tinyrig/v1/results.pb.h"
#include "server/store/reader.h"

namespace tinyrig::server {

/// Of the points of a front, and of what they dominate, at most so many are listed.
inline constexpr size_t kMaxListedPoints = 5000;

/// The non-dominated succeeded jobs of a campaign (or of all) among those that `where` and `limits`
/// leave. Goals that are not given are the campaign's own. Results that lack a metric are left out
/// and named in `notes`. Errors: kInvalidArgument without goals, for an unknown metric, for an
/// expression that cannot be read, or when several fidelities are selected and none is asked for:
/// they are never mixed.
Result<v1::Front> QueryFront(Reader& reader, const v1::GetFrontRequest& request);

}  // namespace tinyrig::server
