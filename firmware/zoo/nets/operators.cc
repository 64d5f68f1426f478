#include "firmware/zoo/nets/operators.h"

#include <utility>

namespace tinyrig::zoo {
namespace {

using compiler::Builtin;
using compiler::ChainLayer;
using compiler::ModelSpec;
using compiler::TensorSpec;

int32_t AddTensor(ModelSpec& model, TensorSpec tensor) {
  model.tensors.push_back(std::move(tensor));
  return static_cast<int32_t>(model.tensors.size()) - 1;
}

const TensorSpec& TensorAt(const ModelSpec& model, int32_t index) {
  return model.tensors[static_cast<size_t>(index)];
}

int32_t AppendOp(ModelSpec& model, Builtin builtin, int32_t version, std::vector<int32_t> inputs,
                 TensorSpec output, compiler::OpOptions options) {
  const int32_t out = AddTensor(model, std::move(output));
  model.ops.push_back(
      {static_cast<int32_t>(builtin), version, std::move(inputs), {out}, std::move(options)});
  return out;
}

int32_t AppendPad(ModelSpec& model, int32_t input, const ChainLayer& layer,
                  const std::string& name) {
  const int32_t rows = layer.pad_top;
  const int32_t columns = layer.pad_left;
  TensorSpec amounts =
      compiler::Bias32(name + "/paddings", {0, 0, rows, rows, columns, columns, 0, 0});
  amounts.shape = {4, 2};
  const int32_t paddings = AddTensor(model, std::move(amounts));
  TensorSpec padded = TensorAt(model, input);
  padded.name = name + "/pad";
  padded.shape[1] += 2 * rows;
  padded.shape[2] += 2 * columns;
  return AppendOp(model, Builtin::kPad, 2, {input, paddings}, std::move(padded), {});
}

/// Biases count in steps of input scale times weight scale.
int32_t AddBiases(ModelSpec& model, int32_t input, const LayerNumbers& numbers,
                  const std::string& name) {
  TensorSpec biases = compiler::Bias32(name + "/bias", numbers.biases);
  for (const float scale : numbers.scales) {
    biases.scale.push_back(TensorAt(model, input).scale[0] * scale);
  }
  biases.zero_point.resize(biases.scale.size());
  return AddTensor(model, std::move(biases));
}

/// SAME pads as much above as below.
bool IsSymmetric(int32_t size, int32_t kernel, int32_t stride) {
  const int32_t out = (size + stride - 1) / stride;
  return (out - 1) * stride + kernel - size == kernel / 2 * 2;
}

TensorSpec Activation(const Quantised& quantised, std::vector<int32_t> shape, std::string name) {
  return compiler::Activation8(std::move(name), std::move(shape), quantised.scale,
                               quantised.zero_point);
}

}  // namespace

int32_t AppendLayer(ModelSpec& model, int32_t input, const ChainLayer& layer,
                    const LayerNumbers& numbers, const std::string& name) {
  compiler::ConvOptions options;
  options.stride_h = static_cast<uint32_t>(layer.stride_h);
  options.stride_w = static_cast<uint32_t>(layer.stride_w);
  if (numbers.relu6) options.activation = compiler::Activation::kRelu6;
  if (IsSymmetric(layer.in_h, layer.kernel_h, layer.stride_h) &&
      IsSymmetric(layer.in_w, layer.kernel_w, layer.stride_w)) {
    options.padding = compiler::Padding::kSame;
  } else {
    input = AppendPad(model, input, layer, name);
  }
  const bool depthwise = layer.kind == compiler::LayerKind::kDepthwise;
  const std::vector<int32_t> shape =
      depthwise ? std::vector<int32_t>{1, layer.kernel_h, layer.kernel_w, layer.out_c}
                : std::vector<int32_t>{layer.out_c, layer.kernel_h, layer.kernel_w, layer.in_c};
  const int32_t weights =
      AddTensor(model, compiler::Weights8(name + "/weights", shape, numbers.scales,
                                          depthwise ? 3 : 0, numbers.weights));
  const int32_t biases = AddBiases(model, input, numbers, name);
  return AppendOp(
      model, depthwise ? Builtin::kDepthwiseConv2D : Builtin::kConv2D, 3, {input, weights, biases},
      Activation(numbers.output, {1, layer.out_h, layer.out_w, layer.out_c}, name), options);
}

int32_t AppendSum(ModelSpec& model, int32_t a, int32_t b, const Quantised& output,
                  const std::string& name) {
  return AppendOp(model, Builtin::kAdd, 2, {a, b},
                  Activation(output, TensorAt(model, a).shape, name), compiler::AddOptions{});
}

int32_t AppendMean(ModelSpec& model, int32_t input, const std::string& name) {
  const int32_t axes = AddTensor(model, compiler::Bias32(name + "/axes", {1, 2}));
  TensorSpec output = TensorAt(model, input);
  output.name = name;
  output.shape = {1, output.shape[3]};
  return AppendOp(model, Builtin::kMean, 2, {input, axes}, std::move(output),
                  compiler::ReduceOptions{});
}

int32_t AppendDense(ModelSpec& model, int32_t input, const LayerNumbers& numbers,
                    const std::string& name) {
  const auto units = static_cast<int32_t>(numbers.biases.size());
  const int32_t weights = AddTensor(
      model, compiler::Weights8(name + "/weights", {units, TensorAt(model, input).shape[1]},
                                numbers.scales, 0, numbers.weights));
  const int32_t biases = AddBiases(model, input, numbers, name);
  return AppendOp(model, Builtin::kFullyConnected, 4, {input, weights, biases},
                  Activation(numbers.output, {1, units}, name), compiler::FullyConnectedOptions{});
}

int32_t AppendInput(ModelSpec& model, const std::vector<int32_t>& shape, const Quantised& quantised,
                    const std::string& name) {
  const int32_t input = AddTensor(model, Activation(quantised, shape, name));
  model.inputs.push_back(input);
  return input;
}

}  // namespace tinyrig::zoo
