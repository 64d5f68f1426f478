#include "server/cli/report/junit.h"

#include <fmt/format.h>

#include "server/cli/campaign/metrics.h"
#include "server/cli/campaign/variants.h"
#include "server/cli/report/csv.h"
#include "server/cli/report/escape.h"

namespace tinyrig::cli {
namespace {

/// How JUnit calls the outcome: the name of the element, empty for a pass.
std::string_view ElementOf(const v1::JobResult& result) {
  switch (result.state()) {
    case v1::JOB_STATE_SUCCEEDED:
      return "";
    case v1::JOB_STATE_INFEASIBLE:
    case v1::JOB_STATE_CANCELLED:
      return "skipped";
    case v1::JOB_STATE_FAILED:
      return result.failure().owner() == v1::FAILURE_OWNER_VARIANT ? "failure" : "error";
    default:
      return "error";
  }
}

double SecondsOf(const v1::Job& job) {
  int64_t total_us = 0;
  for (const v1::Attempt& attempt : job.attempts()) {
    if (attempt.ended_us() > attempt.started_us())
      total_us += attempt.ended_us() - attempt.started_us();
  }
  return static_cast<double>(total_us) / 1e6;
}

std::string FailureText(const v1::JobResult& result) {
  std::string text = result.failure().message();
  for (const std::string& line : result.failure().evidence()) text += "\n" + line;
  return text;
}

std::string OutcomeElement(const v1::JobResult& result) {
  const std::string_view element = ElementOf(result);
  if (element.empty()) return "";
  std::string message = result.failure().message();
  if (message.empty()) message = "the job is " + StateName(result.state());
  if (element == "skipped") {
    return fmt::format("      <skipped message=\"{}\"/>\n", EscapeMarkup(message));
  }
  const std::string owner = OwnerName(result.failure().owner());
  return fmt::format("      <{} type=\"{}\" message=\"{}\">{}</{}>\n", element,
                     EscapeMarkup(owner.empty() ? StateName(result.state()) : owner),
                     EscapeMarkup(message), EscapeMarkup(FailureText(result)), element);
}

std::string TestCase(const std::string& campaign, const JobRecord& job) {
  const v1::JobResult& r = job.result;
  std::string out =
      fmt::format("    <testcase classname=\"{}.{}\" name=\"{} {}\" time=\"{:.3f}\">\n",
                  EscapeMarkup(campaign), EscapeMarkup(r.board_type()), EscapeMarkup(r.model()),
                  EscapeMarkup(VariantText(r.variant())), SecondsOf(job.job));
  out += OutcomeElement(r);
  if (!r.measurements().empty()) {
    std::string lines;
    for (const v1::Measurement& m : r.measurements()) {
      const std::string unit = UnitText(m.unit());
      lines += fmt::format("{}={}{}{}\n", m.metric(), PlainNumber(m.value()),
                           unit.empty() ? "" : " ", unit);
    }
    out += "      <system-out>" + EscapeMarkup(lines) + "</system-out>\n";
  }
  return out + "    </testcase>\n";
}

}  // namespace

std::string JunitReport(const CampaignRecord& record) {
  int failures = 0;
  int errors = 0;
  int skipped = 0;
  double seconds = 0;
  std::string cases;
  const std::string& name = record.campaign.spec().name();
  for (const JobRecord& job : record.jobs) {
    const std::string_view element = ElementOf(job.result);
    failures += element == "failure";
    errors += element == "error";
    skipped += element == "skipped";
    seconds += SecondsOf(job.job);
    cases += TestCase(name, job);
  }
  std::string timestamp = FormatTime(record.campaign.created_us());
  // The schema's dateTime has no zone in what Jenkins writes itself; readers expect UTC without Z.
  if (timestamp.ends_with('Z')) timestamp.pop_back();
  const std::string counts =
      fmt::format("tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3f}\"",
                  record.jobs.size(), failures, errors, skipped, seconds);
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
  out += fmt::format("  <testsuite name=\"{}\" {}{}>\n", EscapeMarkup(name), counts,
                     timestamp.empty() ? "" : fmt::format(" timestamp=\"{}\"", timestamp));
  out += fmt::format(
      "    <properties>\n      <property name=\"campaign_id\" value=\"{}\"/>\n    </properties>\n",
      record.campaign.campaign_id());
  return out + cases + "  </testsuite>\n</testsuites>\n";
}

}  // namespace tinyrig::cli
