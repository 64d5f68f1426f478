#pragma once

#include <string>

#include "server/cli/report/records.h"

/// Parts of the HTML report below the plot. Each is empty when it has nothing to say.
namespace tinyrig::cli {

/// One row a job, points of the front marked; on a phone one card a job.
std::string ResultSection(const CampaignRecord& record);
/// Why jobs did not succeed, with the evidence.
std::string FailureSection(const CampaignRecord& record);
/// For every metric in use: unit, method, fidelity, uncertainty, meaning.
std::string MethodSection(const CampaignRecord& record);
/// Hashes of models, vectors and images, and all measurements of each job.
std::string ProvenanceSection(const CampaignRecord& record);

}  // namespace tinyrig::cli
