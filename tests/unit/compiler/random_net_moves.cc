#include <algorithm>

#include "tests/unit/compiler/random_net.h"

/// Operators on single elements, and those that move them.
namespace tinyrig::compiler {
namespace {

constexpr int64_t kMaxElements = 8192;

int64_t Count(const std::vector<int32_t>& shape) {
  int64_t count = 1;
  for (const int32_t dim : shape) count *= dim;
  return count;
}

}  // namespace

/// Another activation of the shape, when there is one.
int32_t NetMaker::Partner(int32_t tensor) {
  std::vector<int32_t> fitting;
  for (const int32_t other : pool_) {
    if (other != tensor && shape(other) == shape(tensor)) fitting.push_back(other);
  }
  if (fitting.empty()) return tensor;
  return fitting[static_cast<size_t>(random_.In(0, static_cast<int32_t>(fitting.size()) - 1))];
}

bool NetMaker::Arithmetic(int32_t tensor) {
  Shape out = shape(tensor);
  int32_t other = tensor;
  const int32_t choice = random_.In(0, 4);
  if (choice <= 1) {
    other = Partner(tensor);
  } else {
    // A constant: of the same shape, of one value, by channel, or along any dimensions.
    Shape repeated = out;
    for (auto& dim : repeated) dim = choice == 4 && random_.OneIn(2) ? 1 : dim;
    if (choice == 3) repeated = {random_.OneIn(2) ? 1 : out.back()};
    if (choice == 3 && random_.OneIn(4)) repeated.clear();
    other = ConstantLike(tensor, repeated);
    auto& spec = spec_.tensors[static_cast<size_t>(other)];
    spec.scale = {random_.Scale(3, 7)};
    spec.zero_point = {Zero()};
    // Here the activation is the one that repeats.
    if (choice == 4 && out.size() >= 2 && random_.OneIn(3) && out[0] == 1 &&
        Count(out) * 3 <= kMaxElements && repeated[0] == 1) {
      const int32_t wide = ConstantLike(other, {3});
      Shape grown = {3};
      grown.insert(grown.end(), out.size() - 1, 1);
      spec_.tensors[static_cast<size_t>(wide)].shape = grown;
      other = wide;
      out[0] = 3;
    }
  }
  static constexpr Builtin kKinds[] = {Builtin::kAdd, Builtin::kSub, Builtin::kMul};
  const Builtin kind = kKinds[random_.In(0, 2)];
  const float a = at(tensor).scale[0];
  const float b = at(other).scale[0];
  const float scale = kind == Builtin::kMul ? a * b * 100.0f : std::max(a, b) * 1.5f;
  std::vector<int32_t> inputs = {tensor, other};
  if (random_.OneIn(3)) std::swap(inputs[0], inputs[1]);
  const AddOptions options{AnyActivation()};
  const int32_t output = Activate(out, Near(scale), Zero());
  Emit(kind, 2, std::move(inputs), {output}, options);
  return true;
}

bool NetMaker::Table(int32_t tensor) {
  const bool is_tanh = random_.OneIn(2);
  const Shape same = shape(tensor);
  const int32_t output = is_tanh ? Activate(same, 1.0f / 128, 0) : Activate(same, 1.0f / 256, -128);
  Emit(is_tanh ? Builtin::kTanh : Builtin::kLogistic, 2, {tensor}, {output});
  return true;
}

bool NetMaker::Relu(int32_t tensor) {
  static constexpr Builtin kKinds[] = {Builtin::kRelu, Builtin::kRelu6, Builtin::kReluN1To1,
                                       Builtin::kLeakyRelu, Builtin::kHardSwish};
  const Builtin kind = kKinds[random_.In(0, 4)];
  const Shape same = shape(tensor);
  const float in_scale = at(tensor).scale[0];
  // HARD_SWISH takes no output scale far below its input's.
  const float out_scale = std::max(Near(in_scale), in_scale / 100.0f);
  const int32_t output =
      random_.OneIn(3) ? ActivateLike(tensor, same) : Activate(same, out_scale, Zero());
  OpOptions options;
  if (kind == Builtin::kLeakyRelu) {
    options = LeakyReluOptions{static_cast<float>(random_.In(-10, 40)) / 100.0f};
  }
  const bool is_old = kind != Builtin::kRelu && kind != Builtin::kRelu6;
  Emit(kind, is_old ? 1 : 2, {tensor}, {output}, options);
  return true;
}

bool NetMaker::Requantize(int32_t tensor) {
  const int32_t output = Activate(Shape(shape(tensor)), Near(at(tensor).scale[0]), Zero());
  Emit(Builtin::kQuantize, 2, {tensor}, {output});
  return true;
}

bool NetMaker::Reshape(int32_t tensor) {
  const Shape in = shape(tensor);
  const auto rank = static_cast<int32_t>(in.size());
  Shape out = in;
  const int32_t choice = random_.In(0, 2);
  if (choice == 0) {  // Two dimensions become one, or all of them.
    if (rank < 2) return false;
    const auto d = static_cast<size_t>(random_.In(0, rank - 2));
    out[d] *= out[d + 1];
    out.erase(out.begin() + static_cast<ptrdiff_t>(d) + 1);
    if (random_.OneIn(4)) out = {static_cast<int32_t>(Count(in))};
    const int32_t sizes = Integers(out);
    Emit(Builtin::kReshape, 1, {tensor, sizes}, {ActivateLike(tensor, out)});
    return true;
  }
  if (choice == 1) {
    if (rank >= 5) return false;
    const int32_t axis = random_.In(0, rank);
    out.insert(out.begin() + axis, 1);
    const int32_t where = Integers({random_.OneIn(3) ? axis - rank - 1 : axis});
    Emit(Builtin::kExpandDims, 1, {tensor, where}, {ActivateLike(tensor, out)});
    return true;
  }
  out.erase(std::remove(out.begin(), out.end(), 1), out.end());
  if (out.empty() || out == in) return false;
  Emit(Builtin::kSqueeze, 1, {tensor}, {ActivateLike(tensor, out)});
  return true;
}

bool NetMaker::Transpose(int32_t tensor) {
  const Shape in = shape(tensor);
  std::vector<int32_t> order(in.size());
  for (size_t d = 0; d < order.size(); ++d) order[d] = static_cast<int32_t>(d);
  for (size_t d = order.size(); d-- > 1;) {
    std::swap(order[d], order[static_cast<size_t>(random_.In(0, static_cast<int32_t>(d)))]);
  }
  Shape out;
  for (const int32_t axis : order) out.push_back(in[static_cast<size_t>(axis)]);
  const int32_t perm = Integers(order);
  Emit(Builtin::kTranspose, 2, {tensor, perm}, {ActivateLike(tensor, out)});
  return true;
}

bool NetMaker::Pad(int32_t tensor) {
  const Shape in = shape(tensor);
  if (in.size() > 4) return false;
  Shape out = in;
  std::vector<int32_t> pads;
  for (auto& dim : out) {
    const bool is_padded = random_.OneIn(2);
    for (int side = 0; side < 2; ++side) {
      pads.push_back(is_padded ? random_.In(0, 3) : 0);
      dim += pads.back();
    }
  }
  if (Count(out) > kMaxElements) return false;
  TensorSpec table = Bias32("i", pads);
  table.shape = {static_cast<int32_t>(in.size()), 2};
  std::vector<int32_t> inputs = {tensor, AddTensor(std::move(table))};
  const bool with_value = random_.OneIn(3);
  if (with_value) inputs.push_back(ConstantLike(tensor, {1}));
  const int32_t output = ActivateLike(tensor, out);
  Emit(with_value ? Builtin::kPadV2 : Builtin::kPad, 2, std::move(inputs), {output});
  return true;
}

bool NetMaker::Concatenate(int32_t tensor) {
  const Shape in = shape(tensor);
  if (in.size() > 4) return false;
  const auto rank = static_cast<int32_t>(in.size());
  const int32_t axis = random_.In(0, rank - 1);
  const auto along = static_cast<size_t>(axis);
  std::vector<int32_t> inputs;
  Shape out = in;
  out[along] = 0;
  for (int32_t part = random_.In(2, 4); part > 0; --part) {
    int32_t input = tensor;
    const int32_t choice = random_.In(0, 2);
    if (choice == 0) {
      Shape other = in;
      other[along] = random_.In(1, 4);
      input = ConstantLike(tensor, other);
    } else if (choice == 1) {
      const int32_t partner = Partner(tensor);
      input = ActivateLike(tensor, in);
      Emit(Builtin::kQuantize, 2, {partner}, {input});
    }
    out[along] += shape(input)[along];
    inputs.push_back(input);
  }
  if (std::find(inputs.begin(), inputs.end(), tensor) == inputs.end()) {
    inputs.push_back(tensor);
    out[along] += in[along];
  }
  if (Count(out) > kMaxElements) return false;
  const ConcatenationOptions options{.axis = random_.OneIn(3) ? axis - rank : axis,
                                     .activation = Activation::kNone};
  const int32_t output = ActivateLike(tensor, out);
  Emit(Builtin::kConcatenation, 2, std::move(inputs), {output}, options);
  return true;
}

bool NetMaker::Split(int32_t tensor) {
  const Shape in = shape(tensor);
  if (in.size() > 4) return false;
  for (size_t d = in.size(); d-- > 0;) {
    for (int32_t parts = 4; parts > 1; --parts) {
      if (in[d] % parts != 0 || random_.OneIn(2)) continue;
      Shape out = in;
      out[d] /= parts;
      const auto axis = static_cast<int32_t>(d);
      const int32_t where =
          Integers({random_.OneIn(3) ? axis - static_cast<int32_t>(in.size()) : axis});
      std::vector<int32_t> outputs;
      for (int32_t i = 0; i < parts; ++i) outputs.push_back(ActivateLike(tensor, out));
      Emit(Builtin::kSplit, 2, {where, tensor}, std::move(outputs));
      return true;
    }
  }
  return false;
}

bool NetMaker::Slice(int32_t tensor) {
  const Shape in = shape(tensor);
  if (in.size() > 4) return false;
  StridedSliceOptions options;
  std::vector<int32_t> begins;
  std::vector<int32_t> ends;
  std::vector<int32_t> steps;
  Shape out;
  for (size_t d = 0; d < in.size(); ++d) {
    const int32_t step =
        random_.OneIn(2) ? 1 : (random_.OneIn(2) ? random_.In(2, 3) : random_.In(-2, -1));
    int32_t first = random_.In(0, in[d] - 1);
    int32_t last = random_.In(0, in[d] - 1);
    if ((step > 0) != (first <= last)) std::swap(first, last);
    if (first == last || step > 0) {
      if (random_.OneIn(4)) options.begin_mask |= 1u << d;
      if (random_.OneIn(4)) options.end_mask |= 1u << d;
    }
    const bool shrinks = step == 1 && random_.OneIn(6) && d > 0;
    const bool from_edge = (options.begin_mask >> d & 1) != 0 && !shrinks;
    const bool to_edge = (options.end_mask >> d & 1) != 0 && !shrinks;
    if (shrinks) {
      options.begin_mask &= ~(1u << d);
      options.end_mask &= ~(1u << d);
    }
    const int32_t start = from_edge ? (step > 0 ? 0 : in[d] - 1) : first;
    const int32_t stop = to_edge ? (step > 0 ? in[d] - 1 : 0) : last;
    begins.push_back(random_.OneIn(3) ? first - in[d] : first);
    // The end is one further in the direction of the walk; before the first element it has no
    // number, and only the mask can say so.
    ends.push_back(step > 0 ? last + 1 : last - 1);
    if (step < 0 && last == 0) options.end_mask |= 1u << d;
    steps.push_back(step);
    if (shrinks) {
      options.shrink_axis_mask |= 1u << d;
      ends.back() = first + 1;
      continue;
    }
    const int32_t span = step > 0 ? stop - start : start - stop;
    out.push_back(span / (step > 0 ? step : -step) + 1);
  }
  const int32_t begin = Integers(begins);
  const int32_t end = Integers(ends);
  const int32_t stride = Integers(steps);
  Emit(Builtin::kStridedSlice, 2, {tensor, begin, end, stride}, {ActivateLike(tensor, out)},
       options);
  return true;
}

}  // namespace tinyrig::compiler
