#include "server/cli/report/html.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "server/cli/campaign/metrics.h"
#include "server/cli/campaign/variants.h"
#include "server/cli/report/escape.h"
#include "server/cli/report/html_sections.h"
#include "server/cli/report/plot.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

constexpr PlotSize kWide = {1000, 460};
constexpr PlotSize kNarrow = {340, 400};

/// What a fidelity means, for readers who were not there.
std::string_view FidelityMeaning(v1::Fidelity fidelity) {
  switch (fidelity) {
    case v1::FIDELITY_EMULATED:
      return "Measured on an emulated board (QEMU), which executes the flashed image instruction "
             "by instruction. "
             "Instruction counts are exact and repeat exactly. Latency is virtual time, derived "
             "from them at one "
             "instruction per tick of the virtual clock: good for comparing variants, no forecast "
             "of a real chip, "
             "where instructions take different numbers of cycles. Cycles are therefore not given.";
    case v1::FIDELITY_HARDWARE:
      return "Measured on real hardware: cycles are those the board's own counter saw, latency is "
             "real time.";
    case v1::FIDELITY_NATIVE:
      return "Measured in a process of the host. Outputs and memory are those of the runtime; "
             "times say nothing "
             "about a microcontroller.";
    default:
      return "Nothing was measured.";
  }
}

std::string Chips(const std::vector<JobRecord>& jobs) {
  const std::pair<v1::JobState, const char*> kStates[] = {
      {v1::JOB_STATE_SUCCEEDED, "good"},  {v1::JOB_STATE_FAILED, "bad"},
      {v1::JOB_STATE_INFEASIBLE, "warn"}, {v1::JOB_STATE_CANCELLED, "muted"},
      {v1::JOB_STATE_LEASED, "muted"},    {v1::JOB_STATE_QUEUED, "muted"}};
  std::string out = fmt::format("<ul class=\"chips\">\n<li><b>{}</b> job{}</li>\n", jobs.size(),
                                jobs.size() == 1 ? "" : "s");
  for (const auto& [state, style] : kStates) {
    const auto count = std::ranges::count_if(
        jobs, [&, wanted = state](const JobRecord& j) { return j.result.state() == wanted; });
    if (count == 0) continue;
    const std::string word = state == v1::JOB_STATE_LEASED ? "running" : StateName(state);
    out += fmt::format("<li class=\"{}\"><b>{}</b> {}</li>\n", style, count, word);
  }
  return out + "</ul>\n";
}

std::set<v1::Fidelity> FidelitiesOf(const std::vector<JobRecord>& jobs) {
  std::set<v1::Fidelity> fidelities;
  for (const JobRecord& job : jobs) {
    if (!job.result.measurements().empty() && job.result.state() == v1::JOB_STATE_SUCCEEDED) {
      fidelities.insert(job.result.fidelity());
    }
  }
  return fidelities;
}

std::string Head(const CampaignRecord& record) {
  const v1::Campaign& campaign = record.campaign;
  std::string out = fmt::format("<h1>{}</h1>\n", EscapeMarkup(campaign.spec().name()));
  out += fmt::format(
      "<p class=\"when\">Campaign {}{}{}</p>\n", campaign.campaign_id(),
      campaign.created_us() == 0 ? "" : ", started " + FormatTime(campaign.created_us()),
      campaign.user().empty() ? "" : " by " + EscapeMarkup(campaign.user()));
  out += Chips(record.jobs);
  for (const v1::Fidelity fidelity : FidelitiesOf(record.jobs)) {
    out += fmt::format("<p class=\"note\">{}</p>\n", FidelityMeaning(fidelity));
  }
  return out;
}

/// The two metrics to draw: the first two goals, those to minimise first.
std::vector<PlotAxis> AxesOf(const v1::Goals& goals) {
  std::vector<PlotAxis> axes;
  for (const std::string& metric : goals.minimize()) axes.push_back({metric, true});
  for (const std::string& metric : goals.maximize()) axes.push_back({metric, false});
  return axes;
}

std::string PointTooltip(const v1::JobResult& result, const std::vector<PlotAxis>& axes) {
  std::string text =
      fmt::format("job {}: {} {}", result.job_id(), result.model(), VariantLabel(result.variant()));
  for (const PlotAxis& axis : axes) {
    text += fmt::format("\n{}: {}", axis.metric, FormatMeasurement(result, axis.metric));
  }
  return text;
}

Plot MakePlot(const v1::Front& front, const std::vector<PlotAxis>& axes) {
  Plot plot;
  plot.y = axes[0];
  plot.x = axes[1];
  std::map<std::string, size_t> series;
  const auto add = [&](const v1::JobResult& result, bool on_front) {
    const v1::Measurement* x = FindMeasurement(result, plot.x.metric);
    const v1::Measurement* y = FindMeasurement(result, plot.y.metric);
    if (x == nullptr || y == nullptr || !std::isfinite(x->value()) || !std::isfinite(y->value()))
      return;
    const auto [entry, is_new] = series.emplace(result.model(), plot.series.size());
    if (is_new) plot.series.push_back(result.model());
    plot.points.push_back({x->value(), y->value(), VariantLabel(result.variant()),
                           PointTooltip(result, axes), entry->second, on_front});
  };
  for (const v1::JobResult& point : front.points()) add(point, true);
  for (const v1::JobResult& point : front.dominated()) add(point, false);
  return plot;
}

std::string Caption(const v1::Front& front, const std::vector<PlotAxis>& axes, const Plot& plot) {
  std::string out = fmt::format(
      "Coloured: the front, {} of {} results that no other beats in every goal. Grey: beaten. "
      "Dashed: the limit of "
      "what was reached in these two metrics.",
      front.points_size(), front.points_size() + front.dominated_size());
  if (axes.size() > 2) {
    std::vector<std::string> others;
    for (size_t i = 2; i < axes.size(); ++i) others.push_back(axes[i].metric);
    const auto line = static_cast<int>(FrontLine(plot).size());
    if (line < front.points_size()) {
      out += fmt::format(" Coloured points off the line are there for {}.",
                         EscapeMarkup(fmt::format("{}", fmt::join(others, ", "))));
    }
  }
  for (const std::string& note : front.notes()) out += " " + EscapeMarkup(note) + ".";
  return out;
}

std::string FrontSection(const CampaignRecord& record) {
  std::string out;
  for (const v1::Front& front : record.fronts) {
    const std::vector<PlotAxis> axes = AxesOf(front.goals());
    if (axes.size() < 2) continue;
    const Plot plot = MakePlot(front, axes);
    if (plot.points.empty()) continue;
    const std::string board = front.points().empty() ? "" : front.points(0).board_type();
    const std::string model = ModelOfFront(front);
    out += fmt::format("<h2>Trade-off {}on {}</h2>\n<figure>\n{}",
                       model.empty() ? "" : "of " + EscapeMarkup(model) + " ", EscapeMarkup(board),
                       RenderLegend(plot));
    out += "<div class=\"wide\">" + RenderPlot(plot, kWide) + "</div>\n";
    out += "<div class=\"narrow\">" + RenderPlot(plot, kNarrow) + "</div>\n";
    out += "<figcaption>" + Caption(front, axes, plot) + "</figcaption>\n</figure>\n";
  }
  return out;
}

}  // namespace

std::string HtmlReport(const CampaignRecord& record, int64_t now_us) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">\n";
  out += fmt::format("<title>{} - tinyrig</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n",
                     EscapeMarkup(record.campaign.spec().name()), kReportStyle);
  out += Head(record);
  out += FrontSection(record);
  out += ResultSection(record);
  out += FailureSection(record);
  out += MethodSection(record);
  out += ProvenanceSection(record);
  out += fmt::format("<footer>Written by tinyrig {} at {}.</footer>\n</main>\n</body>\n</html>\n",
                     TINYRIG_VERSION, FormatTime(now_us));
  return out;
}

}  // namespace tinyrig::cli
