#include "server/service/job_comparison.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "server/model/names.h"
#include "server/results/front.h"

namespace tinyrig::server {
namespace {

Result<v1::JobResult> EndedJob(Reader& reader, uint64_t id) {
  ResultFilter filter;
  filter.job = JobId(id);
  filter.with_layers = true;
  TRY_ASSIGN(std::vector<v1::JobResult> found, reader.AllResults(filter));
  if (id == 0 || found.empty()) {
    return Status(Code::kNotFound,
                  fmt::format("job {} does not exist or has not ended; list jobs to see", id));
  }
  return std::move(found.front());
}

const v1::Measurement* Find(const v1::JobResult& result, const std::string& metric) {
  const auto found = std::ranges::find(result.measurements(), metric, &v1::Measurement::metric);
  return found == result.measurements().end() ? nullptr : &*found;
}

void CompareMetrics(const v1::JobResult& base, const v1::JobResult& other,
                    v1::CompareJobsResponse* response) {
  for (const v1::Measurement& m : base.measurements()) {
    const v1::Measurement* n = Find(other, m.metric());
    if (n == nullptr) continue;
    v1::MetricChange& change = *response->add_changes();
    change.set_metric(m.metric());
    change.set_base(m.value());
    change.set_other(n->value());
    change.set_unit(m.unit());
    change.set_base_uncertainty(m.uncertainty());
    change.set_other_uncertainty(n->uncertainty());
    const Interval a = IntervalOf(m.value(), m.uncertainty());
    const Interval b = IntervalOf(n->value(), n->uncertainty());
    change.set_separated(a.hi < b.lo || b.hi < a.lo);
  }
}

void NoteWhatOnlyOneHas(const v1::JobResult& has, const v1::JobResult& lacks,
                        v1::CompareJobsResponse* response) {
  std::vector<std::string> metrics;
  for (const v1::Measurement& m : has.measurements()) {
    if (Find(lacks, m.metric()) == nullptr) metrics.push_back(m.metric());
  }
  if (metrics.empty()) return;
  response->add_notes(fmt::format("only job {} has {}", has.job_id(), fmt::join(metrics, ", ")));
}

void NoteWhatDiffers(const v1::JobResult& base, const v1::JobResult& other,
                     v1::CompareJobsResponse* response) {
  const auto note = [&](std::string_view what, const std::string& a, const std::string& b) {
    if (a != b) response->add_notes(fmt::format("{} differs: {} and {}", what, a, b));
  };
  note("model", base.model(), other.model());
  if (base.model() == other.model() && base.model_sha256() != other.model_sha256()) {
    note("content of the model", base.model_sha256().substr(0, 12),
         other.model_sha256().substr(0, 12));
  }
  note("variant", VariantText(base.variant()), VariantText(other.variant()));
  note("board type", base.board_type(), other.board_type());
  note("vector set", base.vector_set(), other.vector_set());
  if (!base.image_sha256().empty() && base.image_sha256() == other.image_sha256()) {
    response->add_notes("both ran the same image");
  }
}

/// Operators of the first vector, by the operator of the file that they compute.
std::map<uint32_t, const v1::LayerHash*> FirstLayers(const v1::JobResult& job) {
  std::map<uint32_t, const v1::LayerHash*> layers;
  for (const v1::LayerHash& layer : job.layers()) {
    if (layer.vector_index() == job.layers(0).vector_index())
      layers.emplace(layer.tflite_index(), &layer);
  }
  return layers;
}

void CompareLayers(const v1::JobResult& base, const v1::JobResult& other,
                   v1::CompareJobsResponse* response) {
  for (const v1::JobResult* job : {&base, &other}) {
    if (job->layers().empty()) {
      response->add_notes(fmt::format(
          "job {} shows no layers; measure it with profile or layer_hashes", job->job_id()));
    }
  }
  if (base.layers().empty() || other.layers().empty()) return;
  if (base.model_sha256() != other.model_sha256()) {
    response->add_notes("layers are compared within one model only");
    return;
  }
  const auto left = FirstLayers(base);
  const auto right = FirstLayers(other);
  std::map<uint32_t, std::pair<const v1::LayerHash*, const v1::LayerHash*>> both;
  for (const auto& [index, layer] : left) both[index].first = layer;
  for (const auto& [index, layer] : right) both[index].second = layer;
  const bool same_input = base.vector_set() == other.vector_set();
  for (const auto& [index, pair] : both) {
    const auto& [a, b] = pair;
    v1::LayerChange& change = *response->add_layers();
    change.set_tflite_index(index);
    change.set_op_name(a != nullptr ? a->op_name() : b->op_name());
    if (a != nullptr && a->has_counted()) change.set_base(a->counted());
    if (b != nullptr && b->has_counted()) change.set_other(b->counted());
    change.set_unit(base.fidelity() == v1::FIDELITY_EMULATED   ? "instructions"
                    : base.fidelity() == v1::FIDELITY_HARDWARE ? "cycles"
                                                               : "ns");
    change.set_same_output(same_input && a != nullptr && b != nullptr && a->bytes() == b->bytes() &&
                           a->fnv1a32() == b->fnv1a32());
  }
}

}  // namespace

Result<v1::CompareJobsResponse> CompareJobs(Reader& reader, const v1::CompareJobsRequest& request) {
  TRY_ASSIGN(v1::JobResult base, EndedJob(reader, request.base_job_id()));
  TRY_ASSIGN(v1::JobResult other, EndedJob(reader, request.other_job_id()));
  if (base.fidelity() != other.fidelity()) {
    return Status(
        Code::kInvalidArgument,
        fmt::format("job {} is {}, job {} is {}; such numbers are never compared", base.job_id(),
                    ToText(base.fidelity()), other.job_id(), ToText(other.fidelity())));
  }
  v1::CompareJobsResponse response;
  NoteWhatDiffers(base, other, &response);
  CompareMetrics(base, other, &response);
  NoteWhatOnlyOneHas(base, other, &response);
  NoteWhatOnlyOneHas(other, base, &response);
  CompareLayers(base, other, &response);
  base.clear_layers();
  other.clear_layers();
  *response.mutable_base_job() = std::move(base);
  *response.mutable_other_job() = std::move(other);
  return response;
}

}  // namespace tinyrig::server
