#include "firmware/compiler/tflite/writer.h"

#include <algorithm>
#include <cstring>

#include "firmware/compiler/tflite/schema_generated.h"

namespace tinyrig::compiler {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

struct BuiltOptions {
  uint8_t type = 0;
  Offset<fbs::AnyTable> table;
};

struct OptionsBuilder {
  FlatBufferBuilder& fbb;
  int32_t builtin;
  int32_t outputs;

  template <typename T>
  static BuiltOptions Any(uint8_t type, Offset<T> table) {
    return {type, Offset<fbs::AnyTable>(table.o)};
  }
  static int8_t Byte(auto value) { return static_cast<int8_t>(value); }
  static int32_t Int(uint32_t value) { return static_cast<int32_t>(value); }

  BuiltOptions operator()(std::monostate) const {
    if (builtin != static_cast<int32_t>(Builtin::kSplit)) return {};
    return Any(35, fbs::CreateSplitOptions(fbb, outputs));
  }
  BuiltOptions operator()(const ConvOptions& o) const {
    if (builtin == static_cast<int32_t>(Builtin::kConv2D)) {
      return Any(
          1, fbs::CreateConv2DOptions(fbb, Byte(o.padding), Int(o.stride_w), Int(o.stride_h),
                                      Byte(o.activation), Int(o.dilation_w), Int(o.dilation_h)));
    }
    return Any(
        2, fbs::CreateDepthwiseConv2DOptions(fbb, Byte(o.padding), Int(o.stride_w), Int(o.stride_h),
                                             Int(o.depth_multiplier), Byte(o.activation),
                                             Int(o.dilation_w), Int(o.dilation_h)));
  }
  BuiltOptions operator()(const PoolOptions& o) const {
    return Any(5, fbs::CreatePool2DOptions(fbb, Byte(o.padding), Int(o.stride_w), Int(o.stride_h),
                                           Int(o.kernel_w), Int(o.kernel_h), Byte(o.activation)));
  }
  BuiltOptions operator()(const FullyConnectedOptions& o) const {
    return Any(8, fbs::CreateFullyConnectedOptions(fbb, Byte(o.activation), 0, o.keep_num_dims));
  }
  BuiltOptions operator()(const SoftmaxOptions& o) const {
    return Any(9, fbs::CreateSoftmaxOptions(fbb, o.beta));
  }
  BuiltOptions operator()(const AddOptions& o) const {
    const auto kind = static_cast<Builtin>(builtin);
    const uint8_t type = kind == Builtin::kMul ? 21 : (kind == Builtin::kSub ? 28 : 11);
    return Any(type, fbs::CreateAddOptions(fbb, Byte(o.activation)));
  }
  BuiltOptions operator()(const ConcatenationOptions& o) const {
    return Any(10, fbs::CreateConcatenationOptions(fbb, o.axis, Byte(o.activation)));
  }
  BuiltOptions operator()(const ReduceOptions& o) const {
    return Any(27, fbs::CreateReducerOptions(fbb, o.keep_dims));
  }
  BuiltOptions operator()(const LeakyReluOptions& o) const {
    return Any(75, fbs::CreateLeakyReluOptions(fbb, o.alpha));
  }
  BuiltOptions operator()(const ResizeNearestOptions& o) const {
    return Any(74,
               fbs::CreateResizeNearestNeighborOptions(fbb, o.align_corners, o.half_pixel_centers));
  }
  BuiltOptions operator()(const StridedSliceOptions& o) const {
    return Any(32, fbs::CreateStridedSliceOptions(fbb, Int(o.begin_mask), Int(o.end_mask),
                                                  Int(o.ellipsis_mask), Int(o.new_axis_mask),
                                                  Int(o.shrink_axis_mask), o.offset));
  }
};

Offset<fbs::Operator> BuildOp(FlatBufferBuilder& fbb, const OpSpec& op, uint32_t opcode) {
  BuiltOptions options = std::visit(
      OptionsBuilder{fbb, op.builtin, static_cast<int32_t>(op.outputs.size())}, op.options);
  if (op.options_type >= 0) options.type = static_cast<uint8_t>(op.options_type);
  const auto inputs = fbb.CreateVector(op.inputs);
  const auto outputs = fbb.CreateVector(op.outputs);
  return fbs::CreateOperator(fbb, opcode, inputs, outputs, options.type, options.table);
}

Offset<fbs::Tensor> BuildTensor(FlatBufferBuilder& fbb, const TensorSpec& tensor, uint32_t buffer) {
  const auto shape = fbb.CreateVector(tensor.shape);
  const auto name = fbb.CreateString(tensor.name);
  Offset<fbs::QuantizationParameters> quantization;
  if (!tensor.scale.empty()) {
    const auto scale = fbb.CreateVector(tensor.scale);
    const auto zero = fbb.CreateVector(tensor.zero_point);
    quantization = fbs::CreateQuantizationParameters(fbb, scale, zero, tensor.axis);
  }
  return fbs::CreateTensor(fbb, shape, tensor.type, buffer, name, quantization);
}

}  // namespace

std::vector<std::byte> BuildTflite(const ModelSpec& spec) {
  FlatBufferBuilder fbb;
  std::vector<Offset<fbs::Buffer>> buffers = {fbs::CreateBuffer(fbb)};
  std::vector<Offset<fbs::Tensor>> tensors;
  for (const TensorSpec& tensor : spec.tensors) {
    uint32_t buffer = 0;
    if (!tensor.data.empty()) {
      fbb.ForceVectorAlignment(tensor.data.size(), 1, 16);
      buffer = static_cast<uint32_t>(buffers.size());
      buffers.push_back(fbs::CreateBuffer(fbb, fbb.CreateVector(tensor.data)));
    }
    tensors.push_back(BuildTensor(fbb, tensor, buffer));
  }
  std::vector<Offset<fbs::OperatorCode>> codes;
  std::vector<Offset<fbs::Operator>> ops;
  for (const OpSpec& op : spec.ops) {
    const auto small = static_cast<int8_t>(std::min(op.builtin, 127));
    const auto custom = op.builtin == 32 ? fbb.CreateString("mine") : Offset<flatbuffers::String>();
    ops.push_back(BuildOp(fbb, op, static_cast<uint32_t>(codes.size())));
    codes.push_back(fbs::CreateOperatorCode(fbb, small, custom, op.version, op.builtin));
  }
  std::vector<Offset<fbs::SubGraph>> subgraphs;
  const auto tensor_vector = fbb.CreateVector(tensors);
  const auto inputs = fbb.CreateVector(spec.inputs);
  const auto outputs = fbb.CreateVector(spec.outputs);
  const auto op_vector = fbb.CreateVector(ops);
  for (int i = 0; i < spec.subgraphs; ++i) {
    subgraphs.push_back(fbs::CreateSubGraph(fbb, tensor_vector, inputs, outputs, op_vector));
  }
  const auto code_vector = fbb.CreateVector(codes);
  const auto subgraph_vector = fbb.CreateVector(subgraphs);
  const auto buffer_vector = fbb.CreateVector(buffers);
  fbs::FinishModelBuffer(
      fbb, fbs::CreateModel(fbb, spec.version, code_vector, subgraph_vector, 0, buffer_vector));
  const auto* bytes = reinterpret_cast<const std::byte*>(fbb.GetBufferPointer());
  return {bytes, bytes + fbb.GetSize()};
}

TensorSpec Activation8(std::string name, std::vector<int32_t> shape, float scale, int64_t zero) {
  TensorSpec tensor;
  tensor.name = std::move(name);
  tensor.shape = std::move(shape);
  tensor.scale = {scale};
  tensor.zero_point = {zero};
  return tensor;
}

TensorSpec Weights8(std::string name, std::vector<int32_t> shape, std::vector<float> scale,
                    int32_t axis, const std::vector<int8_t>& values) {
  const std::vector<int64_t> zeros(scale.size());
  return {.name = std::move(name),
          .shape = std::move(shape),
          .scale = std::move(scale),
          .zero_point = zeros,
          .axis = axis,
          .data = {values.begin(), values.end()}};
}

TensorSpec Bias32(std::string name, const std::vector<int32_t>& values) {
  std::vector<uint8_t> bytes(values.size() * sizeof(int32_t));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return {.name = std::move(name),
          .shape = {static_cast<int32_t>(values.size())},
          .type = 2,
          .scale = {},
          .zero_point = {},
          .axis = 0,
          .data = bytes};
}

}  // namespace tinyrig::compiler
