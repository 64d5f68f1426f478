#include "server/model/plan_facts.h"

#include <nlohmann/json.hpp>

#include "server/model/plan_record.h"

namespace tinyrig::server {

NLOHMANN_JSON_SERIALIZE_ENUM(OutputType, {{OutputType::kOther, "other"},
                                          {OutputType::kInt8, "int8"},
                                          {OutputType::kFloat32, "float32"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PlanInput, elements, is_float32)
// With defaults: databases of earlier versions have plans without the later fields.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(PlanOp, name, tflite_index, macs, form,
                                                output_shape)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(PlanFacts, macs, blob_bytes, arena_bytes,
                                                input_bytes, inputs, output_bytes,
                                                first_output_bytes, first_output_type,
                                                flash_model_bytes, flash_total_bytes,
                                                ram_static_bytes, ram_rig_bytes, ops)

std::string PlanFactsToJson(const PlanFacts& facts) { return nlohmann::json(facts).dump(); }

bool PlanFactsFromJson(const std::string& json, PlanFacts* facts) {
  try {
    nlohmann::json::parse(json).get_to(*facts);
    return true;
  } catch (const nlohmann::json::exception&) {
    *facts = {};
    return false;
  }
}

std::string VectorSetKey(const v1::VectorSetRef& vectors) {
  return vectors.has_npz() ? vectors.npz().sha256() : "patterns:" + vectors.patterns();
}

}  // namespace tinyrig::server
