#include "server/cli/report/html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>

#include "tests/unit/cli/sample.h"

namespace tinyrig::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int64_t kNow = 1'795'200'700'000'000;

/// Fails where elements are not closed in order. Enough of HTML for what we write.
void ExpectBalanced(const std::string& html) {
  const std::regex tag("<(/?)([a-z0-9]+)([^<>]*)>");
  std::vector<std::string> open;
  for (std::sregex_iterator it(html.begin(), html.end(), tag), end; it != end; ++it) {
    const std::string name = (*it)[2];
    const std::string rest = (*it)[3];
    if (name == "meta" || rest.ends_with('/')) continue;
    if ((*it)[1].length() == 0) {
      open.push_back(name);
      continue;
    }
    ASSERT_FALSE(open.empty()) << "closes " << name;
    ASSERT_EQ(open.back(), name) << html.substr(static_cast<size_t>(it->position()), 200);
    open.pop_back();
  }
  EXPECT_TRUE(open.empty());
}

TEST(HtmlReport, IsOneFileThatNeedsNothingElse) {
  const std::string html = HtmlReport(SampleCampaign(), kNow);
  // For looking at: TINYRIG_SAMPLE=page.html cli_test --gtest_filter=HtmlReport.*
  if (const char* path = std::getenv("TINYRIG_SAMPLE")) std::ofstream(path) << html;
  for (const char* never :
       {"<script", "<link", "<img", "src=", "href=", "url(", "@import", "http://", "https://"}) {
    EXPECT_THAT(html, Not(HasSubstr(never))) << never;
  }
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  EXPECT_THAT(html, HasSubstr("prefers-color-scheme: dark"));
  EXPECT_THAT(html, HasSubstr("name=\"viewport\""));
  ExpectBalanced(html);
}

TEST(HtmlReport, EscapesWhatOthersWrote) {
  CampaignRecord record = SampleCampaign();
  record.campaign.mutable_spec()->set_name(kHostile);
  record.campaign.set_user(kHostile);
  for (JobRecord& job : record.jobs) {
    job.result.set_model(kHostile);
    job.result.set_board_id(kHostile);
    job.result.mutable_variant()->set_kernels(kHostile);
    for (v1::Measurement& m : *job.result.mutable_measurements()) m.set_method(kHostile);
  }
  for (v1::JobResult& point : *record.fronts[0].mutable_points()) point.set_model(kHostile);
  record.fronts[0].add_notes(kHostile);
  const std::string html = HtmlReport(record, kNow);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("\x1b")));
  EXPECT_THAT(html, Not(HasSubstr("\xff")));
  ExpectBalanced(html);
}

TEST(HtmlReport, SaysWhatTheNumbersAre) {
  const std::string html = HtmlReport(SampleCampaign(), kNow);
  EXPECT_THAT(html, HasSubstr("Latency is virtual time"));
  EXPECT_THAT(html, HasSubstr("latency (virtual)"));
  EXPECT_THAT(html, HasSubstr("counted on the device"));
  EXPECT_THAT(html, HasSubstr("961,204"));
  EXPECT_THAT(html, HasSubstr("vector 17: expected 03 fd, found 04 fd"));
  EXPECT_THAT(html, HasSubstr(std::string(64, 'b')));
  // Cycles are not claimed where none were counted.
  EXPECT_THAT(html, Not(HasSubstr(">cycles<")));
}

TEST(HtmlReport, StandsWithoutAnyResult) {
  CampaignRecord record;
  record.campaign.mutable_spec()->set_name("empty");
  ExpectBalanced(HtmlReport(record, kNow));
  record = SampleCampaign();
  record.fronts.clear();
  for (JobRecord& job : record.jobs) job.result.clear_measurements();
  ExpectBalanced(HtmlReport(record, kNow));
}

}  // namespace
}  // namespace tinyrig::cli
