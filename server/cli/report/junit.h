#pragma once

#include <string>

#include "server/cli/report/records.h"

namespace tinyrig::cli {

/// The campaign as JUnit XML, as Jenkins, GitLab and others read it: one test suite per campaign,
/// one test case per job. Infeasible and cancelled = skipped, variant failure = failure, bench or
/// service failure and jobs without an end = error. Class name "CAMPAIGN.BOARD_TYPE", name "MODEL
/// VARIANT"; metrics go to system-out, one "name=value unit" a line.
std::string JunitReport(const CampaignRecord& record);

}  // namespace tinyrig::cli
