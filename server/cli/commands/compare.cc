#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "server/cli/campaign/variants.h"
#include "server/cli/commands/command.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/service/session.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

/// "+12.5 %"; empty where there is nothing to relate to.
std::string RelativeChange(double base, double other) {
  if (base == other) return "=";
  if (base == 0) return "";
  return fmt::format("{:+.2f} %", (other - base) / std::abs(base) * 100);
}

std::string WithUncertainty(double value, double uncertainty) {
  return uncertainty > 0
             ? fmt::format("{} ± {}", FormatNumber(value), FormatNumber(2 * uncertainty))
             : FormatNumber(value);
}

std::string JobLine(std::string_view label, const v1::JobResult& job) {
  return fmt::format("{} job {}: {} {} on {}{}\n", label, job.job_id(), Printable(job.model()),
                     Printable(VariantLabel(job.variant())), Printable(job.board_type()),
                     job.board_id().empty() ? "" : " (" + Printable(job.board_id()) + ")");
}

std::string MetricsTable(const v1::CompareJobsResponse& comparison) {
  Table table({{"metric"},
               {fmt::format("job {}", comparison.base_job().job_id()), Align::kRight},
               {fmt::format("job {}", comparison.other_job().job_id()), Align::kRight},
               {"change", Align::kRight},
               {""}});
  for (const v1::MetricChange& change : comparison.changes()) {
    const bool overlap = change.base() != change.other() && !change.separated();
    table.AddRow({change.metric(), WithUncertainty(change.base(), change.base_uncertainty()),
                  WithUncertainty(change.other(), change.other_uncertainty()),
                  RelativeChange(change.base(), change.other()), overlap ? "within noise" : ""});
  }
  return table.empty() ? "" : table.Render();
}

std::string LayersTable(const v1::CompareJobsResponse& comparison) {
  if (comparison.layers().empty()) return "";
  Table table({{"op", Align::kRight},
               {"name"},
               {fmt::format("job {}", comparison.base_job().job_id()), Align::kRight},
               {fmt::format("job {}", comparison.other_job().job_id()), Align::kRight},
               {"change", Align::kRight},
               {"output"}});
  for (const v1::LayerChange& layer : comparison.layers()) {
    const bool both = layer.has_base() && layer.has_other();
    table.AddRow({std::to_string(layer.tflite_index()), layer.op_name(),
                  layer.has_base() ? FormatCount(layer.base()) : "",
                  layer.has_other() ? FormatCount(layer.other()) : "",
                  both ? RelativeChange(static_cast<double>(layer.base()),
                                        static_cast<double>(layer.other()))
                       : "",
                  layer.same_output() ? "same"
                  : both              ? "differs"
                                      : ""});
  }
  return fmt::format("\nOperators of the first vector, in {}\n{}", comparison.layers(0).unit(),
                     table.Render());
}

}  // namespace

Runner DefineCompare(CLI::App& app) {
  auto jobs = std::make_shared<std::pair<uint64_t, uint64_t>>();
  app.add_option("A", jobs->first, "Number of the job to compare with")
      ->required()
      ->check(CLI::PositiveNumber);
  app.add_option("B", jobs->second, "Number of the other job")
      ->required()
      ->check(CLI::PositiveNumber);
  return [jobs](const Common& common) -> Result<int> {
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    v1::CompareJobsRequest request;
    request.set_base_job_id(jobs->first);
    request.set_other_job_id(jobs->second);
    TRY_ASSIGN(const v1::CompareJobsResponse comparison,
               session.client().Call(&v1::ResultService::Stub::CompareJobs, request, "compare"));
    if (common.json) {
      fmt::print("{}", Dump(ComparisonJson(comparison)));
      return kExitOk;
    }
    fmt::print("{}{}{}{}", JobLine("A =", comparison.base_job()),
               JobLine("B =", comparison.other_job()), MetricsTable(comparison),
               LayersTable(comparison));
    for (const std::string& note : comparison.notes()) fmt::print("note: {}\n", Printable(note));
    return kExitOk;
  };
}

}  // namespace tinyrig::cli
