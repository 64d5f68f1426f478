#include "firmware/compiler/lowering/op_lowering.h"

#include <fmt/format.h>

#include <cstring>

namespace tinyrig::compiler {
namespace {

Status Invalid(std::string message) {
  return {Code::kInvalidArgument, message + "; convert the model again"};
}

Status CheckActivation(const Graph& graph, int32_t index) {
  const Tensor& tensor = graph.tensor(index);
  const std::string name = DescribeTensor(graph, index);
  if (tensor.type != DataType::kInt8) {
    return {Code::kUnimplemented,
            fmt::format("{} is {}, not int8; convert the model with full integer quantisation "
                        "(int8 inputs and outputs)",
                        name, DataTypeName(tensor.type))};
  }
  if (tensor.quantization.scale.size() != 1) {
    return {Code::kUnimplemented,
            fmt::format("{} has {} scales, not 1; convert the model with full integer quantisation",
                        name, tensor.quantization.scale.size())};
  }
  if (tensor.quantization.scale[0] <= 0) {
    return Invalid(
        fmt::format("{} has scale {}, not a positive number", name, tensor.quantization.scale[0]));
  }
  if (tensor.shape.size() > runtime::kMaxRank) {
    return {Code::kUnimplemented, fmt::format("{} has {} dimensions, more than {}; reshape it",
                                              name, tensor.shape.size(), runtime::kMaxRank)};
  }
  return OkStatus();
}

}  // namespace

Result<LoweredOp> StartOp(const LoweringInput& input, runtime::OpKind kind, size_t activations) {
  const Op& op = input.op;
  if (op.inputs.size() < activations || op.outputs.size() != 1) {
    return Invalid(
        fmt::format("has {} inputs and {} outputs", op.inputs.size(), op.outputs.size()));
  }
  LoweredOp lowered;
  lowered.kind = kind;
  lowered.name = op.name;
  lowered.tflite_op = op.tflite_index;
  for (size_t i = 0; i < activations; ++i) {
    if (op.inputs[i] < 0) return Invalid(fmt::format("lacks input {}", i));
    TRY(CheckActivation(input.graph, op.inputs[i]));
    if (input.graph.tensor(op.inputs[i]).constant) {
      return Status(Code::kUnimplemented,
                    fmt::format("{} is a constant where an activation is expected; fold constants "
                                "when converting",
                                DescribeTensor(input.graph, op.inputs[i])));
    }
    lowered.inputs.push_back(static_cast<uint32_t>(op.inputs[i]));
  }
  TRY(CheckActivation(input.graph, op.outputs[0]));
  lowered.output = static_cast<uint32_t>(op.outputs[0]);
  return lowered;
}

Status CheckRank(const Graph& graph, int32_t tensor, size_t rank) {
  const size_t actual = graph.tensor(tensor).shape.size();
  if (actual == rank) return OkStatus();
  return Invalid(
      fmt::format("{} has {} dimensions, not {}", DescribeTensor(graph, tensor), actual, rank));
}

Result<std::vector<int8_t>> ReadWeights(const LoweringInput& input, size_t index, uint32_t axis) {
  if (index >= input.op.inputs.size() || input.op.inputs[index] < 0) {
    return Invalid("has no weights");
  }
  const int32_t tensor_index = input.op.inputs[index];
  const Tensor& tensor = input.graph.tensor(tensor_index);
  const std::string name = DescribeTensor(input.graph, tensor_index);
  if (!tensor.constant) {
    return Status(Code::kUnimplemented,
                  name + " (weights) is computed; only constant weights are supported");
  }
  if (tensor.type != DataType::kInt8) {
    return Status(Code::kUnimplemented,
                  fmt::format("{} (weights) is {}, not int8; convert the model with full integer "
                              "quantisation",
                              name, DataTypeName(tensor.type)));
  }
  const Quantization& quantization = tensor.quantization;
  if (quantization.scale.empty()) return Invalid(name + " (weights) is not quantised");
  if (quantization.scale.size() > 1 && quantization.axis != axis) {
    return Invalid(fmt::format("{} (weights) is quantised along dimension {}, not {}", name,
                               quantization.axis, axis));
  }
  for (int32_t zero : quantization.zero_point) {
    if (zero != 0) {
      return Status(Code::kUnimplemented,
                    fmt::format("{} (weights) has zero point {}; only symmetric weights are "
                                "supported",
                                name, zero));
    }
  }
  std::vector<int8_t> values(tensor.constant->size());
  std::memcpy(values.data(), tensor.constant->data(), values.size());
  return values;
}

Result<std::vector<int32_t>> ReadBias(const LoweringInput& input, size_t index, size_t count) {
  if (index >= input.op.inputs.size() || input.op.inputs[index] < 0) {
    return std::vector<int32_t>(count);
  }
  const int32_t tensor_index = input.op.inputs[index];
  const Tensor& tensor = input.graph.tensor(tensor_index);
  const std::string name = DescribeTensor(input.graph, tensor_index);
  if (!tensor.constant || tensor.type != DataType::kInt32) {
    return Status(
        Code::kUnimplemented,
        fmt::format("{} (bias) is {} {}; only constant int32 is supported", name,
                    tensor.constant ? "constant" : "computed", DataTypeName(tensor.type)));
  }
  if (tensor.ElementCount() != count) {
    return Invalid(
        fmt::format("{} (bias) has {} values for {} channels", name, tensor.ElementCount(), count));
  }
  std::vector<int32_t> values(count);
  std::memcpy(values.data(), tensor.constant->data(), count * sizeof(int32_t));
  return values;
}

}  // namespace tinyrig::compiler
