#include "firmware/compiler/graph.h"

#include <fmt/format.h>

namespace tinyrig::compiler {

std::string_view DataTypeName(DataType type) {
  switch (type) {
    case DataType::kFloat32:
      return "float32";
    case DataType::kFloat16:
      return "float16";
    case DataType::kInt32:
      return "int32";
    case DataType::kUint8:
      return "uint8";
    case DataType::kInt64:
      return "int64";
    case DataType::kString:
      return "string";
    case DataType::kBool:
      return "bool";
    case DataType::kInt16:
      return "int16";
    case DataType::kComplex64:
      return "complex64";
    case DataType::kInt8:
      return "int8";
    case DataType::kOther:
      break;
  }
  return "unknown type";
}

size_t DataTypeBytes(DataType type) {
  switch (type) {
    case DataType::kUint8:
    case DataType::kBool:
    case DataType::kInt8:
      return 1;
    case DataType::kFloat16:
    case DataType::kInt16:
      return 2;
    case DataType::kFloat32:
    case DataType::kInt32:
      return 4;
    case DataType::kInt64:
    case DataType::kComplex64:
      return 8;
    case DataType::kString:
    case DataType::kOther:
      break;
  }
  return 0;
}

uint64_t Tensor::ElementCount() const {
  uint64_t count = 1;
  for (uint32_t dim : shape) count *= dim;
  return count;
}

std::string Op::Describe() const {
  return fmt::format("operator {} ({} version {})", tflite_index, name, version);
}

std::string DescribeTensor(const Graph& graph, int32_t index) {
  if (index < 0 || static_cast<size_t>(index) >= graph.tensors.size()) {
    return fmt::format("tensor {}", index);
  }
  return fmt::format("tensor {} '{}'", index, graph.tensor(index).name);
}

namespace {

Status Invalid(const std::string& message) {
  return {Code::kInvalidArgument, message + "; convert the model again"};
}

Status CheckOp(const Graph& graph, const Op& op, std::vector<bool>& available) {
  const auto in_range = [&](int32_t index) {
    return index >= 0 && static_cast<size_t>(index) < graph.tensors.size();
  };
  for (int32_t input : op.inputs) {
    if (input == -1) continue;
    if (!in_range(input)) {
      return Invalid(fmt::format("{} reads tensor {}, but there are {} tensors", op.Describe(),
                                 input, graph.tensors.size()));
    }
    if (!available[static_cast<size_t>(input)]) {
      return Invalid(fmt::format("{} reads {}, which nothing computes before it", op.Describe(),
                                 DescribeTensor(graph, input)));
    }
  }
  if (op.outputs.empty()) return Invalid(op.Describe() + " has no output");
  for (int32_t output : op.outputs) {
    if (!in_range(output)) {
      return Invalid(fmt::format("{} writes tensor {}, but there are {} tensors", op.Describe(),
                                 output, graph.tensors.size()));
    }
    if (available[static_cast<size_t>(output)]) {
      return Invalid(fmt::format("{} writes {}, which is a constant, an input or computed before",
                                 op.Describe(), DescribeTensor(graph, output)));
    }
    available[static_cast<size_t>(output)] = true;
  }
  return OkStatus();
}

}  // namespace

Status CheckGraph(const Graph& graph) {
  std::vector<bool> available(graph.tensors.size());
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    available[i] = graph.tensors[i].constant.has_value();
  }
  for (uint32_t input : graph.inputs) {
    if (input >= available.size()) {
      return Invalid(fmt::format("the model's input is tensor {}, but there are {} tensors", input,
                                 available.size()));
    }
    if (available[input]) {
      return Invalid(fmt::format("{} is a constant or named twice, but also an input of the model",
                                 DescribeTensor(graph, static_cast<int32_t>(input))));
    }
    available[input] = true;
  }
  for (const Op& op : graph.ops) TRY(CheckOp(graph, op, available));
  for (uint32_t output : graph.outputs) {
    if (output >= available.size() || !available[output] || graph.tensors[output].constant) {
      return Invalid(fmt::format("{} is an output of the model, but nothing computes it",
                                 DescribeTensor(graph, static_cast<int32_t>(output))));
    }
  }
  return OkStatus();
}

}  // namespace tinyrig::compiler
