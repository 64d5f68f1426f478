#pragma once

#include "proto/tinyrig/v1/agent.pb.h"
#include "server/model/board_expression.h"
#include "server/model/ids.h"
#include "server/scheduling/scheduler.h"
#include "server/store/records.h"

/// Between the words of the agent stream and the server's own.
namespace tinyrig::server {

LeaseKey KeyOf(const v1::AttemptKey& key);
v1::AttemptKey ToProto(const LeaseKey& key);
/// For the server's own log.
std::string Text(const LeaseKey& key);
Labels LabelsOf(const v1::AgentBoard& board);
v1::LeaseOffer MakeOffer(const Lease& lease, const JobContext& context);

}  // namespace tinyrig::server
