#pragma once

#include <string>

#include "server/cli/report/records.h"

/// A campaign with every kind of outcome, as a server would give it.
namespace tinyrig::cli {

/// Job 1..6: six variants of two models, all measured; 7: infeasible; 8: variant failure with
/// evidence and hostile texts; 9: bench failure; 10: cancelled; 11: queued.
CampaignRecord SampleCampaign();

v1::JobResult Measured(uint64_t id, const std::string& model, const std::string& kernels,
                       const std::string& weights, double instructions, double flash,
                       double accuracy);

/// Text that breaks out of every format that forgets to escape.
inline const std::string kHostile =
    "</pre><script>alert('x')</script> & \"q\" ]]> \x1b[31m \xff end";

}  // namespace tinyrig::cli
