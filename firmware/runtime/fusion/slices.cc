#include "firmware/runtime/fusion/slices.h"

#include <cstring>

#include "firmware/runtime/fusion/pixel.h"
#include "firmware/runtime/fusion/tile.h"
#include "firmware/runtime/kernels/requantize.h"
#include "firmware/runtime/kernels/simd/simd.h"

/// FusedOrder::kChannels: one expanded channel at a time over all rows of the iteration, the
/// projection as partial sums; int32 sums do not depend on their order. Here the plain form; others
/// have a kernel of their own for all but the last step.
namespace tinyrig::runtime {
namespace {

/// A convolution in the plain form.
struct Plain {
  const ConvParams& params;
  const Requant* requant;
  const int8_t* weights;
  int32_t zero_in;
  int32_t zero_out;

  explicit Plain(const OpContext& op)
      : params(op.params<ConvParams>()),
        requant(op.InBlob<Requant>(params.requant_offset)),
        weights(op.InBlob<int8_t>(params.weights_offset)),
        zero_in(op.input().zero_point),
        zero_out(op.output().zero_point) {}

  int8_t Output(uint32_t sum, uint32_t channel) const {
    return Requantize(static_cast<int32_t>(sum), requant[channel], zero_out, params.activation_min,
                      params.activation_max);
  }
};

/// Sum of values times weights; zero points not looked at.
uint32_t DotBytes(const int8_t* values, const int8_t* weights, uint32_t count) {
  int32_t sum = 0;
  for (; count >= 4; count -= 4, values += 4, weights += 4) {
    const uint32_t v = LoadWord(values);
    const uint32_t w = LoadWord(weights);
    sum = DotPair(ExtendEvenBytes(v), ExtendEvenBytes(w), sum);
    sum = DotPair(ExtendOddBytes(v), ExtendOddBytes(w), sum);
  }
  auto total = static_cast<uint32_t>(sum);
  for (; count > 0; --count) total += static_cast<uint32_t>(*values++ * *weights++);
  return total;
}

/// sums[i] += value * weights[i].
void AddProducts(int32_t value, const int8_t* weights, uint32_t count, uint32_t* sums) {
  const auto factor = static_cast<uint32_t>(value);
  for (; count >= 4; count -= 4, weights += 4, sums += 4) {
    const uint32_t word = LoadWord(weights);
    const uint32_t even = ExtendEvenBytes(word);
    const uint32_t odd = ExtendOddBytes(word);
    const auto a = BottomTimesBottom(even, factor, static_cast<int32_t>(sums[0]));
    const auto b = BottomTimesBottom(odd, factor, static_cast<int32_t>(sums[1]));
    const auto c = TopTimesBottom(even, factor, static_cast<int32_t>(sums[2]));
    const auto d = TopTimesBottom(odd, factor, static_cast<int32_t>(sums[3]));
    sums[0] = static_cast<uint32_t>(a), sums[1] = static_cast<uint32_t>(b);
    sums[2] = static_cast<uint32_t>(c), sums[3] = static_cast<uint32_t>(d);
  }
  for (; count > 0; --count) *sums++ += static_cast<uint32_t>(value * *weights++);
}

}  // namespace

void Tile::RunSlices() {
  const OpContext project = Layer(2);
  const Kernel& kernel = KernelOf(project);
  kernel.slices != nullptr ? kernel.slices(MakeSliceTask()) : RunPlainSlices();
  FinishSlices(kernel);
}

SliceTask Tile::MakeSliceTask() {
  // Three layers have four maps: the rest of the table is free.
  static_assert(sizeof(Map) * (kMaxFusedLayers + 1 - 4) >= kSliceScratchBytes);
  static_assert(sizeof(Map) % 4 == 0);
  std::byte* arena = phase_.context.arena;
  return {.expand = Layer(0),
          .depthwise = Layer(1),
          .project = Layer(2),
          .input = InputOf(0, Layer(0)),
          .expanded = {maps_[1].lo, maps_[1].hi},
          .output = {maps_[3].lo, maps_[3].hi},
          .plane = reinterpret_cast<int8_t*>(arena + layers_[1].input.offset),
          .sums = reinterpret_cast<int32_t*>(arena + layers_[2].input.offset),
          .scratch = reinterpret_cast<int8_t*>(maps_ + 4)};
}

void Tile::RunPlainSlices() const {
  const OpContext project = Layer(2);
  const FusedPlace& sums = layers_[2].input;
  std::memset(phase_.context.arena + sums.offset, 0,
              size_t{sums.rows} * project.output().dims[2] * project.output().dims[3] * 4);
  for (uint32_t c = 0; c < project.input().dims[3]; ++c) {
    ExpandSlice(c);
    ProjectSlice(c);
  }
}

/// All rows of one channel of the expanded map.
void Tile::ExpandSlice(uint32_t channel) const {
  const OpContext op = Layer(0);
  const Plain expand(op);
  const uint32_t depth = op.input().dims[3];
  const PixelMap input = InputOf(0, op);
  const FusedPlace& place = layers_[1].input;
  auto* plane = reinterpret_cast<int8_t*>(phase_.context.arena + place.offset);
  const int8_t* weights = expand.weights + channel * depth;
  uint32_t weight_sum = 0;
  for (uint32_t i = 0; i < depth; ++i) weight_sum += static_cast<uint32_t>(int32_t{weights[i]});
  const uint32_t offset = static_cast<uint32_t>(expand.zero_in) * weight_sum;
  for (int32_t y = maps_[1].lo; y <= maps_[1].hi; ++y) {
    int8_t* row = plane + static_cast<uint32_t>(y - maps_[1].lo) % place.rows * maps_[1].width;
    const int8_t* values = input.At(y, 0);
    for (uint32_t x = 0; x < maps_[1].width; ++x, values += depth) {
      row[x] = expand.Output(DotBytes(values, weights, depth) - offset, channel);
    }
  }
}

/// What one channel of the depthwise map adds to the projection.
void Tile::ProjectSlice(uint32_t channel) const {
  const OpContext middle_op = Layer(1);
  const OpContext project_op = Layer(2);
  const Plain middle(middle_op);
  const Plain project(project_op);
  const LayerWindow window = WindowOf(middle_op);
  const uint32_t expanded = project_op.input().dims[3];
  const uint32_t channels = project_op.output().dims[3];
  const FusedPlace& plane_place = layers_[1].input;
  const FusedPlace& sums_place = layers_[2].input;
  auto* plane = reinterpret_cast<int8_t*>(phase_.context.arena + plane_place.offset);
  auto* sums = reinterpret_cast<uint32_t*>(phase_.context.arena + sums_place.offset);
  const PixelMap map = {plane, plane_place.rows, maps_[1].width, maps_[1].width, 1, maps_[1].lo};
  // The channel's weights of all outputs, where the output pixel will be made later.
  auto* weights = reinterpret_cast<int8_t*>(phase_.context.arena + block_.staged);
  for (uint32_t c = 0; c < channels; ++c) weights[c] = project.weights[c * expanded + channel];
  for (int32_t y = maps_[3].lo; y <= maps_[3].hi; ++y) {
    uint32_t* sum =
        sums + static_cast<uint32_t>(y - maps_[3].lo) % sums_place.rows * maps_[3].width * channels;
    const TapRange rows =
        ClipTaps(y * window.stride_h - window.pad_top, window.kernel_h, window.in_h);
    for (int32_t x = 0; x < maps_[3].width; ++x, sum += channels) {
      const int32_t left = x * window.stride_w - window.pad_left;
      const TapRange columns = ClipTaps(left, window.kernel_w, window.in_w);
      uint32_t acc = 0;
      for (int32_t ky = rows.begin; ky < rows.end; ++ky) {
        const int8_t* value =
            map.At(y * window.stride_h - window.pad_top + ky, left + columns.begin);
        const int8_t* weight =
            middle.weights +
            static_cast<uint32_t>(ky * window.kernel_w + columns.begin) * expanded + channel;
        for (int32_t kx = columns.begin; kx < columns.end; ++kx, weight += expanded) {
          acc += static_cast<uint32_t>((*value++ - middle.zero_in) * *weight);
        }
      }
      AddProducts(middle.Output(acc, channel) - project.zero_in, weights, channels, sum);
    }
  }
}

void Tile::FinishSlices(const Kernel& kernel) {
  const OpContext op = Layer(2);
  const Plain project(op);
  const uint32_t channels = op.output().dims[3];
  const FusedPlace& place = layers_[2].input;
  const auto* sums = reinterpret_cast<const uint32_t*>(phase_.context.arena + place.offset);
  auto* staged = reinterpret_cast<int8_t*>(phase_.context.arena + block_.staged);
  const PixelMap output = MakePixelMap(phase_.context.arena, block_.output, op.output(), 0);
  for (int32_t y = maps_[3].lo; y <= maps_[3].hi; ++y) {
    const uint32_t* sum =
        sums + static_cast<uint32_t>(y - maps_[3].lo) % place.rows * maps_[3].width * channels;
    for (int32_t x = 0; x < maps_[3].width; ++x, sum += channels) {
      if (kernel.slice_pixel != nullptr) {
        kernel.slice_pixel(op, reinterpret_cast<const int32_t*>(sum), staged);
      } else {
        for (uint32_t c = 0; c < channels; ++c) staged[c] = project.Output(sum[c], c);
      }
      TakeSums(2, y, x, staged);
      Keep(2, y, x, staged);
      PutOut(output, y, x, staged, channels);
    }
  }
}

}  // namespace tinyrig::runtime
