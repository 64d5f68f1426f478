#include "server/model/plan_facts.h"

#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

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
                                                ram_static_bytes, ram_rig_bytes, ops, fused_macs,
                                                fused_macs_unfused, fused_peak_without_io_bytes)

std::string PlanFactsToJson(const PlanFacts& facts) { return nlohmann::json(facts).dump(); }

namespace {

/// Every offer and every result reads the facts of its plan, and plans are few: those that were
/// parsed last are kept by their text. One more than kMax empties it.
class ParsedFacts {
 public:
  std::shared_ptr<const PlanFacts> Find(const std::string& json) {
    const std::lock_guard lock(mutex_);
    const auto found = parsed_.find(json);
    return found == parsed_.end() ? nullptr : found->second;
  }
  void Add(const std::string& json, PlanFacts facts) {
    const std::lock_guard lock(mutex_);
    if (parsed_.size() >= kMax) parsed_.clear();
    parsed_[json] = std::make_shared<const PlanFacts>(std::move(facts));
  }

 private:
  static constexpr size_t kMax = 512;
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const PlanFacts>> parsed_;
};

}  // namespace

bool PlanFactsFromJson(const std::string& json, PlanFacts* facts) {
  static ParsedFacts& known = *new ParsedFacts;
  if (const auto parsed = known.Find(json)) {
    *facts = *parsed;
    return true;
  }
  try {
    nlohmann::json::parse(json).get_to(*facts);
  } catch (const nlohmann::json::exception&) {
    *facts = {};
    return false;
  }
  known.Add(json, *facts);
  return true;
}

std::string VectorSetKey(const v1::VectorSetRef& vectors) {
  return vectors.has_npz() ? vectors.npz().sha256() : "patterns:" + vectors.patterns();
}

}  // namespace tinyrig::server
