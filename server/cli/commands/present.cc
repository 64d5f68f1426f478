#include "server/cli/commands/present.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "server/cli/campaign/metrics.h"
#include "server/cli/campaign/variants.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

/// A column of the result table.
struct ResultColumn {
  std::string title;
  Align align = Align::kLeft;
  std::function<std::string(const JobRecord&)> cell;
  bool always = false;  ///< Shown even when every cell is empty.
};

std::string StateText(const v1::JobResult& result) {
  const std::string owner = OwnerName(result.failure().owner());
  const bool named = result.state() == v1::JOB_STATE_FAILED && !owner.empty();
  return named ? fmt::format("{} ({})", StateName(result.state()), owner)
               : StateName(result.state());
}

std::string NotNone(const std::string& value) { return value == "none" ? "" : value; }

/// "latency (virtual)": short titles for columns.
std::string ShortTitle(const std::string& metric, bool emulated) {
  static const std::pair<std::string_view, std::string_view> kTitles[] = {
      {"instructions_p50", "instructions"},
      {"latency_us_p50", "latency"},
      {"cycles_p50", "cycles"},
      {"flash_model_bytes", "flash"},
      {"ram_model_bytes", "RAM"},
      {"accuracy_top1", "accuracy"},
      {"arena_without_io_bytes", "arena w/o in/out"},
      {"mac_factor", "MAC factor"},
  };
  const auto* known = std::ranges::find(kTitles, metric, [](const auto& t) { return t.first; });
  std::string title(known == std::end(kTitles) ? std::string_view(metric) : known->second);
  if (emulated && KindOfMetric(metric) == MetricKind::kMicroseconds) title += " (virtual)";
  return title;
}

std::vector<ResultColumn> ResultColumns(const CampaignRecord& record,
                                        const std::vector<std::string>& metrics) {
  const bool emulated = std::ranges::any_of(record.jobs, [](const JobRecord& job) {
    return job.result.fidelity() == v1::FIDELITY_EMULATED;
  });
  std::vector<ResultColumn> columns = {
      {"job", Align::kRight, [](const auto& j) { return std::to_string(j.result.job_id()); }, true},
      {"", Align::kLeft,
       [&record](const auto& j) { return OnFront(record, j.result.job_id()) ? "*" : ""; }},
      {"model", Align::kLeft, [](const auto& j) { return Shorten(j.result.model(), 32); }, true},
      {"kernels", Align::kLeft, [](const auto& j) { return j.result.variant().kernels(); }, true},
      {"weights", Align::kLeft, [](const auto& j) { return j.result.variant().weights(); }, true},
      {"fusion", Align::kLeft, [](const auto& j) { return NotNone(j.result.variant().fusion()); }},
      {"synthesis", Align::kLeft,
       [](const auto& j) { return NotNone(j.result.variant().synthesis()); }},
      {"board", Align::kLeft,
       [](const auto& j) {
         return j.result.board_id().empty() ? j.result.board_type() : j.result.board_id();
       },
       true},
  };
  for (const std::string& metric : metrics) {
    columns.push_back({ShortTitle(metric, emulated), Align::kRight,
                       [metric](const auto& j) { return FormatMeasurement(j.result, metric); }});
  }
  columns.push_back(
      {"state", Align::kLeft, [](const auto& j) { return StateText(j.result); }, true});
  return columns;
}

}  // namespace

std::vector<std::string> DefaultMetrics(const CampaignRecord& record) {
  std::vector<std::string> metrics = {"instructions_p50", "cycles_p50", "latency_us_p50",
                                      "flash_model_bytes", "ram_model_bytes"};
  const bool fuses = std::ranges::any_of(record.jobs, [](const JobRecord& job) {
    return FindMeasurement(job.result, "mac_factor") != nullptr;
  });
  // Beside fused variants only: without them it says what the RAM says.
  if (fuses) metrics.insert(metrics.end(), {"arena_without_io_bytes", "mac_factor"});
  metrics.push_back("accuracy_top1");
  return metrics;
}

std::string ResultTable(const CampaignRecord& record, const std::vector<std::string>& metrics) {
  std::vector<ResultColumn> columns = ResultColumns(record, metrics);
  std::erase_if(columns, [&](const ResultColumn& column) {
    return !column.always && std::ranges::all_of(record.jobs, [&](const JobRecord& job) {
      return column.cell(job).empty();
    });
  });
  std::vector<Column> titles;
  for (const ResultColumn& column : columns) titles.push_back({column.title, column.align});
  Table table(std::move(titles));
  for (const JobRecord& job : record.jobs) {
    std::vector<std::string> row;
    for (const ResultColumn& column : columns) row.push_back(column.cell(job));
    table.AddRow(std::move(row));
  }
  return table.Render();
}

std::string FailureText(const std::vector<JobRecord>& jobs) {
  std::string text;
  for (const JobRecord& job : jobs) {
    const v1::JobResult& r = job.result;
    if (!r.has_failure() || r.state() == v1::JOB_STATE_SUCCEEDED) continue;
    text += fmt::format("job {} ({} {}): {}: {}\n", r.job_id(), Printable(r.model()),
                        VariantText(r.variant()), OwnerName(r.failure().owner()),
                        Printable(r.failure().message()));
    for (const std::string& line : r.failure().evidence()) {
      text += fmt::format("    {}\n", Printable(line));
    }
  }
  return text;
}

namespace {

std::string JobWord(uint64_t job) { return job == 0 ? "-" : fmt::format("job {}", job); }

/// What the front looks like: knee, ties, how much it covers, the best for small memories.
std::string FrontFactsText(const v1::Front& front) {
  std::string text;
  if (front.knee_job_id() != 0) text += fmt::format("knee: job {}\n", front.knee_job_id());
  for (const v1::Tie& tie : front.ties()) {
    text += fmt::format("tie: jobs {} are equal on every axis\n", fmt::join(tie.job_ids(), ", "));
  }
  if (front.has_hypervolume()) {
    text += fmt::format("hypervolume: {:.4g} of the box between best and worst results\n",
                        front.hypervolume());
  }
  std::vector<std::string> metrics;
  std::map<uint64_t, std::map<std::string, uint64_t>> best;
  bool any = false;
  for (const v1::BestUnder& one : front.best()) {
    if (std::ranges::find(metrics, one.metric()) == metrics.end()) metrics.push_back(one.metric());
    best[one.limit_bytes()][one.metric()] = one.job_id();
    any |= one.job_id() != 0;
  }
  if (!any) return text;
  const auto& goals = front.goals();
  text += fmt::format("best {} under\n",
                      goals.minimize().empty() ? goals.maximize(0) : goals.minimize(0));
  std::vector<Column> columns = {{"", Align::kRight}};
  for (const std::string& metric : metrics) columns.push_back({metric});
  Table table(std::move(columns));
  for (const auto& [limit, jobs] : best) {
    std::vector<std::string> row = {fmt::format("{} kB", limit / 1000)};
    for (const std::string& metric : metrics) row.push_back(JobWord(jobs.at(metric)));
    table.AddRow(std::move(row));
  }
  return text + table.Render();
}

}  // namespace

std::string FrontText(const v1::Front& front) {
  std::vector<std::string> metrics(front.goals().minimize().begin(),
                                   front.goals().minimize().end());
  metrics.insert(metrics.end(), front.goals().maximize().begin(), front.goals().maximize().end());
  std::vector<Column> columns = {{"job", Align::kRight}, {"model"}, {"variant"}};
  for (int i = 0; i < static_cast<int>(metrics.size()); ++i) {
    const bool minimize = i < front.goals().minimize().size();
    columns.push_back({fmt::format("{} {}", minimize ? "min" : "max", metrics[i]), Align::kRight});
  }
  std::vector<v1::JobResult> points(front.points().begin(), front.points().end());
  if (!metrics.empty()) {
    std::ranges::stable_sort(points, {}, [&](const v1::JobResult& point) {
      const v1::Measurement* m = FindMeasurement(point, metrics.front());
      const double sign = front.goals().minimize().empty() ? -1 : 1;
      return m == nullptr ? 0 : sign * m->value();
    });
  }
  Table table(std::move(columns));
  for (const v1::JobResult& point : points) {
    std::vector<std::string> row = {std::to_string(point.job_id()), Shorten(point.model(), 32),
                                    VariantLabel(point.variant())};
    for (const std::string& metric : metrics) row.push_back(FormatMeasurement(point, metric));
    table.AddRow(std::move(row));
  }
  const size_t all = points.size() + static_cast<size_t>(front.dominated_size());
  const std::string model = ModelOfFront(front);
  std::string text =
      fmt::format("Front{}{}: {} of {} results are not dominated\n",
                  model.empty() ? "" : " of " + Printable(model),
                  points.empty() ? "" : " on " + points.front().board_type(), points.size(), all);
  if (!points.empty()) text += table.Render();
  text += FrontFactsText(front);
  for (const std::string& note : front.notes()) text += fmt::format("note: {}\n", Printable(note));
  return text;
}

v1::JobCounts CountStates(const std::vector<JobRecord>& jobs) {
  const auto count = [&](v1::JobState state) {
    return static_cast<uint32_t>(
        std::ranges::count_if(jobs, [&](const JobRecord& j) { return j.result.state() == state; }));
  };
  v1::JobCounts counts;
  counts.set_queued(count(v1::JOB_STATE_QUEUED));
  counts.set_leased(count(v1::JOB_STATE_LEASED));
  counts.set_succeeded(count(v1::JOB_STATE_SUCCEEDED));
  counts.set_failed(count(v1::JOB_STATE_FAILED));
  counts.set_infeasible(count(v1::JOB_STATE_INFEASIBLE));
  counts.set_cancelled(count(v1::JOB_STATE_CANCELLED));
  return counts;
}

std::string CountsText(const v1::JobCounts& counts) {
  const std::pair<uint32_t, std::string_view> parts[] = {
      {counts.succeeded(), "succeeded"},   {counts.failed(), "failed"},
      {counts.infeasible(), "infeasible"}, {counts.cancelled(), "cancelled"},
      {counts.leased(), "running"},        {counts.queued(), "queued"}};
  uint32_t all = 0;
  std::string text;
  for (const auto& [count, word] : parts) {
    all += count;
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, word);
  }
  return fmt::format("{} job{}{}{}", all, all == 1 ? "" : "s", text.empty() ? "" : ": ", text);
}

std::string FidelityNote(v1::Fidelity fidelity) {
  switch (fidelity) {
    case v1::FIDELITY_EMULATED:
      return "emulated boards: instructions are exact, latency is virtual time (instructions / "
             "clock)";
    case v1::FIDELITY_NATIVE:
      return "native: measured in a process of the host, not on a microcontroller";
    default:
      return "";
  }
}

v1::Goals DefaultGoals(const std::vector<JobRecord>& jobs) {
  const bool instructions = std::ranges::any_of(jobs, [](const JobRecord& job) {
    return FindMeasurement(job.result, "instructions_p50") != nullptr;
  });
  v1::Goals goals;
  goals.add_minimize(instructions ? "instructions_p50" : "latency_us_p50");
  goals.add_minimize("flash_model_bytes");
  return goals;
}

}  // namespace tinyrig::cli
