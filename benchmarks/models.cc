#include "benchmarks/models.h"

namespace tinyrig::bench {
namespace {

using namespace compiler;

constexpr int32_t kSize = 8;
constexpr int32_t kChannels = 16;

class Maker {
 public:
  explicit Maker(std::vector<int32_t> shape) { spec_.inputs = {Add(Activation(shape))}; }

  static TensorSpec Activation(std::vector<int32_t> shape) {
    return Activation8("x", std::move(shape), 0.05f, 3);
  }

  int32_t Add(TensorSpec tensor) {
    spec_.tensors.push_back(std::move(tensor));
    return static_cast<int32_t>(spec_.tensors.size()) - 1;
  }

  int32_t Weights(std::vector<int32_t> shape, int32_t channels, int32_t axis) {
    size_t count = 1;
    for (const int32_t size : shape) count *= static_cast<size_t>(size);
    std::vector<int8_t> values(count);
    for (size_t i = 0; i < count; ++i) values[i] = static_cast<int8_t>(i * 37 % 255 - 127);
    const std::vector<float> scales(static_cast<size_t>(channels), 0.003f);
    return Add(Weights8("w", std::move(shape), scales, axis, values));
  }

  int32_t Bias(int32_t channels) {
    return Add(Bias32("b", std::vector<int32_t>(static_cast<size_t>(channels), 100)));
  }

  int32_t Op(Builtin builtin, std::vector<int32_t> inputs, std::vector<int32_t> shape,
             OpOptions options) {
    const int32_t out = Add(Activation(std::move(shape)));
    OpSpec op;
    op.builtin = static_cast<int32_t>(builtin);
    op.inputs = std::move(inputs);
    op.outputs = {out};
    op.options = std::move(options);
    spec_.ops.push_back(std::move(op));
    return out;
  }

  int32_t Conv(int32_t in, const ConvShape& shape) {
    ConvOptions options;
    options.padding = Padding::kSame;
    const int32_t weights = Weights(
        {shape.out_channels, shape.kernel, shape.kernel, shape.in_channels}, shape.out_channels, 0);
    return Op(Builtin::kConv2D, {in, weights, Bias(shape.out_channels)},
              {1, shape.size, shape.size, shape.out_channels}, options);
  }

  int32_t Depthwise(int32_t in, const ConvShape& shape) {
    ConvOptions options;
    options.padding = Padding::kSame;
    const int32_t weights =
        Weights({1, shape.kernel, shape.kernel, shape.in_channels}, shape.in_channels, 3);
    return Op(Builtin::kDepthwiseConv2D, {in, weights, Bias(shape.in_channels)},
              {1, shape.size, shape.size, shape.in_channels}, options);
  }

  int32_t AddOp(int32_t a, int32_t b) {
    return Op(Builtin::kAdd, {a, b}, spec_.tensors[static_cast<size_t>(a)].shape, AddOptions{});
  }

  int32_t input() const { return spec_.inputs[0]; }
  size_t operators() const { return spec_.ops.size(); }

  ModelSpec Finish(int32_t output) {
    spec_.outputs = {output};
    return std::move(spec_);
  }

 private:
  ModelSpec spec_;
};

constexpr ConvShape kSmall = {kSize, kChannels, kChannels, 1};

}  // namespace

ModelSpec ConvModel(const ConvShape& shape) {
  Maker maker({1, shape.size, shape.size, shape.in_channels});
  const int32_t out = maker.Conv(maker.input(), shape);
  return maker.Finish(out);
}

ModelSpec DepthwiseModel(const ConvShape& shape) {
  Maker maker({1, shape.size, shape.size, shape.in_channels});
  const int32_t out = maker.Depthwise(maker.input(), shape);
  return maker.Finish(out);
}

ModelSpec FullyConnectedModel(int32_t depth, int32_t units) {
  Maker maker({1, depth});
  const int32_t weights = maker.Weights({units, depth}, 1, 0);
  const int32_t out =
      maker.Op(Builtin::kFullyConnected, {maker.input(), weights, maker.Bias(units)}, {1, units},
               FullyConnectedOptions{});
  return maker.Finish(out);
}

ModelSpec Chain(int32_t operators) {
  Maker maker({1, kSize, kSize, kChannels});
  int32_t tip = maker.input();
  for (int32_t i = 0; i < operators; ++i) tip = maker.Conv(tip, kSmall);
  return maker.Finish(tip);
}

ModelSpec Branches(int32_t operators) {
  Maker maker({1, kSize, kSize, kChannels});
  int32_t tip = maker.input();
  for (int32_t block = 0; block < operators / 10; ++block) {
    const int32_t in = tip;
    // Branches of one, two and three convolutions, and one over what came in: four tensors and the
    // block's input are alive until the additions.
    int32_t ends[4] = {in, in, in, in};
    for (int32_t branch = 0; branch < 3; ++branch) {
      for (int32_t i = 0; i <= branch; ++i) ends[branch] = maker.Conv(ends[branch], kSmall);
    }
    ends[3] = maker.Depthwise(in, {kSize, kChannels, kChannels, 3});
    tip = maker.AddOp(maker.AddOp(ends[0], ends[1]), maker.AddOp(ends[2], ends[3]));
  }
  return maker.Finish(tip);
}

}  // namespace tinyrig::bench
