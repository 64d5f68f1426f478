#include "server/cli/report/html_sections.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <set>

#include "server/cli/campaign/metrics.h"
#include "server/cli/campaign/variants.h"
#include "server/cli/report/csv.h"
#include "server/cli/report/escape.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

/// A table cell that names its column for the card layout.
std::string Cell(std::string_view name, std::string_view markup, bool number = false) {
  return fmt::format("<td{} data-name=\"{}\">{}</td>", number ? " class=\"n\"" : "",
                     EscapeMarkup(name), markup);
}

std::string HeadCell(std::string_view name, bool number = false) {
  return fmt::format("<th{}>{}</th>", number ? " class=\"n\"" : "", EscapeMarkup(name));
}

std::string Code(const std::string& text) { return "<code>" + EscapeMarkup(text) + "</code>"; }

struct ResultColumn {
  const char* metric;
  const char* title;
};
constexpr ResultColumn kColumns[] = {
    {"instructions_p50", "instructions"}, {"cycles_p50", "cycles"},   {"latency_us_p50", "latency"},
    {"flash_model_bytes", "flash"},       {"ram_model_bytes", "RAM"}, {"accuracy_top1", "accuracy"},
};

std::string_view StateStyle(v1::JobState state) {
  switch (state) {
    case v1::JOB_STATE_SUCCEEDED:
      return "good";
    case v1::JOB_STATE_FAILED:
      return "bad";
    case v1::JOB_STATE_INFEASIBLE:
      return "warn";
    default:
      return "muted";
  }
}

std::string StateCell(const v1::JobResult& result) {
  const std::string owner = OwnerName(result.failure().owner());
  const bool named = result.state() == v1::JOB_STATE_FAILED && !owner.empty();
  return fmt::format("<span class=\"{}\">{}{}</span>", StateStyle(result.state()),
                     StateName(result.state()), named ? " (" + owner + ")" : "");
}

std::vector<ResultColumn> ColumnsInUse(const std::vector<JobRecord>& jobs) {
  std::vector<ResultColumn> columns;
  for (const ResultColumn& column : kColumns) {
    const bool used = std::ranges::any_of(jobs, [&](const JobRecord& j) {
      return FindMeasurement(j.result, column.metric) != nullptr;
    });
    if (used) columns.push_back(column);
  }
  return columns;
}

bool Emulated(const std::vector<JobRecord>& jobs) {
  return std::ranges::any_of(
      jobs, [](const JobRecord& job) { return job.result.fidelity() == v1::FIDELITY_EMULATED; });
}

std::string TitleOf(const ResultColumn& column, bool emulated) {
  const bool time = emulated && KindOfMetric(column.metric) == MetricKind::kMicroseconds;
  return std::string(column.title) + (time ? " (virtual)" : "");
}

/// What is told of metrics that are obtained alike: one, or the statistics of one quantity.
struct MetricUse {
  std::string name;
  std::vector<std::string> statistics;  ///< "min", "p50", ...: what comes behind the name.
  std::set<std::string> units;
  std::set<std::string> methods;
  std::set<std::string> fidelities;
  bool exact = true;
};

/// "instructions_p50" -> {"instructions", "p50"}; {name, ""} for what is no statistic.
std::pair<std::string, std::string> SplitStatistic(const std::string& name) {
  const size_t underscore = name.rfind('_');
  const std::string end = underscore == std::string::npos ? "" : name.substr(underscore + 1);
  for (const char* statistic : {"min", "mean", "p50", "p90", "p99", "max", "sd"}) {
    if (end == statistic) return {name.substr(0, underscore), end};
  }
  return {name, ""};
}

/// In the order of MetricsInUse().
std::vector<MetricUse> MetricUses(const std::vector<JobRecord>& jobs) {
  std::vector<MetricUse> uses;
  for (const std::string& metric : MetricsInUse(jobs)) {
    const auto [name, statistic] = SplitStatistic(metric);
    auto use = std::ranges::find(uses, name, &MetricUse::name);
    if (use == uses.end()) use = uses.insert(uses.end(), MetricUse{name, {}, {}, {}, {}, true});
    if (!statistic.empty()) use->statistics.push_back(statistic);
    for (const JobRecord& job : jobs) {
      const v1::Measurement* m = FindMeasurement(job.result, metric);
      if (m == nullptr) continue;
      use->units.insert(UnitText(m->unit()));
      use->methods.insert(m->method());
      use->fidelities.insert(FidelityName(m->fidelity()));
      use->exact &= m->uncertainty() == 0;
    }
  }
  return uses;
}

std::string MeaningOf(const MetricUse& use) {
  if (!use.statistics.empty()) {
    return fmt::format("Over the timed inferences: {}. Percentiles by nearest rank.",
                       fmt::join(use.statistics, ", "));
  }
  const MetricInfo* info = FindMetricInfo(use.name);
  return std::string(info == nullptr ? std::string_view() : info->meaning);
}

std::string Joined(const std::set<std::string>& texts) {
  return EscapeMarkup(fmt::format("{}", fmt::join(texts, "; ")));
}

std::string Measurements(const v1::JobResult& result) {
  std::string out = "<table class=\"small\"><thead><tr>" + HeadCell("metric") +
                    HeadCell("value", true) + HeadCell("unit") + HeadCell("method") +
                    "</tr></thead><tbody>\n";
  for (const v1::Measurement& m : result.measurements()) {
    const std::string spread =
        m.uncertainty() == 0 ? "" : fmt::format(" ± {}", FormatNumber(m.uncertainty()));
    out += fmt::format("<tr><td>{}</td><td class=\"n\">{}{}</td><td>{}</td><td>{}</td></tr>\n",
                       EscapeMarkup(m.metric()), FormatNumber(m.value()), spread,
                       EscapeMarkup(UnitText(m.unit())), EscapeMarkup(m.method()));
  }
  return out + "</tbody></table>\n";
}

std::string JobDetails(const v1::JobResult& r) {
  std::string out = fmt::format(
      "<details><summary>Job {}: {} {}</summary>\n<p class=\"small\">Board {} ({}){}{}. Model {}.",
      r.job_id(), EscapeMarkup(r.model()), EscapeMarkup(VariantLabel(r.variant())),
      r.board_id().empty() ? "none" : EscapeMarkup(r.board_id()), EscapeMarkup(r.board_type()),
      r.attempt() == 0 ? "" : fmt::format(", attempt {}", r.attempt()),
      r.ended_us() == 0 ? "" : ", ended " + FormatTime(r.ended_us()), Code(r.model_sha256()));
  if (!r.image_sha256().empty()) out += " Image " + Code(r.image_sha256()) + ".";
  if (!r.vector_set().empty()) out += " Vectors " + Code(r.vector_set()) + ".";
  out += "</p>\n";
  if (!r.measurements().empty()) out += Measurements(r);
  return out + "</details>\n";
}

}  // namespace

std::string ResultSection(const CampaignRecord& record) {
  if (record.jobs.empty()) return "";
  const std::vector<ResultColumn> columns = ColumnsInUse(record.jobs);
  const bool emulated = Emulated(record.jobs);
  std::string out = "<h2>Results</h2>\n<table class=\"cards\"><thead><tr>" + HeadCell("job", true) +
                    HeadCell("model") + HeadCell("variant") + HeadCell("board");
  for (const ResultColumn& column : columns) out += HeadCell(TitleOf(column, emulated), true);
  out += HeadCell("state") + "</tr></thead><tbody>\n";
  for (const JobRecord& job : record.jobs) {
    const v1::JobResult& r = job.result;
    const bool front = OnFront(record, r.job_id());
    out += front ? "<tr class=\"front\">" : "<tr>";
    const std::string star = front ? "<span class=\"star\" title=\"on the front\">★</span> " : "";
    out += Cell("job", fmt::format("<span>{}{}</span>", star, r.job_id()), true);
    out += Cell("model", EscapeMarkup(r.model())) +
           Cell("variant", EscapeMarkup(VariantLabel(r.variant())));
    out += Cell("board", EscapeMarkup(r.board_id().empty() ? r.board_type() : r.board_id()));
    for (const ResultColumn& column : columns) {
      out +=
          Cell(TitleOf(column, emulated), EscapeMarkup(FormatMeasurement(r, column.metric)), true);
    }
    out += Cell("state", StateCell(r)) + "</tr>\n";
  }
  out += "</tbody></table>\n";
  if (!record.fronts.empty()) {
    out +=
        "<p class=\"small muted\"><span class=\"star\">★</span> on the front. Flash and RAM are "
        "what the variant "
        "itself needs; the measuring firmware is not counted. Sizes in kB of 1000 bytes.</p>\n";
  }
  return out;
}

std::string FailureSection(const CampaignRecord& record) {
  std::string out;
  for (const JobRecord& job : record.jobs) {
    const v1::JobResult& r = job.result;
    if (!r.has_failure() || r.state() == v1::JOB_STATE_SUCCEEDED) continue;
    const bool infeasible = r.state() == v1::JOB_STATE_INFEASIBLE;
    out += fmt::format(
        "<div class=\"failure{}\">\n<h3>Job {}: {} {} <span "
        "class=\"{}\">{}</span></h3>\n<p>{}</p>\n",
        infeasible ? " infeasible" : "", r.job_id(), EscapeMarkup(r.model()),
        EscapeMarkup(VariantLabel(r.variant())), StateStyle(r.state()),
        infeasible ? "infeasible" : OwnerName(r.failure().owner()) + " failure",
        EscapeMarkup(r.failure().message()));
    if (!r.failure().evidence().empty()) {
      out += fmt::format("<pre>{}</pre>\n",
                         EscapeMarkup(fmt::format("{}", fmt::join(r.failure().evidence(), "\n"))));
    }
    out += "</div>\n";
  }
  return out.empty() ? "" : "<h2>What did not succeed</h2>\n" + out;
}

std::string MethodSection(const CampaignRecord& record) {
  const std::vector<MetricUse> uses = MetricUses(record.jobs);
  if (uses.empty()) return "";
  std::string out =
      "<h2>How each number was obtained</h2>\n<table class=\"cards small\"><thead><tr>" +
      HeadCell("metric") + HeadCell("unit") + HeadCell("method") + HeadCell("fidelity") +
      HeadCell("uncertainty") + HeadCell("meaning") + "</tr></thead><tbody>\n";
  for (const MetricUse& use : uses) {
    const std::string name = use.name + (use.statistics.empty() ? "" : "_*");
    out += "<tr>" + Cell("metric", Code(name)) + Cell("unit", Joined(use.units)) +
           Cell("method", Joined(use.methods)) + Cell("fidelity", Joined(use.fidelities)) +
           Cell("uncertainty", use.exact ? "exact" : "stated with each value") +
           Cell("meaning", EscapeMarkup(MeaningOf(use))) + "</tr>\n";
  }
  return out + "</tbody></table>\n";
}

std::string ProvenanceSection(const CampaignRecord& record) {
  if (record.jobs.empty()) return "";
  const v1::CampaignSpec& spec = record.campaign.spec();
  std::string out = "<h2>Provenance</h2>\n<table class=\"cards small\"><thead><tr>" +
                    HeadCell("file") + HeadCell("bytes", true) + HeadCell("SHA-256") +
                    "</tr></thead><tbody>\n";
  const auto row = [&](const v1::ArtifactRef& file) {
    out += "<tr>" + Cell("file", EscapeMarkup(file.name())) +
           Cell("bytes", FormatCount(file.size_bytes()), true) +
           Cell("SHA-256", Code(file.sha256())) + "</tr>\n";
  };
  for (const v1::ArtifactRef& model : spec.models()) row(model);
  if (spec.vectors().has_npz()) row(spec.vectors().npz());
  out += "</tbody></table>\n";
  if (!spec.vectors().patterns().empty()) {
    out += fmt::format("<p class=\"small\">Inputs: computed pattern{} {}.</p>\n",
                       spec.vectors().patterns().size() > 1 ? "s" : "",
                       EscapeMarkup(spec.vectors().patterns()));
  }
  out += fmt::format("<p class=\"small\">{} untimed and {} timed inferences per vector.</p>\n",
                     spec.warmup(), spec.has_repetitions() ? spec.repetitions() : 1);
  for (const JobRecord& job : record.jobs) out += JobDetails(job.result);
  return out;
}

}  // namespace tinyrig::cli
