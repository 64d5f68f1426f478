#pragma once

#include "tests/unit/compiler/model_builder.h"
#include "tests/unit/compiler/random.h"

namespace tinyrig::compiler {

/// A random graph of all operators that the compiler knows: chains, branches, residuals, several
/// inputs and outputs, odd sizes, zero points at the borders, float32 around int8 now and then.
/// Sound for TensorFlow Lite's interpreter too. The same seed gives the same model on every host.
ModelSpec RandomNet(uint32_t seed);

/// How a net is made: a step takes an activation that is there and adds an operator on it. Steps
/// return false, with nothing added, when they do not suit the activation.
class NetMaker {
 public:
  explicit NetMaker(uint32_t seed) : random_(seed) {}
  ModelSpec Make();

 private:
  using Shape = std::vector<int32_t>;
  using Step = bool (NetMaker::*)(int32_t tensor);

  // random_net.cc: the graph as a whole, and helpers of the steps.
  void AddInput();
  void Finish();
  const TensorSpec& at(int32_t tensor) const { return spec_.tensors[static_cast<size_t>(tensor)]; }
  const Shape& shape(int32_t tensor) const { return at(tensor).shape; }
  int32_t Pick();
  int32_t AddTensor(TensorSpec tensor);
  /// An activation that later steps may take.
  int32_t Activate(const Shape& shape, float scale, int64_t zero);
  int32_t ActivateLike(int32_t tensor, const Shape& shape);
  int32_t Integers(const std::vector<int32_t>& values);
  /// A constant quantised as `tensor`.
  int32_t ConstantLike(int32_t tensor, const Shape& shape);
  void Emit(Builtin builtin, int32_t version, std::vector<int32_t> inputs,
            std::vector<int32_t> outputs, OpOptions options = {});
  int32_t Zero();
  /// About `scale`, now and then far from it.
  float Near(float scale);
  Activation AnyActivation();
  std::vector<int8_t> Values(int64_t count);

  // random_net_steps.cc: operators with windows and weights.
  struct Window {
    Padding padding = Padding::kSame;
    int32_t kernel[2] = {1, 1};
    int32_t stride[2] = {1, 1};
    int32_t dilation[2] = {1, 1};
    int32_t output[2] = {1, 1};
  };
  Window MakeWindow(const Shape& in, bool dilates);
  bool Convolve(int32_t tensor, bool depthwise);
  bool Conv(int32_t tensor) { return Convolve(tensor, false); }
  bool DepthwiseConv(int32_t tensor) { return Convolve(tensor, true); }
  bool Dense(int32_t tensor);
  bool Pool(int32_t tensor);
  bool Resize(int32_t tensor);
  bool Reduce(int32_t tensor);
  bool GlobalMean(int32_t tensor);
  bool Softmax(int32_t tensor);

  // random_net_moves.cc: operators on single elements, and those that move them.
  bool Arithmetic(int32_t tensor);
  bool Table(int32_t tensor);
  bool Relu(int32_t tensor);
  bool Requantize(int32_t tensor);
  bool Reshape(int32_t tensor);
  bool Transpose(int32_t tensor);
  bool Pad(int32_t tensor);
  bool Concatenate(int32_t tensor);
  bool Split(int32_t tensor);
  bool Slice(int32_t tensor);
  int32_t Partner(int32_t tensor);

  Random random_;
  ModelSpec spec_;
  std::vector<int32_t> pool_;
  std::vector<bool> is_read_;
};

}  // namespace tinyrig::compiler
