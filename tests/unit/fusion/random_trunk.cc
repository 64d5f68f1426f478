#include "tests/unit/fusion/random_trunk.h"

#include <cmath>

#include "firmware/compiler/fusion/block.h"
#include "firmware/compiler/fusion/notation.h"
#include "tests/unit/compiler/random.h"

namespace tinyrig::compiler {
namespace {

class TrunkMaker {
 public:
  explicit TrunkMaker(uint32_t seed) : random_(seed) {
    shape_ = {1, Side(), Side(), random_.In(1, 5)};
    maps_ = {AddTensor(Activation8("input", shape_, 0.05f, Zero()))};
    spec_.inputs = {tip()};
  }

  ModelSpec Make() {
    const int32_t layers = random_.In(2, 9);
    for (int32_t i = 0; i < layers; ++i) {
      if (random_.OneIn(4)) {
        Bottleneck();
      } else {
        random_.OneIn(6) ? Pool() : Convolve(random_.OneIn(2));
      }
      if (random_.OneIn(2)) Join();
    }
    if (random_.OneIn(2)) Mean();
    spec_.outputs = {tip()};
    return std::move(spec_);
  }

 private:
  struct Window {
    int32_t kernel[2];
    int32_t stride[2];
    Padding padding;
    std::vector<int32_t> out;
  };

  int32_t Side() { return random_.OneIn(8) ? 1 : random_.In(1, 15); }
  int32_t tip() const { return maps_.back(); }
  int64_t Zero() { return random_.OneIn(3) ? -128 : random_.In(-128, 127); }
  float ScaleOf(int32_t tensor) const { return spec_.tensors[size_t(tensor)].scale[0]; }

  int32_t AddTensor(TensorSpec tensor) {
    tensor.name += std::to_string(spec_.tensors.size());
    spec_.tensors.push_back(std::move(tensor));
    return static_cast<int32_t>(spec_.tensors.size()) - 1;
  }

  void Append(Builtin builtin, std::vector<int32_t> inputs, TensorSpec output, OpOptions options) {
    const int32_t made = AddTensor(std::move(output));
    spec_.ops.push_back(
        {static_cast<int32_t>(builtin), 2, std::move(inputs), {made}, std::move(options)});
    maps_.push_back(made);
  }

  /// Expand, depthwise, project.
  void Bottleneck() {
    Convolve(false, true);
    Convolve(true);
    Convolve(false, true);
  }

  Window MakeWindow(bool pointwise) {
    Window window{.kernel = {1, 1}, .stride = {1, 1}, .padding = Padding::kSame, .out = shape_};
    if (random_.OneIn(3)) window.padding = Padding::kValid;
    const bool square = !random_.OneIn(4);
    for (int32_t axis = 0; axis < 2 && !pointwise; ++axis) {
      window.kernel[axis] = random_.In(1, 7);
      window.stride[axis] = random_.OneIn(4) ? 2 : 1;
      if (axis == 1 && square) window.kernel[1] = window.kernel[0];
      if (axis == 1 && square) window.stride[1] = window.stride[0];
    }
    for (const size_t axis : {0, 1}) {
      int32_t& size = window.out[axis + 1];
      if (window.padding == Padding::kValid && size < window.kernel[axis]) {
        window.kernel[axis] = 1;
      }
      const int32_t taken = window.padding == Padding::kValid ? window.kernel[axis] - 1 : 0;
      size = (size - taken + window.stride[axis] - 1) / window.stride[axis];
    }
    return window;
  }

  void Convolve(bool depthwise, bool pointwise = false) {
    const Window window = MakeWindow(pointwise || (!depthwise && random_.OneIn(2)));
    const int32_t in_c = shape_[3];
    const int32_t out_c = depthwise ? in_c : random_.In(1, random_.OneIn(6) ? 19 : 7);
    const int32_t depth = window.kernel[0] * window.kernel[1] * (depthwise ? 1 : in_c);
    std::vector<int8_t> weights(static_cast<size_t>(depth * out_c));
    for (int8_t& weight : weights) weight = static_cast<int8_t>(random_.In(-127, 127));
    std::vector<float> scales(static_cast<size_t>(out_c));
    for (float& scale : scales) scale = 0.01f * static_cast<float>(random_.In(50, 150)) / 100.0f;
    std::vector<int32_t> bias(static_cast<size_t>(out_c));
    for (int32_t& value : bias) value = random_.In(-9000, 9000);
    const std::vector<int32_t> shape =
        depthwise ? std::vector{1, window.kernel[0], window.kernel[1], out_c}
                  : std::vector{out_c, window.kernel[0], window.kernel[1], in_c};
    const int32_t w = AddTensor(Weights8("w", shape, scales, depthwise ? 3 : 0, weights));
    const int32_t b = AddTensor(Bias32("b", bias));
    // Outputs spread over about half of the range.
    const float scale =
        ScaleOf(tip()) * 0.01f * std::sqrt(static_cast<float>(depth)) * 73.0f * 74.0f / 50.0f;
    ConvOptions options;
    options.padding = window.padding;
    options.stride_h = static_cast<uint32_t>(window.stride[0]);
    options.stride_w = static_cast<uint32_t>(window.stride[1]);
    options.activation = random_.OneIn(3) ? Activation::kRelu : Activation::kNone;
    const int32_t in = tip();
    shape_ = window.out;
    shape_[3] = out_c;
    Append(depthwise ? Builtin::kDepthwiseConv2D : Builtin::kConv2D, {in, w, b},
           Activation8("t", shape_, scale, Zero()), options);
    NoteStride(window);
  }

  void Pool() {
    const Window window = MakeWindow(false);
    PoolOptions options;
    options.padding = window.padding;
    options.kernel_h = static_cast<uint32_t>(window.kernel[0]);
    options.kernel_w = static_cast<uint32_t>(window.kernel[1]);
    options.stride_h = static_cast<uint32_t>(window.stride[0]);
    options.stride_w = static_cast<uint32_t>(window.stride[1]);
    const int32_t in = tip();
    const int64_t zero = spec_.tensors[size_t(in)].zero_point[0];
    shape_ = window.out;
    Append(random_.OneIn(2) ? Builtin::kAveragePool2D : Builtin::kMaxPool2D, {in},
           Activation8("t", shape_, ScaleOf(in), zero), options);
    NoteStride(window);
  }

  /// Maps before the last stride can no longer be joined.
  void NoteStride(const Window& window) {
    const bool strides = window.stride[0] != 1 || window.stride[1] != 1;
    if (strides) first_to_join_ = maps_.size() - 1;
  }

  /// Adds an older map of the same shape, in either order of the operands.
  void Join() {
    const auto last = static_cast<int32_t>(maps_.size()) - 2;
    const auto first = static_cast<int32_t>(first_to_join_);
    if (last < first) return;
    const int32_t older = maps_[size_t(random_.In(first, last))];
    if (spec_.tensors[size_t(older)].shape != shape_) return;
    std::vector<int32_t> inputs = {tip(), older};
    if (random_.OneIn(2)) std::swap(inputs[0], inputs[1]);
    AddOptions options;
    options.activation = random_.OneIn(4) ? Activation::kRelu : Activation::kNone;
    const float scale = 1.3f * std::max(ScaleOf(tip()), ScaleOf(older));
    Append(Builtin::kAdd, inputs, Activation8("s", shape_, scale, Zero()), options);
    // What was added up is no map of its own.
    maps_.erase(maps_.end() - 2);
  }

  void Mean() {
    const int32_t axes = AddTensor(Bias32("axes", {1, 2}));
    const int32_t in = tip();
    Append(Builtin::kMean, {in, axes}, Activation8("m", {1, shape_[3]}, ScaleOf(in), Zero()),
           ReduceOptions{});
  }

  Random random_;
  ModelSpec spec_;
  std::vector<int32_t> shape_;
  std::vector<int32_t> maps_;
  size_t first_to_join_ = 0;
};

}  // namespace

ModelSpec RandomTrunk(uint32_t seed) { return TrunkMaker(seed).Make(); }

std::string RandomBlocks(const Chain& chain, uint32_t seed) {
  Random random(seed);
  bool after_patch = false;
  BlockPhases phases;
  for (int32_t next = 0; next < chain.size();) {
    FusedBlock block{.first = next, .last = std::min(next + random.In(0, 4), chain.size() - 1)};
    if (CanSliceChannels(chain, next, next + 2) && random.OneIn(2)) {
      block.last = next + 2;
      block.mode = BlockMode::kChannels;
    }
    block.height = random.In(1, std::min(4, chain.Height(block.last + 1)));
    const bool alone = random.OneIn(4);
    if (alone) {
      block.mode = BlockMode::kPatch;
      block.width = random.In(1, std::min(5, chain.Width(block.last + 1)));
    }
    next = block.last + 1;
    if (phases.empty() || alone || after_patch || random.OneIn(2)) phases.emplace_back();
    phases.back().push_back(block);
    after_patch = alone;
  }
  return ToString(phases);
}

}  // namespace tinyrig::compiler
