#include "server/cli/report/json.h"

#include <fmt/format.h>

#include <cmath>

#include "server/cli/campaign/metrics.h"

namespace tinyrig::cli {
namespace {

void SetIfAny(Json& json, const char* key, const std::string& value) {
  if (!value.empty()) json[key] = value;
}

Json VariantJson(const v1::Variant& variant) {
  return {{"kernels", variant.kernels()},
          {"weights", variant.weights()},
          {"fusion", variant.fusion()},
          {"synthesis", variant.synthesis()}};
}

Json MeasurementJson(const v1::Measurement& m) {
  return {{"metric", m.metric()},
          {"value", NumberJson(m.value())},
          {"unit", m.unit()},
          {"uncertainty", NumberJson(m.uncertainty())},
          {"fidelity", FidelityName(m.fidelity())},
          {"method", m.method()}};
}

Json LayerJson(const v1::LayerHash& layer) {
  Json json = {{"vector", layer.vector()},
               {"op", layer.op_index()},
               {"tflite_index", layer.tflite_index()},
               {"op_name", layer.op_name()},
               {"tensor", layer.tensor_index()},
               {"bytes", layer.bytes()},
               {"fnv1a32", fmt::format("{:08x}", layer.fnv1a32())}};
  SetIfAny(json, "form", layer.form());
  if (!layer.output_shape().empty()) {
    json["output_shape"] =
        std::vector<uint32_t>(layer.output_shape().begin(), layer.output_shape().end());
  }
  if (layer.has_macs()) json["macs"] = layer.macs();
  if (layer.ticks() != 0) json["ticks"] = layer.ticks();
  if (layer.has_counted()) json["counted"] = layer.counted();
  return json;
}

Json Ids(const google::protobuf::RepeatedPtrField<v1::JobResult>& results) {
  Json ids = Json::array();
  for (const v1::JobResult& result : results) ids.push_back(result.job_id());
  return ids;
}

}  // namespace

Json NumberJson(double value) {
  if (!std::isfinite(value)) return nullptr;
  if (value == std::floor(value) && std::abs(value) < 0x1p53) return static_cast<int64_t>(value);
  return value;
}

Json FailureJson(const v1::Failure& failure) {
  Json evidence = Json::array();
  for (const std::string& line : failure.evidence()) evidence.push_back(line);
  return {{"owner", OwnerName(failure.owner())},
          {"code", failure.code()},
          {"message", failure.message()},
          {"evidence", evidence}};
}

Json JobJson(const JobRecord& record) {
  const v1::JobResult& result = record.result;
  Json json = {{"job_id", result.job_id()},
               {"campaign_id", result.campaign_id()},
               {"state", StateName(result.state())},
               {"model", result.model()},
               {"model_sha256", result.model_sha256()},
               {"variant", VariantJson(result.variant())},
               {"board_type", result.board_type()}};
  SetIfAny(json, "board", result.board_id());
  if (result.attempt() != 0) json["attempt"] = result.attempt();
  SetIfAny(json, "fidelity", FidelityName(result.fidelity()));
  for (const v1::Measurement& m : result.measurements()) json[m.metric()] = NumberJson(m.value());
  SetIfAny(json, "image_sha256", result.image_sha256());
  SetIfAny(json, "vector_set", result.vector_set());
  SetIfAny(json, "ended", FormatTime(result.ended_us()));
  if (result.has_failure()) json["failure"] = FailureJson(result.failure());
  if (!result.measurements().empty()) {
    Json& list = json["measurements"] = Json::array();
    for (const v1::Measurement& m : result.measurements()) list.push_back(MeasurementJson(m));
  }
  if (!result.layers().empty()) {
    Json& list = json["layers"] = Json::array();
    for (const v1::LayerHash& layer : result.layers()) list.push_back(LayerJson(layer));
  }
  return json;
}

Json FrontJson(const v1::Front& front) {
  Json json = {
      {"board_type", front.points().empty() ? "" : front.points(0).board_type()},
      {"fidelity", front.points().empty() ? "" : FidelityName(front.points(0).fidelity())}};
  if (const std::string model = ModelOfFront(front); !model.empty()) json["model"] = model;
  json["goals"] = {{"min", Json(std::vector<std::string>(front.goals().minimize().begin(),
                                                         front.goals().minimize().end()))},
                   {"max", Json(std::vector<std::string>(front.goals().maximize().begin(),
                                                         front.goals().maximize().end()))}};
  json["front"] = Ids(front.points());
  json["dominated"] = Ids(front.dominated());
  json["notes"] = std::vector<std::string>(front.notes().begin(), front.notes().end());
  Json& ties = json["ties"] = Json::array();
  for (const v1::Tie& tie : front.ties()) {
    ties.push_back(std::vector<uint64_t>(tie.job_ids().begin(), tie.job_ids().end()));
  }
  if (front.knee_job_id() != 0) json["knee"] = front.knee_job_id();
  if (front.has_hypervolume()) json["hypervolume"] = NumberJson(front.hypervolume());
  Json& best = json["best"] = Json::array();
  for (const v1::BestUnder& one : front.best()) {
    if (one.job_id() == 0) continue;
    best.push_back(
        {{"metric", one.metric()}, {"limit_bytes", one.limit_bytes()}, {"job_id", one.job_id()}});
  }
  return json;
}

Json ComparisonJson(const v1::CompareJobsResponse& comparison) {
  Json json = {{"base", JobJson({{}, comparison.base_job()})},
               {"other", JobJson({{}, comparison.other_job()})}};
  Json& metrics = json["metrics"] = Json::array();
  for (const v1::MetricChange& change : comparison.changes()) {
    metrics.push_back({{"metric", change.metric()},
                       {"unit", change.unit()},
                       {"base", NumberJson(change.base())},
                       {"base_uncertainty", NumberJson(change.base_uncertainty())},
                       {"other", NumberJson(change.other())},
                       {"other_uncertainty", NumberJson(change.other_uncertainty())},
                       {"difference", NumberJson(change.other() - change.base())},
                       {"separated", change.separated()}});
  }
  Json& layers = json["layers"] = Json::array();
  for (const v1::LayerChange& layer : comparison.layers()) {
    Json one = {{"tflite_index", layer.tflite_index()},
                {"op_name", layer.op_name()},
                {"unit", layer.unit()}};
    if (layer.has_base()) one["base"] = layer.base();
    if (layer.has_other()) one["other"] = layer.other();
    one["same_output"] = layer.same_output();
    layers.push_back(std::move(one));
  }
  json["notes"] = std::vector<std::string>(comparison.notes().begin(), comparison.notes().end());
  return json;
}

Json CampaignJson(const CampaignRecord& record) {
  Json json = {{"campaign_id", record.campaign.campaign_id()},
               {"name", record.campaign.spec().name()},
               {"ended", record.campaign.ended()}};
  Json& jobs = json["jobs"] = Json::array();
  for (const JobRecord& job : record.jobs) jobs.push_back(JobJson(job));
  Json front = Json::array();
  Json fronts = Json::array();
  for (const v1::Front& one : record.fronts) {
    for (const Json& id : Ids(one.points())) front.push_back(id);
    fronts.push_back(FrontJson(one));
  }
  json["front"] = std::move(front);
  json["fronts"] = std::move(fronts);
  return json;
}

Json BoardJson(const v1::Board& board) {
  Json json = {{"board_id", board.board_id()},
               {"board_type", board.board_type()},
               {"agent_id", board.agent_id()},
               {"state", EnumWord(v1::BoardState_Name(board.state()), "BOARD_STATE_")},
               {"health", EnumWord(v1::BoardHealth_Name(board.health()), "BOARD_HEALTH_")}};
  SetIfAny(json, "probe_serial", board.probe_serial());
  SetIfAny(json, "mcu_uid", board.mcu_uid());
  SetIfAny(json, "note", board.note());
  for (const v1::Label& label : board.labels()) json["labels"][label.key()] = label.value();
  if (board.job_id() != 0) json["job_id"] = board.job_id();
  SetIfAny(json, "reserved_by", board.reserved_by());
  SetIfAny(json, "reserved_until", FormatTime(board.reserved_until_us()));
  return json;
}

std::string Dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tinyrig::cli
