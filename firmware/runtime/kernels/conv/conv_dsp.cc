#include "firmware/runtime/kernels/conv/conv.h"
#include "firmware/runtime/kernels/requantize.h"
#include "firmware/runtime/kernels/simd/dot_block.h"
#include "firmware/runtime/kernels/window.h"

namespace tinyrig::runtime {
namespace {

using Writer = PatchWriter<kConvPixels>;

/// What the blocks of one operator have in common.
struct Operator {
  const PackedRequant* requant;
  const Word* weights;
  uint32_t channels;
  uint32_t depth;
};

/// Window of one output pixel: its first tap in the input, which may lie outside.
struct Window {
  int32_t y;
  int32_t x;
};

/// Widens the input under a window; places outside the image become the zero point.
void WidenBorderPatch(const ConvParams& params, const TensorRecord& in, const int8_t* image,
                      Window at, Writer to) {
  const auto zero = in.zero_point;
  const uint32_t channels = in.dims[3];
  const auto height = static_cast<int32_t>(in.dims[1]);
  const TapRange taps =
      ClipTaps(at.x, params.kernel_w, static_cast<int32_t>(in.dims[2]), params.dilation_w);
  // Neighbouring taps are neighbours in memory unless the kernel is dilated.
  const int32_t run = params.dilation_w == 1 ? taps.end - taps.begin : 1;
  const uint32_t before = static_cast<uint32_t>(taps.begin) * channels;
  const uint32_t after = static_cast<uint32_t>(params.kernel_w - taps.end) * channels;
  for (uint32_t rows = params.kernel_h; rows > 0; --rows, at.y += params.dilation_h) {
    if (at.y < 0 || at.y >= height) {
      to.Fill(zero, params.kernel_w * channels);
      continue;
    }
    to.Fill(zero, before);
    const auto line = static_cast<uint32_t>(at.y) * in.dims[2];
    for (int32_t kx = taps.begin; kx < taps.end; kx += run) {
      const auto x = static_cast<uint32_t>(at.x + kx * params.dilation_w);
      to.Widen(image + (line + x) * channels, static_cast<uint32_t>(run) * channels);
    }
    to.Fill(zero, after);
  }
}

/// The same for a window that lies inside the image, kernel not dilated: its rows are runs in
/// memory.
void WidenInnerPatch(const ConvParams& params, const TensorRecord& in, const int8_t* image,
                     Window at, Writer to) {
  const uint32_t line = in.dims[2] * in.dims[3];
  const uint32_t run = params.kernel_w * in.dims[3];
  const int8_t* from =
      image + static_cast<uint32_t>(at.y) * line + static_cast<uint32_t>(at.x) * in.dims[3];
  for (uint32_t rows = params.kernel_h; rows > 0; --rows, from += line) to.Widen(from, run);
}

/// Chooses between the two.
class PatchSource {
 public:
  PatchSource(const ConvParams& params, const TensorRecord& in)
      : params_(params),
        in_(in),
        is_dense_(params.dilation_h == 1 && params.dilation_w == 1),
        last_y_(static_cast<int32_t>(in.dims[1]) - params.kernel_h),
        last_x_(static_cast<int32_t>(in.dims[2]) - params.kernel_w) {}

  void Widen(const int8_t* image, Window at, Writer to) const {
    const bool is_inside = at.y >= 0 && at.x >= 0 && at.y <= last_y_ && at.x <= last_x_;
    (is_inside && is_dense_ ? WidenInnerPatch : WidenBorderPatch)(params_, in_, image, at, to);
  }

 private:
  const ConvParams& params_;
  const TensorRecord& in_;
  bool is_dense_;
  int32_t last_y_;
  int32_t last_x_;
};

/// All channels of `pixels` neighbouring output pixels, whose patches lie in `block`.
template <WeightForm kForm>
void ConvBlock(const Operator& op, const int16_t* block, uint32_t pixels, int8_t* out) {
  static_assert(kConvPixels == 3);
  const PackedRequant* requant = op.requant;
  const Word* weights = op.weights;
  // Pixels that do not exist write to the first one's place, before it does.
  const uint32_t step1 = pixels > 1 ? op.channels : 0;
  const uint32_t step2 = pixels > 2 ? 2 * op.channels : 0;
  for (uint32_t left = op.channels; left > 0; requant += 2, out += 2) {
    const int32_t bias_a = requant[0].bias;
    const int32_t bias_b = requant[1].bias;
    int32_t a[3] = {bias_a, bias_a, bias_a};
    int32_t b[3] = {bias_b, bias_b, bias_b};
    weights = DotBlock<kForm, 3>(block, op.depth, weights, a, b);
    const auto store = [out, step1, step2](const PackedRequant& to, const int32_t(&acc)[3],
                                           uint32_t channel) {
      const auto [bias, multiplier, rounding, shift] = to;
      out[channel + step2] = RequantizePacked(acc[2], multiplier, rounding, shift);
      out[channel + step1] = RequantizePacked(acc[1], multiplier, rounding, shift);
      out[channel] = RequantizePacked(acc[0], multiplier, rounding, shift);
    };
    store(requant[0], a, 0);
    if (left == 1) break;
    store(requant[1], b, 1);
    left -= 2;
  }
}

template <WeightForm kForm>
void Conv(const OpContext& context) {
  const auto& params = context.params<ConvParams>();
  const TensorRecord& in = context.input();
  const TensorRecord& out = context.output();
  const uint32_t patch = uint32_t{params.kernel_h} * params.kernel_w * in.dims[3];
  const Operator op = {.requant = context.InBlob<PackedRequant>(params.requant_offset),
                       .weights = context.InBlob<Word>(params.weights_offset),
                       .channels = out.dims[3],
                       .depth = static_cast<uint32_t>(RoundUp(patch, kDepthStep))};
  const PatchSource source(params, in);
  // Patches of neighbouring pixels are neighbours in memory.
  const bool is_pointwise =
      params.kernel_h == 1 && params.kernel_w == 1 && params.stride_h == 1 && params.stride_w == 1;
  const auto width = static_cast<int32_t>(out.dims[2] * params.stride_w) - params.pad_left;
  const uint32_t pixels = out.dims[1] * out.dims[2];
  int16_t* block = context.scratch();
  const int8_t* image = context.input_data();
  int8_t* result = context.output_data();

  for (uint32_t n = 0; n < out.dims[0]; ++n, image += in.dims[1] * in.dims[2] * in.dims[3]) {
    Window at = {-params.pad_top, -params.pad_left};
    for (uint32_t left = pixels; left > 0;) {
      const uint32_t count = left < kConvPixels ? left : kConvPixels;
      for (uint32_t p = 0; p < count; ++p) {
        Writer writer(block, p);
        if (is_pointwise) {
          writer.Widen(image + (pixels - left + p) * patch, patch);
          continue;
        }
        source.Widen(image, at, writer);
        at.x += params.stride_w;
        if (at.x == width) at = {at.y + params.stride_h, -params.pad_left};
      }
      ConvBlock<kForm>(op, block, count, result);
      result += count * op.channels;
      left -= count;
    }
  }
  ClampValues(context.output_data(), static_cast<size_t>(ElementCount(out)), params.activation_min,
              params.activation_max);
}

}  // namespace

Code PrepareConvDsp(const OpCheck& check) {
  if (!ConvShapesAreSound(check)) return Code::kInvalidArgument;
  const auto& params = check.params<ConvParams>();
  const uint64_t patch = uint64_t{params.kernel_h} * params.kernel_w * check.input().dims[3];
  const uint64_t depth = RoundUp(patch, kDepthStep);
  const uint64_t channels = RoundUp(check.output().dims[3], kConvChannels);
  const uint64_t width = check.op->form == WeightForm::kPackedInt16 ? 2 : 1;
  const bool sound = params.depth_multiplier == 1 && patch <= UINT32_MAX / 8 &&
                     ConvScratchBytes(patch, kConvPixels) <= check.op->scratch_bytes &&
                     channels * depth * width <= params.weights_bytes &&
                     check.InData(params.weights_offset, params.weights_bytes) &&
                     check.InData(params.requant_offset, channels * sizeof(PackedRequant)) &&
                     RequantIsSound(check.InBlob<PackedRequant>(params.requant_offset), channels);
  return sound ? Code::kOk : Code::kInvalidArgument;
}

void ConvDspInt8(const OpContext& context) { Conv<WeightForm::kPackedInt8>(context); }
void ConvDspInt16(const OpContext& context) { Conv<WeightForm::kPackedInt16>(context); }

}  // namespace tinyrig::runtime
