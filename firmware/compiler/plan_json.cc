#include "firmware/compiler/plan_json.h"

#include <nlohmann/json.hpp>

namespace tinyrig::compiler {
namespace {

using nlohmann::ordered_json;

ordered_json ToJson(const TensorInfo& info) {
  return {{"name", info.name},
          {"tflite_tensor", info.tflite_tensor},
          {"type", info.type},
          {"shape", info.shape},
          {"bytes", info.bytes},
          {"scale", info.scale},
          {"zero_point", info.zero_point}};
}

ordered_json ToJson(const PlannedOp& op) {
  return {{"name", op.name},
          {"tflite_op", op.tflite_op},
          {"input_shapes", op.input_shapes},
          {"output_shape", op.output_shape},
          {"form", op.form},
          {"macs", op.macs},
          {"scratch_bytes", op.scratch_bytes},
          {"weights_bytes", op.weights_bytes},
          {"note", op.note}};
}

ordered_json ToJson(const PlannedBuffer& buffer) {
  return {{"name", buffer.name},         {"tflite_tensors", buffer.tflite_tensors},
          {"offset", buffer.offset},     {"bytes", buffer.bytes},
          {"first_op", buffer.first_op}, {"last_op", buffer.last_op}};
}

ordered_json ToJson(const PassNote& note) {
  return {{"pass", note.pass}, {"tflite_op", note.tflite_op}, {"text", note.text}};
}

ordered_json ToJson(const OpInfo& op) {
  return {{"index", op.index},
          {"name", op.name},
          {"version", op.version},
          {"supported", op.supported},
          {"inputs", op.inputs},
          {"outputs", op.outputs},
          {"output_shape", op.output_shape},
          {"macs", op.macs},
          {"weights_bytes", op.weights_bytes}};
}

template <typename T>
ordered_json ToArray(const std::vector<T>& items) {
  ordered_json array = ordered_json::array();
  for (const T& item : items) array.push_back(ToJson(item));
  return array;
}

}  // namespace

ordered_json ToJson(const Plan& plan) {
  ordered_json json = {{"variant", plan.variant.ToString()},
                       {"arena_bytes", plan.arena_bytes},
                       {"arena_lower_bound_bytes", plan.arena_lower_bound_bytes},
                       {"arena_without_io_bytes", plan.arena_without_io_bytes},
                       {"blob_bytes", plan.blob_bytes},
                       {"weights_bytes", plan.weights_bytes},
                       {"tables_bytes", plan.tables_bytes},
                       {"macs", plan.macs},
                       {"inputs", ToArray(plan.inputs)},
                       {"outputs", ToArray(plan.outputs)},
                       {"passes", ToArray(plan.passes)},
                       {"ops", ToArray(plan.ops)},
                       {"buffers", ToArray(plan.buffers)}};
  if (plan.fusion) {
    json["fusion"] = {{"blocks", plan.fusion->blocks},
                      {"macs", plan.fusion->macs},
                      {"macs_unfused", plan.fusion->macs_unfused},
                      {"peak_ram_without_io_bytes", plan.fusion->peak_ram_without_io_bytes}};
  }
  return json;
}

ordered_json ToJson(const ModelInfo& info) {
  return {{"file_bytes", info.file_bytes},
          {"macs", info.macs},
          {"constant_bytes", info.constant_bytes},
          {"supported", info.supported},
          {"refusal", info.refusal},
          {"inputs", ToArray(info.inputs)},
          {"outputs", ToArray(info.outputs)},
          {"ops", ToArray(info.ops)},
          {"tensors", ToArray(info.tensors)}};
}

}  // namespace tinyrig::compiler
