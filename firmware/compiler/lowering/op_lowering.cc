#include "firmware/compiler/lowering/op_lowering.h"

#include <fmt/format.h>

#include <cstring>
#include <numeric>

namespace tinyrig::compiler {
namespace {

Status Invalid(std::string message) {
  return {Code::kInvalidArgument, message + "; convert the model again"};
}

bool IsOf(DataType type, Elements elements) {
  const bool any = elements == Elements::kAny;
  return ((any || elements == Elements::kInt8) && type == DataType::kInt8) ||
         ((any || elements == Elements::kFloat32) && type == DataType::kFloat32) ||
         (any && type == DataType::kInt32);
}

std::string_view NameOf(Elements elements) {
  if (elements == Elements::kAny) return "int8, float32 or int32";
  return elements == Elements::kInt8 ? "int8" : "float32";
}

Status CheckScale(const std::string& name, const Quantization& quantization) {
  if (quantization.scale.size() != 1) {
    return {Code::kUnimplemented,
            fmt::format("{} has {} scales, not 1; convert the model with full integer quantisation",
                        name, quantization.scale.size())};
  }
  if (quantization.scale[0] > 0) return OkStatus();
  return Invalid(
      fmt::format("{} has scale {}, not a positive number", name, quantization.scale[0]));
}

}  // namespace

Status Contradiction(std::string message) {
  return {Code::kInvalidArgument, message + "; convert the model again"};
}

Status CheckElements(const Graph& graph, int32_t index, Elements elements) {
  const Tensor& tensor = graph.tensor(index);
  const std::string name = DescribeTensor(graph, index);
  if (!IsOf(tensor.type, elements)) {
    return {Code::kUnimplemented,
            fmt::format("{} is {}, not {}; convert the model with full integer quantisation (int8 "
                        "inputs and outputs)",
                        name, DataTypeName(tensor.type), NameOf(elements))};
  }
  if (tensor.type == DataType::kInt8) TRY(CheckScale(name, tensor.quantization));
  if (tensor.shape.size() > runtime::kMaxRank) {
    return {Code::kUnimplemented, fmt::format("{} has {} dimensions, more than {}; reshape it",
                                              name, tensor.shape.size(), runtime::kMaxRank)};
  }
  return OkStatus();
}

Result<LoweredOp> StartSteps(const LoweringInput& input, runtime::OpKind kind,
                             std::vector<size_t> activations, Elements elements, bool constants) {
  const Op& op = input.op;
  LoweredOp lowered;
  lowered.kind = kind;
  lowered.name = op.name;
  lowered.tflite_op = op.tflite_index;
  for (const size_t i : activations) {
    if (i >= op.inputs.size() || op.inputs[i] < 0) return Invalid(fmt::format("lacks input {}", i));
    TRY(CheckElements(input.graph, op.inputs[i], elements));
    if (input.graph.tensor(op.inputs[i]).constant && !constants) {
      return Status(Code::kUnimplemented,
                    fmt::format("{} is a constant where an activation is expected; fold constants "
                                "when converting",
                                DescribeTensor(input.graph, op.inputs[i])));
    }
    lowered.inputs.push_back(static_cast<uint32_t>(op.inputs[i]));
  }
  return lowered;
}

Result<LoweredOp> StartOp(const LoweringInput& input, runtime::OpKind kind, size_t activations) {
  std::vector<size_t> indices(activations);
  std::iota(indices.begin(), indices.end(), size_t{0});
  TRY_ASSIGN(LoweredOp lowered, StartSteps(input, kind, std::move(indices), Elements::kInt8));
  TRY_ASSIGN(lowered.output, OnlyOutput(input, Elements::kInt8));
  return lowered;
}

Result<uint32_t> OnlyOutput(const LoweringInput& input, Elements elements) {
  if (input.op.outputs.size() != 1) {
    return Invalid(fmt::format("has {} outputs, not 1", input.op.outputs.size()));
  }
  TRY(CheckElements(input.graph, input.op.outputs[0], elements));
  return static_cast<uint32_t>(input.op.outputs[0]);
}

Status CheckSameType(const Tensor& from, const Tensor& to) {
  if (from.type == to.type) return OkStatus();
  return Invalid(fmt::format("makes {} of {}", DataTypeName(to.type), DataTypeName(from.type)));
}

Status CheckSameScale(const Tensor& from, const Tensor& to) {
  TRY(CheckSameType(from, to));
  if (from.type != DataType::kInt8 ||
      (ScaleOf(from) == ScaleOf(to) && ZeroPointOf(from) == ZeroPointOf(to))) {
    return OkStatus();
  }
  return Invalid(fmt::format("takes values of scale {} and zero point {} as ones of {} and {}",
                             ScaleOf(from), ZeroPointOf(from), ScaleOf(to), ZeroPointOf(to)));
}

Status CheckShape(const Tensor& tensor, const std::vector<uint32_t>& expected) {
  if (tensor.shape == expected) return OkStatus();
  return Invalid(fmt::format("gives [{}], but its output tensor is [{}]", fmt::join(expected, ", "),
                             fmt::join(tensor.shape, ", ")));
}

Result<std::vector<int32_t>> ReadIntegers(const LoweringInput& input, size_t index,
                                          std::string_view what) {
  if (index >= input.op.inputs.size() || input.op.inputs[index] < 0) {
    return Invalid(fmt::format("has no {}", what));
  }
  const int32_t tensor_index = input.op.inputs[index];
  const Tensor& tensor = input.graph.tensor(tensor_index);
  const std::string name = DescribeTensor(input.graph, tensor_index);
  if (!tensor.constant) {
    return Status(Code::kUnimplemented,
                  fmt::format("{} ({}) is computed; only constants are supported", name, what));
  }
  if (tensor.type != DataType::kInt32 && tensor.type != DataType::kInt64) {
    return Invalid(fmt::format("{} ({}) is {}, not int32", name, what, DataTypeName(tensor.type)));
  }
  const size_t width = DataTypeBytes(tensor.type);
  std::vector<int32_t> values(tensor.constant->size() / width);
  for (size_t i = 0; i < values.size(); ++i) {
    int64_t value = 0;
    std::memcpy(&value, tensor.constant->data() + i * width, width);
    if (width == sizeof(int32_t)) value = static_cast<int32_t>(value);
    if (value < INT32_MIN || value > INT32_MAX) {
      return Invalid(fmt::format("{} ({}) has the value {}", name, what, value));
    }
    values[i] = static_cast<int32_t>(value);
  }
  return values;
}

Result<size_t> ResolveAxis(int32_t axis, size_t rank) {
  const int64_t resolved = axis < 0 ? int64_t{axis} + static_cast<int64_t>(rank) : axis;
  if (resolved < 0 || resolved >= static_cast<int64_t>(rank)) {
    return Invalid(fmt::format("works along dimension {} of {}", axis, rank));
  }
  return static_cast<size_t>(resolved);
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
