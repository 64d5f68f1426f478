// Writes the reports of a campaign with every kind of outcome into a folder, for the validators.
#include <cstdio>

#include "server/cli/report/csv.h"
#include "server/cli/report/html.h"
#include "server/cli/report/json.h"
#include "server/cli/report/junit.h"
#include "server/cli/text/file.h"
#include "tests/unit/cli/sample.h"

namespace {

using namespace tinyrig;
using namespace tinyrig::cli;

v1::JobResult Failed(const v1::JobResult& like, uint64_t id, v1::FailureOwner owner,
                     const std::string& message) {
  v1::JobResult result = like;
  result.set_job_id(id);
  result.set_state(v1::JOB_STATE_FAILED);
  result.clear_measurements();
  result.mutable_failure()->set_owner(owner);
  result.mutable_failure()->set_message(message);
  return result;
}

/// The sample has jobs that succeeded, that do not fit, failures of variant and bench, one that was
/// cancelled and one that waits; here come the others, and names that a person should not choose.
CampaignRecord EveryOutcome() {
  CampaignRecord record = SampleCampaign();
  record.campaign.mutable_spec()->set_name("nightly " + kHostile);
  const JobRecord like = record.jobs.front();
  const auto add = [&](v1::JobResult result) {
    JobRecord job = like;
    job.job.set_job_id(result.job_id());
    job.result = std::move(result);
    record.jobs.push_back(std::move(job));
  };
  add(Failed(like.result, 12, v1::FAILURE_OWNER_SERVICE, "the agent was restarted"));
  add(Failed(like.result, 13, v1::FAILURE_OWNER_SERVICE, "no board took it within 3600 s"));
  v1::JobResult hostile =
      Measured(14, kHostile + ".tflite", kHostile, "a,b\r\n\"c\"", 1e15, 0.1, 1);
  hostile.set_board_id(kHostile);
  hostile.set_vector_set("=HYPERLINK(1)");
  add(hostile);
  *record.fronts[0].add_points() = hostile;
  record.fronts[0].add_notes(kHostile);
  return record;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 1;
  const std::string dir = argv[1];
  const CampaignRecord record = EveryOutcome();
  const std::pair<const char*, std::string> files[] = {
      {"/junit.xml", JunitReport(record)},
      {"/jobs.csv", CsvReport(record.jobs)},
      {"/campaign.json", Dump(CampaignJson(record))},
      {"/page.html", HtmlReport(record, 1'795'200'700'000'000)},
  };
  for (const auto& [name, text] : files) {
    const Status written = WriteFile(dir + name, text);
    if (written.ok()) continue;
    std::fprintf(stderr, "%s\n", written.ToString().c_str());
    return 1;
  }
  return 0;
}
