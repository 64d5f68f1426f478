#include "tests/unit/compiler/model_builder.h"

#include <cstring>

#include "firmware/compiler/tflite/schema_generated.h"
#include "tests/unit/compiler/random.h"

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

/// Adds operators one after the other; `tip` is the last activation.
class RandomNet {
 public:
  explicit RandomNet(uint32_t seed) : random_(seed) {
    const std::vector<int32_t> shape = {random_.OneIn(8) ? 2 : 1, random_.In(1, 11),
                                        random_.In(1, 11), random_.In(1, 9)};
    tip_ = AddTensor(Activation8("input", shape, random_.Scale(3, 7), random_.In(-128, 127)));
    spec_.inputs = {tip_};
  }

  ModelSpec Make() {
    const int32_t count = random_.In(1, 5);
    for (int32_t i = 0; i < count; ++i) {
      switch (random_.In(0, 5)) {
        case 0:
        case 1:
          Conv(false);
          break;
        case 2:
        case 3:
          Conv(true);
          break;
        case 4:
          Pool();
          break;
        default:
          Residual();
      }
    }
    if (random_.OneIn(2)) Dense();
    spec_.outputs = {tip_};
    return std::move(spec_);
  }

 private:
  int32_t AddTensor(TensorSpec tensor) {
    spec_.tensors.push_back(std::move(tensor));
    return static_cast<int32_t>(spec_.tensors.size()) - 1;
  }
  const TensorSpec& tip() const { return spec_.tensors[static_cast<size_t>(tip_)]; }

  std::vector<int8_t> RandomWeights(int64_t count) {
    std::vector<int8_t> values(static_cast<size_t>(count));
    const bool dead = random_.OneIn(20);
    for (auto& value : values) value = static_cast<int8_t>(dead ? 0 : random_.In(-127, 127));
    return values;
  }
  std::vector<int32_t> RandomBias(int32_t count) {
    std::vector<int32_t> values(static_cast<size_t>(count));
    for (auto& value : values) value = random_.In(-20000, 20000);
    return values;
  }
  /// Scales of weights, some of them out of what packed kernels do (factor above 1/2, or dead).
  std::vector<float> WeightScales(int32_t count) {
    std::vector<float> scales;
    const bool odd = random_.OneIn(6);
    for (int32_t i = 0; i < count; ++i) {
      scales.push_back(odd && random_.OneIn(4) ? random_.Scale(-0, 1) : random_.Scale(8, 12));
      if (random_.OneIn(12)) scales.back() = random_.Scale(28, 30);
    }
    return scales;
  }
  Activation RandomActivation() {
    static constexpr Activation kChoices[] = {Activation::kNone, Activation::kRelu,
                                              Activation::kRelu6, Activation::kReluN1To1};
    return kChoices[random_.In(0, 3)];
  }
  static int32_t OutputSize(Padding padding, int32_t in, int32_t reach, int32_t stride) {
    return padding == Padding::kSame ? (in + stride - 1) / stride : (in - reach) / stride + 1;
  }

  void Conv(bool depthwise) {
    const std::vector<int32_t> in = tip().shape;
    ConvOptions options;
    options.padding = random_.OneIn(2) ? Padding::kSame : Padding::kValid;
    options.stride_h = static_cast<uint32_t>(random_.In(1, 3));
    options.stride_w = static_cast<uint32_t>(random_.In(1, 3));
    if (random_.OneIn(5)) {
      options.dilation_h = static_cast<uint32_t>(random_.In(1, 3));
      options.dilation_w = static_cast<uint32_t>(random_.In(1, 3));
    }
    options.activation = RandomActivation();
    int32_t kernel_h = random_.OneIn(3) ? 3 : random_.In(1, 5);
    int32_t kernel_w = random_.OneIn(3) ? 3 : random_.In(1, 5);
    const auto reach = [](int32_t kernel, uint32_t dilation) {
      return (kernel - 1) * static_cast<int32_t>(dilation) + 1;
    };
    if (options.padding == Padding::kValid) {
      while (reach(kernel_h, options.dilation_h) > in[1]) --kernel_h;
      while (reach(kernel_w, options.dilation_w) > in[2]) --kernel_w;
    }
    const int32_t multiplier = depthwise && random_.OneIn(5) ? random_.In(2, 3) : 1;
    options.depth_multiplier = static_cast<uint32_t>(multiplier);
    const int32_t channels = depthwise ? in[3] * multiplier : random_.In(1, 9);
    const std::vector<int32_t> shape =
        depthwise ? std::vector<int32_t>{1, kernel_h, kernel_w, channels}
                  : std::vector<int32_t>{channels, kernel_h, kernel_w, in[3]};
    int64_t count = 1;
    for (int32_t dim : shape) count *= dim;
    const bool per_channel = !random_.OneIn(4);
    const int32_t weights = AddTensor(Weights8("w", shape, WeightScales(per_channel ? channels : 1),
                                               depthwise ? 3 : 0, RandomWeights(count)));
    const int32_t bias = random_.OneIn(5) ? -1 : AddTensor(Bias32("b", RandomBias(channels)));
    const std::vector<int32_t> out_shape = {
        in[0],
        OutputSize(options.padding, in[1], reach(kernel_h, options.dilation_h),
                   static_cast<int32_t>(options.stride_h)),
        OutputSize(options.padding, in[2], reach(kernel_w, options.dilation_w),
                   static_cast<int32_t>(options.stride_w)),
        channels};
    const int32_t out =
        AddTensor(Activation8("conv", out_shape, random_.Scale(2, 6), random_.In(-128, 127)));
    spec_.ops.push_back(
        {static_cast<int32_t>(depthwise ? Builtin::kDepthwiseConv2D : Builtin::kConv2D),
         3,
         {tip_, weights, bias},
         {out},
         options});
    tip_ = out;
  }

  void Pool() {
    const std::vector<int32_t> in = tip().shape;
    PoolOptions options;
    options.padding = random_.OneIn(2) ? Padding::kSame : Padding::kValid;
    options.stride_h = static_cast<uint32_t>(random_.In(1, 3));
    options.stride_w = static_cast<uint32_t>(random_.In(1, 3));
    const int32_t kernel_h = random_.In(1, std::min(in[1], 5));
    const int32_t kernel_w = random_.In(1, std::min(in[2], 5));
    options.kernel_h = static_cast<uint32_t>(kernel_h);
    options.kernel_w = static_cast<uint32_t>(kernel_w);
    options.activation = RandomActivation();
    TensorSpec out = tip();
    out.name = "pool";
    out.shape = {
        in[0], OutputSize(options.padding, in[1], kernel_h, static_cast<int32_t>(options.stride_h)),
        OutputSize(options.padding, in[2], kernel_w, static_cast<int32_t>(options.stride_w)),
        in[3]};
    const int32_t index = AddTensor(std::move(out));
    const auto builtin = random_.OneIn(2) ? Builtin::kAveragePool2D : Builtin::kMaxPool2D;
    spec_.ops.push_back({static_cast<int32_t>(builtin), 2, {tip_}, {index}, options});
    tip_ = index;
  }

  /// A 1x1 convolution beside the tip, both added.
  void Residual() {
    const int32_t skip = tip_;
    const std::vector<int32_t> in = tip().shape;
    const int32_t weights = AddTensor(Weights8("w", {in[3], 1, 1, in[3]}, WeightScales(in[3]), 0,
                                               RandomWeights(int64_t{in[3]} * in[3])));
    const int32_t branch =
        AddTensor(Activation8("branch", in, random_.Scale(2, 6), random_.In(-128, 127)));
    spec_.ops.push_back(
        {static_cast<int32_t>(Builtin::kConv2D), 3, {skip, weights, -1}, {branch}, ConvOptions{}});
    const int32_t sum =
        AddTensor(Activation8("sum", in, random_.Scale(2, 6), random_.In(-128, 127)));
    spec_.ops.push_back({static_cast<int32_t>(Builtin::kAdd),
                         2,
                         {skip, branch},
                         {sum},
                         AddOptions{RandomActivation()}});
    tip_ = sum;
  }

  void Dense() {
    const std::vector<int32_t> in = tip().shape;
    const int32_t depth = in[1] * in[2] * in[3];
    TensorSpec flat = tip();
    flat.name = "flat";
    flat.shape = {in[0], depth};
    const int32_t flat_index = AddTensor(std::move(flat));
    spec_.ops.push_back({static_cast<int32_t>(Builtin::kReshape), 1, {tip_}, {flat_index}, {}});
    const int32_t units = random_.In(1, 11);
    const int32_t weights = AddTensor(
        Weights8("w", {units, depth}, WeightScales(1), 0, RandomWeights(int64_t{units} * depth)));
    const int32_t bias = AddTensor(Bias32("b", RandomBias(units)));
    const int32_t out = AddTensor(
        Activation8("logits", {in[0], units}, random_.Scale(2, 5), random_.In(-128, 127)));
    spec_.ops.push_back({static_cast<int32_t>(Builtin::kFullyConnected),
                         4,
                         {flat_index, weights, bias},
                         {out},
                         FullyConnectedOptions{RandomActivation()}});
    const int32_t softmax = AddTensor(Activation8("softmax", {in[0], units}, 1.0f / 256, -128));
    spec_.ops.push_back(
        {static_cast<int32_t>(Builtin::kSoftmax), 2, {out}, {softmax}, SoftmaxOptions{}});
    tip_ = softmax;
  }

  Random random_;
  ModelSpec spec_;
  int32_t tip_ = 0;
};

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

ModelSpec SmallModel() {
  std::vector<int8_t> kernel(3 * 3 * 3 * 2);
  for (size_t i = 0; i < kernel.size(); ++i) kernel[i] = static_cast<int8_t>(i * 37 % 255 - 127);
  std::vector<int8_t> matrix(2 * 48);
  for (size_t i = 0; i < matrix.size(); ++i) matrix[i] = static_cast<int8_t>(i * 91 % 255 - 127);
  ModelSpec spec;
  spec.tensors = {
      Activation8("input", {1, 4, 4, 2}, 0.02f, -5),
      Weights8("kernel", {3, 3, 3, 2}, {0.003f, 0.004f, 0.005f}, 0, kernel),
      Bias32("kernel_bias", {100, -200, 300}),
      Activation8("features", {1, 4, 4, 3}, 0.05f, -128),
      Activation8("flat", {1, 48}, 0.05f, -128),
      Weights8("matrix", {2, 48}, {0.004f}, 0, matrix),
      Bias32("matrix_bias", {-50, 70}),
      Activation8("logits", {1, 2}, 0.1f, 3),
      Activation8("scores", {1, 2}, 1.0f / 256, -128),
  };
  ConvOptions conv;
  conv.padding = Padding::kSame;
  conv.activation = Activation::kRelu;
  spec.ops = {
      {static_cast<int32_t>(Builtin::kConv2D), 3, {0, 1, 2}, {3}, conv},
      {static_cast<int32_t>(Builtin::kReshape), 1, {3}, {4}, {}},
      {static_cast<int32_t>(Builtin::kFullyConnected), 4, {4, 5, 6}, {7}, FullyConnectedOptions{}},
      {static_cast<int32_t>(Builtin::kSoftmax), 2, {7}, {8}, SoftmaxOptions{}},
  };
  spec.inputs = {0};
  spec.outputs = {8};
  return spec;
}

ModelSpec RandomModel(uint32_t seed) { return RandomNet(seed).Make(); }

}  // namespace tinyrig::compiler
