#pragma once

#include <cstdint>
#include <string>

#include "server/cli/report/records.h"

namespace tinyrig::cli {

/// The campaign as one HTML file that needs nothing else: styles and plots inline, no script, no
/// resource from anywhere, light and dark, readable on a phone. It states what was measured and how
/// each number was obtained. `now_us` is the time of writing, in microseconds since the Unix epoch.
std::string HtmlReport(const CampaignRecord& record, int64_t now_us);

/// The page's style sheet.
extern const char* const kReportStyle;

}  // namespace tinyrig::cli
