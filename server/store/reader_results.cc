#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "server/model/names.h"
#include "server/store/reader.h"

namespace tinyrig::server {
namespace {

/// "1x25x5x64", as the store has it.
void AddShape(std::string_view text, v1::LayerHash* layer) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('x'), text.size());
    uint32_t size = 0;
    std::from_chars(text.data(), text.data() + end, size);
    layer->add_output_shape(size);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

Status Reader::FillMeasurements(v1::JobResult* result) {
  TRY_ASSIGN(
      Statement rows,
      db_.Query("SELECT n.name, m.value, n.unit, m.uncertainty, h.text FROM measurement m JOIN "
                "metric n USING (metric_id) JOIN method h USING (method_id) WHERE m.job_id=? "
                "ORDER BY m.metric_id",
                result->job_id()));
  for (;;) {
    TRY_ASSIGN(const bool row, rows.Step());
    if (!row) return {};
    v1::Measurement& m = *result->add_measurements();
    m.set_metric(rows.Text(0));
    m.set_value(rows.Real(1));
    m.set_unit(rows.Text(2));
    m.set_uncertainty(rows.Real(3));
    m.set_fidelity(result->fidelity());
    m.set_method(rows.Text(4));
  }
}

Status Reader::FillLayers(v1::JobResult* result) {
  TRY_ASSIGN(
      Statement rows,
      db_.Query(
          "SELECT vector_index, vector, op_index, tflite_index, op_name, tensor_index, bytes, "
          "fnv1a32, ticks, counted, macs, output_shape, form FROM layer_hash WHERE job_id=? ORDER "
          "BY vector_index, op_index",
          result->job_id()));
  for (;;) {
    TRY_ASSIGN(const bool row, rows.Step());
    if (!row) return {};
    v1::LayerHash& layer = *result->add_layers();
    layer.set_vector_index(rows.Uint32(0));
    layer.set_vector(rows.Text(1));
    layer.set_op_index(rows.Uint32(2));
    layer.set_tflite_index(rows.Uint32(3));
    layer.set_op_name(rows.Text(4));
    layer.set_tensor_index(rows.Uint32(5));
    layer.set_bytes(rows.Uint32(6));
    layer.set_fnv1a32(rows.Uint32(7));
    layer.set_ticks(rows.Uint32(8));
    if (!rows.IsNull(9)) layer.set_counted(rows.Uint(9));
    if (!rows.IsNull(10)) layer.set_macs(rows.Uint(10));
    AddShape(rows.View(11), &layer);
    layer.set_form(rows.Text(12));
  }
}

Result<PageOf<v1::JobResult>> Reader::ListResults(const ResultFilter& filter,
                                                  const v1::Page& page) {
  // Pages over ended jobs are pages over jobs: the same tokens.
  std::vector<v1::JobState> states = {v1::JOB_STATE_SUCCEEDED, v1::JOB_STATE_FAILED,
                                      v1::JOB_STATE_INFEASIBLE, v1::JOB_STATE_CANCELLED};
  if (filter.state) states = {*filter.state};
  PageOf<v1::Job> jobs;
  if (filter.job.value == 0) {
    TRY_ASSIGN(jobs, ListJobs(filter.campaign, states, page));
  } else if (Result<v1::Job> job = GetJob(filter.job); job.ok()) {
    const bool wanted = std::find(states.begin(), states.end(), job->state()) != states.end();
    if (wanted) jobs.items.push_back(std::move(*job));
  } else if (job.status().code() != Code::kNotFound) {
    return job.status();
  }
  PageOf<v1::JobResult> results;
  results.next = jobs.next;
  for (v1::Job& job : jobs.items) {
    if (filter.campaign.value != 0 && job.campaign_id() != filter.campaign.value) continue;
    if (!filter.board_type.empty() && job.board_type() != filter.board_type) continue;
    v1::JobResult result;
    result.set_job_id(job.job_id());
    result.set_campaign_id(job.campaign_id());
    result.set_model(job.model().name());
    result.set_model_sha256(job.model().sha256());
    *result.mutable_variant() = job.variant();
    result.set_board_type(job.board_type());
    result.set_state(job.state());
    if (job.has_failure()) *result.mutable_failure() = job.failure();
    result.set_ended_us(job.ended_us());
    if (job.attempts_size() > 0) {
      result.set_attempt(job.attempts(job.attempts_size() - 1).attempt());
      result.set_board_id(job.attempts(job.attempts_size() - 1).board_id());
    }
    {
      TRY_ASSIGN(
          Statement row,
          db_.Query("SELECT j.fidelity, j.vector_set, p.image_sha256 FROM job j LEFT JOIN plan p "
                    "USING (plan_id) WHERE j.job_id=?",
                    job.job_id()));
      TRY(row.Step());
      result.set_fidelity(FidelityFromText(row.View(0)));
      result.set_vector_set(row.Text(1));
      result.set_image_sha256(row.Text(2));
    }
    TRY(FillMeasurements(&result));
    if (filter.with_layers) TRY(FillLayers(&result));
    results.items.push_back(std::move(result));
  }
  return results;
}

Result<std::vector<v1::JobResult>> Reader::AllResults(const ResultFilter& filter) {
  std::vector<v1::JobResult> all;
  v1::Page page;
  page.set_size(kMaxPageSize);
  do {
    TRY_ASSIGN(PageOf<v1::JobResult> part, ListResults(filter, page));
    std::move(part.items.begin(), part.items.end(), std::back_inserter(all));
    page.set_token(part.next);
  } while (!page.token().empty());
  return all;
}

}  // namespace tinyrig::server
