#pragma once

#include "server/service/backend.h"

namespace tinyrig::server {

/// Own campaigns are a submitter's to change; those of others an operator's. Errors:
/// kPermissionDenied, saying whose it is; kNotFound.
inline Status MayChangeCampaign(Backend& backend, const Caller& caller, CampaignId id) {
  TRY_ASSIGN(const ReaderPool::Lent reader, backend.readers.Borrow());
  TRY_ASSIGN(const v1::Campaign campaign, reader->GetCampaign(id));
  if (caller.MayChange(campaign.user())) return {};
  return {Code::kPermissionDenied, "campaign " + std::to_string(id.value) + " is " +
                                       campaign.user() + "'s; theirs and the operators' to change"};
}

/// The same by one of its jobs.
inline Status MayChangeJob(Backend& backend, const Caller& caller, JobId id) {
  v1::Job job;
  {
    TRY_ASSIGN(const ReaderPool::Lent reader, backend.readers.Borrow());
    TRY_ASSIGN(job, reader->GetJob(id));
  }
  return MayChangeCampaign(backend, caller, CampaignId(job.campaign_id()));
}

}  // namespace tinyrig::server
