#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// What planning found out about one variant on one board type, in numbers; kept for evaluating
/// results later.
namespace tinyrig::server {

/// Type of a model's output elements, as far as top-1 accuracy needs it.
enum class OutputType : uint8_t { kInt8, kFloat32, kOther };

struct PlanOp {
  std::string name;           ///< "CONV_2D".
  uint32_t tflite_index = 0;  ///< Position in the model file.
  uint64_t macs = 0;
  std::string form;  ///< Of the weights: "packed int8".
  std::vector<uint32_t> output_shape;
};

struct PlanInput {
  uint32_t elements = 0;
  bool is_float32 = false;  ///< Else one byte an element.
};

/// All sizes in bytes. `flash_*` and `ram_*` split into model cost (the variant needs it) and rig
/// cost (only the measuring firmware needs it).
struct PlanFacts {
  uint64_t macs = 0;
  uint64_t blob_bytes = 0;
  uint64_t arena_bytes = 0;  ///< Activations and scratch, as planned.
  uint32_t input_bytes = 0;  ///< Of all inputs together, one vector.
  std::vector<PlanInput> inputs;
  uint32_t output_bytes = 0;  ///< Of all outputs together, one vector.
  uint32_t first_output_bytes = 0;
  OutputType first_output_type = OutputType::kInt8;
  uint64_t flash_model_bytes = 0;  ///< Blob + runtime core + the kernels this model uses.
  uint64_t flash_total_bytes = 0;  ///< Blob + the whole firmware, gaps not counted.
  uint64_t ram_static_bytes = 0;   ///< Static data of the runtime: model cost.
  uint64_t ram_rig_bytes = 0;
  std::vector<PlanOp> ops;  ///< Those whose output a run shows, in the order of execution.
  /// Of the layers that are fused; 0 where none are.
  uint64_t fused_macs = 0;
  uint64_t fused_macs_unfused = 0;
  uint64_t fused_peak_without_io_bytes = 0;
};

/// To and from the JSON text that the store keeps. False, with empty facts, for a text that is not
/// one.
std::string PlanFactsToJson(const PlanFacts& facts);
bool PlanFactsFromJson(const std::string& json, PlanFacts* facts);

}  // namespace tinyrig::server
