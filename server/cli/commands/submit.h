#pragma once

#include "proto/status/status.h"
#include "proto/tinyrig/v1/campaigns.pb.h"
#include "server/cli/client/client.h"

namespace tinyrig::cli {

/// Submits, and again with the same key when the answer got lost: the server makes one campaign of
/// it.
Result<v1::Campaign> SubmitCampaign(const Client& client, const v1::CampaignSpec& spec);

/// A campaign may wait for boards that come later; people should know that it does.
void SayWhatIsMissing(const Client& client, const v1::CampaignSpec& spec);

}  // namespace tinyrig::cli
