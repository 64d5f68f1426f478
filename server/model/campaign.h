#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/campaigns.pb.h"

/// What a campaign asks for, as a list of jobs. Pure.
namespace tinyrig::server {

inline constexpr size_t kMaxJobsOfCampaign = 200'000;
inline constexpr uint32_t kDefaultWarmup = 1;
inline constexpr uint32_t kDefaultRepetitions = 1;
inline constexpr uint32_t kDefaultMaxAttempts = 3;
inline constexpr uint32_t kDefaultAttemptTimeoutS = 120;
inline constexpr uint32_t kMaxAttempts = 100;
inline constexpr uint32_t kMaxAttemptTimeoutS = 24 * 3600;
inline constexpr uint32_t kMaxQueueTimeoutS = 366 * 24 * 3600;

/// One cell of the campaign's matrix. Jobs share what is the same for many.
struct JobSpec {
  std::shared_ptr<const v1::ArtifactRef> model;
  std::shared_ptr<const v1::Variant> variant;
  std::string board_type;
};

/// The campaign with every default written out, so that the stored spec says what was run even when
/// a default changes later: empty axes become {dsp}, {int8}, {none}, {none}; unset numbers their
/// defaults. Errors: kInvalidArgument naming the field, the value and what is allowed; nothing is
/// corrected silently. What needs the server's state (do artifacts and board types exist?) is
/// checked elsewhere.
Result<v1::CampaignSpec> NormalizeCampaign(v1::CampaignSpec spec);

/// Models x `board_types` (names) x kernels x weights x fusion x synthesis in the order of the
/// spec, without what an `exclude` entry matches and without repetitions. The same spec gives the
/// same list. REQUIRES: `spec` came from NormalizeCampaign(). Errors: kInvalidArgument when nothing
/// is left or more than kMaxJobsOfCampaign jobs are asked for.
Result<std::vector<JobSpec>> ExpandCampaign(const v1::CampaignSpec& spec,
                                            const std::vector<std::string>& board_types);

}  // namespace tinyrig::server
