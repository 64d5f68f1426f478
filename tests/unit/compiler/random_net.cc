#include "tests/unit/compiler/random_net.h"

#include <algorithm>
#include <cstring>

namespace tinyrig::compiler {

namespace {

int64_t Count(const std::vector<int32_t>& shape) {
  int64_t count = 1;
  for (const int32_t dim : shape) count *= dim;
  return count;
}

}  // namespace

int32_t NetMaker::AddTensor(TensorSpec tensor) {
  tensor.name += std::to_string(spec_.tensors.size());
  spec_.tensors.push_back(std::move(tensor));
  is_read_.push_back(false);
  return static_cast<int32_t>(spec_.tensors.size()) - 1;
}

int32_t NetMaker::Activate(const Shape& shape, float scale, int64_t zero) {
  pool_.push_back(AddTensor(Activation8("t", shape, scale, zero)));
  return pool_.back();
}

int32_t NetMaker::ActivateLike(int32_t tensor, const Shape& shape) {
  return Activate(shape, at(tensor).scale[0], at(tensor).zero_point[0]);
}

int32_t NetMaker::Integers(const std::vector<int32_t>& values) {
  return AddTensor(Bias32("i", values));
}

int32_t NetMaker::ConstantLike(int32_t tensor, const Shape& shape) {
  TensorSpec constant = Weights8("c", shape, {at(tensor).scale[0]}, 0, Values(Count(shape)));
  constant.zero_point = at(tensor).zero_point;
  return AddTensor(std::move(constant));
}

void NetMaker::Emit(Builtin builtin, int32_t version, std::vector<int32_t> inputs,
                    std::vector<int32_t> outputs, OpOptions options) {
  for (const int32_t input : inputs) {
    if (input >= 0) is_read_[static_cast<size_t>(input)] = true;
  }
  spec_.ops.push_back({static_cast<int32_t>(builtin), version, std::move(inputs),
                       std::move(outputs), std::move(options)});
}

int32_t NetMaker::Zero() {
  if (random_.OneIn(3)) return random_.OneIn(2) ? -128 : 127;
  return random_.In(-128, 127);
}

float NetMaker::Near(float scale) {
  scale *= 0.5f + static_cast<float>(random_.In(0, 1000)) / 997.0f;
  if (!random_.OneIn(8)) return scale;
  const int32_t power = random_.In(-6, 6);
  return power < 0 ? scale / static_cast<float>(1 << -power)
                   : scale * static_cast<float>(1 << power);
}

Activation NetMaker::AnyActivation() {
  static constexpr Activation kChoices[] = {Activation::kNone, Activation::kNone, Activation::kRelu,
                                            Activation::kRelu6, Activation::kReluN1To1};
  return kChoices[random_.In(0, 4)];
}

std::vector<int8_t> NetMaker::Values(int64_t count) {
  std::vector<int8_t> values(static_cast<size_t>(count));
  for (auto& value : values) value = static_cast<int8_t>(random_.In(-127, 127));
  return values;
}

int32_t NetMaker::Pick() {
  const auto last = static_cast<int32_t>(pool_.size()) - 1;
  return pool_[static_cast<size_t>(random_.OneIn(3) ? random_.In(0, last) : last)];
}

void NetMaker::AddInput() {
  Shape shape;
  const int32_t rank = random_.OneIn(4) ? random_.In(1, 5) : 4;
  for (int32_t d = 0; d < rank; ++d) shape.push_back(random_.In(1, rank == 5 ? 4 : 13));
  if (rank == 4) {
    shape[0] = random_.OneIn(8) ? 2 : 1;
    shape[3] = random_.In(1, 9);
  }
  const float scale = random_.Scale(3, 7);
  if (!random_.OneIn(6)) {
    spec_.inputs.push_back(Activate(shape, scale, Zero()));
    return;
  }
  TensorSpec real{.name = "real",
                  .shape = shape,
                  .type = 0,
                  .scale = {},
                  .zero_point = {},
                  .axis = 0,
                  .data = {}};
  const int32_t input = AddTensor(real);
  spec_.inputs.push_back(input);
  const int32_t quantized = Activate(shape, scale, Zero());
  if (random_.OneIn(2)) {
    Emit(Builtin::kQuantize, 1, {input}, {quantized});
    return;
  }
  // Elements of four bytes move too.
  std::vector<int32_t> order(shape.size());
  for (size_t d = 0; d < order.size(); ++d) {
    order[d] = static_cast<int32_t>(order.size() - 1 - d);
  }
  std::reverse(real.shape.begin(), real.shape.end());
  const int32_t turned = AddTensor(real);
  spec_.tensors[static_cast<size_t>(quantized)].shape = real.shape;
  Emit(Builtin::kTranspose, 2, {input, Integers(order)}, {turned});
  Emit(Builtin::kQuantize, 1, {turned}, {quantized});
}

/// What nothing reads becomes an output, now and then as float32.
void NetMaker::Finish() {
  for (const int32_t tensor : std::vector<int32_t>(pool_)) {
    const bool is_input =
        std::find(spec_.inputs.begin(), spec_.inputs.end(), tensor) != spec_.inputs.end();
    if (is_read_[static_cast<size_t>(tensor)]) continue;
    int32_t output = tensor;
    if (is_input || random_.OneIn(6)) {
      output = AddTensor({.name = "real",
                          .shape = shape(tensor),
                          .type = 0,
                          .scale = {},
                          .zero_point = {},
                          .axis = 0,
                          .data = {}});
      Emit(Builtin::kDequantize, 2, {tensor}, {output});
    }
    spec_.outputs.push_back(output);
  }
}

ModelSpec NetMaker::Make() {
  static constexpr Step kSteps[] = {
      &NetMaker::Conv,          &NetMaker::Conv,       &NetMaker::DepthwiseConv,
      &NetMaker::DepthwiseConv, &NetMaker::Dense,      &NetMaker::Pool,
      &NetMaker::Pool,          &NetMaker::Resize,     &NetMaker::Reduce,
      &NetMaker::GlobalMean,    &NetMaker::Softmax,    &NetMaker::Arithmetic,
      &NetMaker::Arithmetic,    &NetMaker::Arithmetic, &NetMaker::Table,
      &NetMaker::Relu,          &NetMaker::Requantize, &NetMaker::Reshape,
      &NetMaker::Transpose,     &NetMaker::Pad,        &NetMaker::Concatenate,
      &NetMaker::Split,         &NetMaker::Slice,
  };
  constexpr auto kLast = static_cast<int32_t>(std::size(kSteps)) - 1;
  AddInput();
  if (random_.OneIn(5)) AddInput();
  const int32_t wanted = random_.In(2, 9);
  int32_t made = 0;
  for (int32_t tries = 0; made < wanted && tries < 50; ++tries) {
    made += (this->*kSteps[random_.In(0, kLast)])(Pick());
  }
  Finish();
  return std::move(spec_);
}

ModelSpec RandomNet(uint32_t seed) { return NetMaker(seed).Make(); }

}  // namespace tinyrig::compiler
