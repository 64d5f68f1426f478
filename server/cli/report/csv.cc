#include "server/cli/report/csv.h"

#include <fmt/format.h>

#include <cmath>

#include "server/cli/campaign/metrics.h"
#include "server/cli/report/escape.h"

namespace tinyrig::cli {

std::string PlainNumber(double value) {
  if (value == std::floor(value) && std::abs(value) < 0x1p53) {
    return std::to_string(static_cast<int64_t>(value));
  }
  return fmt::format("{}", value);
}

std::string CsvRow(const std::vector<std::string>& cells) {
  std::string row;
  for (size_t i = 0; i < cells.size(); ++i)
    row += fmt::format("{}{}", i == 0 ? "" : ",", CsvField(cells[i]));
  return row + "\r\n";
}

std::string CsvReport(const std::vector<JobRecord>& jobs) {
  const std::vector<std::string> metrics = MetricsInUse(jobs);
  std::vector<std::string> head = {"job_id",     "campaign_id", "state",   "model",
                                   "kernels",    "weights",     "fusion",  "synthesis",
                                   "board_type", "board",       "attempt", "fidelity"};
  head.insert(head.end(), metrics.begin(), metrics.end());
  for (const char* name : {"failure_owner", "failure_message", "model_sha256", "image_sha256",
                           "vector_set", "ended"}) {
    head.emplace_back(name);
  }
  std::string csv = CsvRow(head);
  for (const JobRecord& job : jobs) {
    const v1::JobResult& r = job.result;
    std::vector<std::string> row = {std::to_string(r.job_id()),
                                    std::to_string(r.campaign_id()),
                                    StateName(r.state()),
                                    r.model(),
                                    r.variant().kernels(),
                                    r.variant().weights(),
                                    r.variant().fusion(),
                                    r.variant().synthesis(),
                                    r.board_type(),
                                    r.board_id(),
                                    r.attempt() == 0 ? "" : std::to_string(r.attempt()),
                                    FidelityName(r.fidelity())};
    for (const std::string& metric : metrics) {
      const v1::Measurement* m = FindMeasurement(r, metric);
      row.push_back(m == nullptr ? "" : PlainNumber(m->value()));
    }
    row.insert(row.end(), {OwnerName(r.failure().owner()), r.failure().message(), r.model_sha256(),
                           r.image_sha256(), r.vector_set(), FormatTime(r.ended_us())});
    csv += CsvRow(row);
  }
  return csv;
}

}  // namespace tinyrig::cli
