#include <algorithm>
#include <cmath>

#include "tests/unit/compiler/random_net.h"

/// Operators with windows and weights, and reductions.
namespace tinyrig::compiler {
namespace {

constexpr int64_t kMaxMacs = 300'000;

int32_t Reach(int32_t kernel, int32_t dilation) { return (kernel - 1) * dilation + 1; }

/// A typical output of `depth` products of full-range values.
float SumScale(float scale, int64_t depth) {
  return scale * 130.0f * std::sqrt(static_cast<float>(depth));
}

}  // namespace

NetMaker::Window NetMaker::MakeWindow(const Shape& in, bool dilates) {
  Window window;
  window.padding = random_.OneIn(2) ? Padding::kSame : Padding::kValid;
  const bool is_dilated = dilates && random_.OneIn(5);
  for (size_t i = 0; i < 2; ++i) {
    const int32_t size = in[1 + i];
    window.stride[i] = random_.OneIn(2) ? 1 : random_.In(1, 3);
    if (is_dilated) window.dilation[i] = random_.In(1, 3);
    window.kernel[i] = random_.OneIn(3) ? 3 : random_.In(1, 7);
    const bool same = window.padding == Padding::kSame;
    while (!same && Reach(window.kernel[i], window.dilation[i]) > size) --window.kernel[i];
    const int32_t room = same ? size : size - Reach(window.kernel[i], window.dilation[i]) + 1;
    window.output[i] = (room + window.stride[i] - 1) / window.stride[i];
  }
  return window;
}

bool NetMaker::Convolve(int32_t tensor, bool depthwise) {
  const Shape in = shape(tensor);
  if (in.size() != 4) return false;
  const Window window = MakeWindow(in, true);
  const int32_t multiplier = depthwise && random_.OneIn(5) ? random_.In(2, 3) : 1;
  const int32_t channels = depthwise ? in[3] * multiplier : random_.In(1, 12);
  const int64_t depth = int64_t{window.kernel[0]} * window.kernel[1] * (depthwise ? 1 : in[3]);
  const Shape out = {in[0], window.output[0], window.output[1], channels};
  if (depth * out[0] * out[1] * out[2] * channels > kMaxMacs) return false;

  const auto scales = static_cast<size_t>(random_.OneIn(4) ? 1 : channels);
  const float weight_scale = random_.Scale(6, 11);
  std::vector<float> weight_scales;
  for (size_t i = 0; i < scales; ++i) weight_scales.push_back(Near(weight_scale));
  for (float& scale : weight_scales) scale = random_.OneIn(12) ? -scale : scale;
  const Shape kernel = {depthwise ? 1 : channels, window.kernel[0], window.kernel[1],
                        depthwise ? channels : in[3]};
  const int32_t weights =
      AddTensor(Weights8("w", kernel, weight_scales, depthwise ? 3 : 0, Values(depth * channels)));
  const float in_scale = at(tensor).scale[0];
  std::vector<int32_t> bias(static_cast<size_t>(channels));
  for (auto& value : bias) value = random_.In(-9000, 9000);
  TensorSpec bias_spec = Bias32("b", bias);
  for (const float scale : weight_scales) bias_spec.scale.push_back(scale * in_scale);
  bias_spec.zero_point.assign(scales, 0);
  const int32_t biases = AddTensor(std::move(bias_spec));

  ConvOptions options;
  options.padding = window.padding;
  options.stride_h = static_cast<uint32_t>(window.stride[0]);
  options.stride_w = static_cast<uint32_t>(window.stride[1]);
  options.dilation_h = static_cast<uint32_t>(window.dilation[0]);
  options.dilation_w = static_cast<uint32_t>(window.dilation[1]);
  options.depth_multiplier = static_cast<uint32_t>(multiplier);
  options.activation = AnyActivation();
  const int32_t output = Activate(out, Near(SumScale(in_scale * weight_scale, depth)), Zero());
  Emit(depthwise ? Builtin::kDepthwiseConv2D : Builtin::kConv2D, 3, {tensor, weights, biases},
       {output}, options);
  return true;
}

bool NetMaker::Dense(int32_t tensor) {
  const Shape in = shape(tensor);
  const int32_t depth = in.back();
  const int32_t units = random_.In(1, 17);
  int64_t rows = 1;
  for (size_t d = 0; d + 1 < in.size(); ++d) rows *= in[d];
  if (rows * depth * units > kMaxMacs) return false;
  const float weight_scale = random_.Scale(6, 11);
  const float in_scale = at(tensor).scale[0];
  std::vector<float> weight_scales = {weight_scale};
  while (units > 1 && weight_scales.size() < static_cast<size_t>(units)) {
    if (weight_scales.size() == 1 && !random_.OneIn(3)) break;
    weight_scales.push_back(Near(weight_scale));
  }
  const int32_t weights =
      AddTensor(Weights8("w", {units, depth}, weight_scales, 0, Values(int64_t{units} * depth)));
  std::vector<int32_t> bias(static_cast<size_t>(units));
  for (auto& value : bias) value = random_.In(-9000, 9000);
  TensorSpec bias_spec = Bias32("b", bias);
  for (const float scale : weight_scales) bias_spec.scale.push_back(scale * in_scale);
  bias_spec.zero_point.assign(weight_scales.size(), 0);
  std::vector<int32_t> inputs = {tensor, weights};
  if (!random_.OneIn(6)) inputs.push_back(AddTensor(std::move(bias_spec)));
  FullyConnectedOptions options;
  options.activation = AnyActivation();
  options.keep_num_dims = random_.OneIn(2);
  Shape out = {static_cast<int32_t>(rows), units};
  if (options.keep_num_dims) {
    out = in;
    out.back() = units;
  }
  const int32_t output = Activate(out, Near(SumScale(in_scale * weight_scale, depth)), Zero());
  Emit(Builtin::kFullyConnected, 5, std::move(inputs), {output}, options);
  return true;
}

bool NetMaker::Pool(int32_t tensor) {
  const Shape in = shape(tensor);
  if (in.size() != 4) return false;
  const Window window = MakeWindow(in, false);
  const int32_t output = ActivateLike(tensor, {in[0], window.output[0], window.output[1], in[3]});
  PoolOptions options;
  options.padding = window.padding;
  options.kernel_h = static_cast<uint32_t>(window.kernel[0]);
  options.kernel_w = static_cast<uint32_t>(window.kernel[1]);
  options.stride_h = static_cast<uint32_t>(window.stride[0]);
  options.stride_w = static_cast<uint32_t>(window.stride[1]);
  options.activation = AnyActivation();
  Emit(random_.OneIn(2) ? Builtin::kAveragePool2D : Builtin::kMaxPool2D, 2, {tensor}, {output},
       options);
  return true;
}

bool NetMaker::Resize(int32_t tensor) {
  const Shape in = shape(tensor);
  if (in.size() != 4) return false;
  const std::vector<int32_t> size = {random_.In(1, 15), random_.In(1, 15)};
  ResizeNearestOptions options;
  options.align_corners = random_.OneIn(3);
  options.half_pixel_centers = !options.align_corners && random_.OneIn(2);
  const int32_t sizes = Integers(size);
  const int32_t output = ActivateLike(tensor, {in[0], size[0], size[1], in[3]});
  Emit(Builtin::kResizeNearestNeighbor, 3, {tensor, sizes}, {output}, options);
  return true;
}

bool NetMaker::Reduce(int32_t tensor) {
  const Shape in = shape(tensor);
  const bool is_sum = random_.OneIn(2);
  ReduceOptions options{.keep_dims = random_.OneIn(2)};
  std::vector<int32_t> axes;
  Shape out;
  int64_t count = 1;
  for (size_t d = 0; d < in.size(); ++d) {
    const bool is_reduced = random_.OneIn(2) || (axes.empty() && d + 1 == in.size());
    if (!is_reduced) out.push_back(in[d]);
    if (!is_reduced) continue;
    if (options.keep_dims) out.push_back(1);
    const auto axis = static_cast<int32_t>(d);
    axes.push_back(random_.OneIn(3) ? axis - static_cast<int32_t>(in.size()) : axis);
    count *= in[d];
  }
  if (out.empty()) return false;
  const float grown = is_sum ? std::sqrt(static_cast<float>(count)) : 1.0f;
  const int32_t dims = Integers(axes);
  const bool same = random_.OneIn(4);
  const int32_t output =
      same ? ActivateLike(tensor, out) : Activate(out, Near(at(tensor).scale[0] * grown), Zero());
  Emit(is_sum ? Builtin::kSum : Builtin::kMean, 2, {tensor, dims}, {output}, options);
  if (is_sum) {
    // The interpreter that nets are compared with has a SUM of its own: nothing builds on it.
    pool_.pop_back();
    spec_.outputs.push_back(output);
  }
  return true;
}

/// The mean that classifiers end with.
bool NetMaker::GlobalMean(int32_t tensor) {
  const Shape in = shape(tensor);
  if (in.size() != 4) return false;
  ReduceOptions options{.keep_dims = random_.OneIn(2)};
  const Shape out = options.keep_dims ? Shape{in[0], 1, 1, in[3]} : Shape{in[0], in[3]};
  const int32_t dims = Integers(random_.OneIn(4) ? Shape{2, 1} : Shape{1, 2});
  const int32_t output = Activate(out, Near(at(tensor).scale[0] * 0.5f), Zero());
  Emit(Builtin::kMean, 2, {tensor, dims}, {output}, options);
  return true;
}

bool NetMaker::Softmax(int32_t tensor) {
  if (shape(tensor).size() > 4) return false;
  SoftmaxOptions options;
  if (random_.OneIn(4)) options.beta = static_cast<float>(random_.In(1, 30)) / 10.0f;
  const int32_t output = Activate(Shape(shape(tensor)), 1.0f / 256, -128);
  Emit(Builtin::kSoftmax, 2, {tensor}, {output}, options);
  return true;
}

}  // namespace tinyrig::compiler
