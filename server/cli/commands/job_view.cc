#include "server/cli/commands/job_view.h"

#include <fmt/format.h>

#include "server/cli/campaign/metrics.h"
#include "server/cli/campaign/variants.h"
#include "server/cli/client/fetch.h"
#include "server/cli/commands/present.h"
#include "server/cli/report/timeline.h"
#include "server/cli/report/traffic.h"
#include "server/cli/text/duration.h"
#include "server/cli/text/table.h"
#include "server/cli/text/wrap.h"

namespace tinyrig::cli {
namespace {

Json FlashJson(const v1::FlashStats& flash) {
  return {{"bytes_written", flash.bytes_written()},       {"bytes_saved", flash.bytes_saved()},
          {"sectors_written", flash.sectors_written()},   {"sectors_saved", flash.sectors_saved()},
          {"record_was_wrong", flash.record_was_wrong()}, {"max_erasures", flash.max_erasures()}};
}

Json LinkJson(const v1::LinkStats& link) {
  return {{"bytes_out", link.bytes_out()},       {"bytes_in", link.bytes_in()},
          {"frames_bad", link.frames_bad()},     {"retransmits", link.retransmits()},
          {"vector_bytes", link.vector_bytes()}, {"sending_us", link.sending_us()}};
}

Json AttemptJson(const v1::Attempt& attempt) {
  Json json = {{"attempt", attempt.attempt()},
               {"board", attempt.board_id()},
               {"agent", attempt.agent_id()},
               {"started", FormatTime(attempt.started_us())}};
  if (attempt.ended_us() != 0) {
    json["ended"] = FormatTime(attempt.ended_us());
    json["duration_us"] = attempt.ended_us() - attempt.started_us();
  }
  Json& timeline = json["timeline"] = Json::array();
  for (const v1::Span& span : attempt.timeline()) {
    timeline.push_back({{"name", span.name()},
                        {"start_us", span.start_us()},
                        {"duration_us", span.duration_us()}});
  }
  if (attempt.ended_us() != 0 && !attempt.timeline().empty()) {
    json["agent_overhead_us"] = AgentOverheadUs(attempt);
  }
  if (attempt.has_flash()) json["flash"] = FlashJson(attempt.flash());
  if (attempt.has_link()) json["link"] = LinkJson(attempt.link());
  if (attempt.has_failure()) json["failure"] = FailureJson(attempt.failure());
  return json;
}

std::string AttemptText(const v1::Attempt& attempt, bool bars) {
  const bool ended = attempt.ended_us() != 0;
  std::string text = fmt::format(
      "\nattempt {} on {} from {}{}\n", attempt.attempt(), Printable(attempt.board_id()),
      FormatTime(attempt.started_us()),
      ended ? ", " + DurationText(attempt.ended_us() - attempt.started_us()) : ", running");
  text += TimelineText(attempt, bars);
  for (const std::string& line : {OverheadText(attempt), FlashText(attempt), LinkText(attempt)}) {
    if (!line.empty()) text += Wrap(line);
  }
  if (attempt.has_failure()) {
    text += Wrap(fmt::format("failed ({}): {}", OwnerName(attempt.failure().owner()),
                             attempt.failure().message()));
    for (const std::string& line : attempt.failure().evidence()) text += Wrap(line, 4);
  }
  return text;
}

}  // namespace

Json JobWithAttempts(const JobRecord& record) {
  Json json = JobJson(record);
  Json& attempts = json["attempts"] = Json::array();
  for (const v1::Attempt& attempt : record.job.attempts()) attempts.push_back(AttemptJson(attempt));
  return json;
}

std::string JobText(const JobRecord& record, bool bars) {
  const v1::JobResult& r = record.result;
  std::string text =
      Wrap(fmt::format("job {} of campaign {}: {} {} on {}: {}", r.job_id(), r.campaign_id(),
                       r.model(), VariantText(r.variant()), r.board_type(), StateName(r.state())));
  for (const v1::Attempt& attempt : record.job.attempts()) text += AttemptText(attempt, bars);
  if (!r.measurements().empty()) {
    Table table({{"metric"}, {"value", Align::kRight}, {"unit"}, {"how it was obtained"}});
    for (const v1::Measurement& m : r.measurements()) {
      table.AddRow({m.metric(), FormatNumber(m.value()), UnitText(m.unit()), m.method()});
    }
    text += '\n' + table.Render();
  }
  // Attempts told their own failures; a job that never had one tells its.
  if (record.job.attempts().empty()) {
    if (const std::string failure = FailureText({record}); !failure.empty()) text += '\n' + failure;
  }
  return text;
}

Status ShowJob(const Client& client, uint64_t job_id, bool bars, bool json) {
  TRY_ASSIGN(const JobRecord record, FetchJob(client, job_id));
  fmt::print("{}", json ? Dump(JobWithAttempts(record)) : JobText(record, bars));
  return OkStatus();
}

}  // namespace tinyrig::cli
