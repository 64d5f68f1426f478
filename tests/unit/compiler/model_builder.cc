#include "tests/unit/compiler/model_builder.h"

#include <algorithm>

#include "tests/unit/compiler/random.h"

namespace tinyrig::compiler {
namespace {

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
