#pragma once

#include <memory>
#include <optional>
#include <string>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/campaigns.pb.h"
#include "server/model/expression.h"
#include "server/model/ids.h"

namespace tinyrig::server {

/// What all jobs of a campaign have in common, as far as scheduling goes.
struct CampaignTerms {
  CampaignId campaign;
  std::string user;
  int32_t priority = 0;   ///< One more is twice the share, among the campaigns of the same user.
  TimeUs timeout_us = 0;  ///< Of one attempt.
  TimeUs queue_timeout_us = 0;       ///< 0: jobs wait for ever.
  std::optional<Expression> boards;  ///< Which boards of the job's type; none: all of them.
};

/// REQUIRES: `spec` came from NormalizeCampaign().
/// Errors: those of an expression that cannot be read.
Result<std::shared_ptr<const CampaignTerms>> MakeTerms(CampaignId campaign, const std::string& user,
                                                       const v1::CampaignSpec& spec);

}  // namespace tinyrig::server
