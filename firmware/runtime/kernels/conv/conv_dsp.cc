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

/// Widens the input under output pixel (y, x); places outside the image become the zero point.
void WidenPatch(const ConvParams& params, const TensorRecord& in, const int8_t* image, uint32_t y,
                uint32_t x, Writer to) {
  const auto zero = in.zero_point;
  const uint32_t channels = in.dims[3];
  const auto width = static_cast<int32_t>(in.dims[2]);
  const int32_t start_x = static_cast<int32_t>(x * params.stride_w) - params.pad_left;
  const TapRange taps = ClipTaps(start_x, params.kernel_w, width);
  int32_t row = static_cast<int32_t>(y * params.stride_h) - params.pad_top;
  for (int32_t ky = 0; ky < params.kernel_h; ++ky, row += params.dilation_h) {
    if (row < 0 || row >= static_cast<int32_t>(in.dims[1])) {
      to.Fill(zero, params.kernel_w * channels);
      continue;
    }
    const int8_t* line = image + static_cast<uint32_t>(row) * in.dims[2] * channels;
    if (params.dilation_w == 1) {
      to.Fill(zero, static_cast<uint32_t>(taps.begin) * channels);
      to.Widen(line + static_cast<uint32_t>(start_x + taps.begin) * channels,
               static_cast<uint32_t>(taps.end - taps.begin) * channels);
      to.Fill(zero, static_cast<uint32_t>(params.kernel_w - taps.end) * channels);
      continue;
    }
    int32_t column = start_x;
    for (int32_t kx = 0; kx < params.kernel_w; ++kx, column += params.dilation_w) {
      if (column < 0 || column >= width) {
        to.Fill(zero, channels);
      } else {
        to.Widen(line + static_cast<uint32_t>(column) * channels, channels);
      }
    }
  }
}

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
  const bool is_pointwise =
      params.kernel_h == 1 && params.kernel_w == 1 && params.stride_h == 1 && params.stride_w == 1;
  const uint32_t pixels = out.dims[1] * out.dims[2];
  int16_t* block = context.scratch();
  const int8_t* image = context.input_data();
  int8_t* result = context.output_data();

  for (uint32_t n = 0; n < out.dims[0]; ++n, image += in.dims[1] * in.dims[2] * in.dims[3]) {
    uint32_t y = 0;
    uint32_t x = 0;
    for (uint32_t pixel = 0; pixel < pixels;) {
      const uint32_t count = pixels - pixel < kConvPixels ? pixels - pixel : kConvPixels;
      for (uint32_t p = 0; p < count; ++p, ++pixel) {
        Writer writer(block, p);
        if (is_pointwise) {
          writer.Widen(image + pixel * patch, patch);
          continue;
        }
        WidenPatch(params, in, image, y, x, writer);
        if (++x == out.dims[2]) {
          x = 0;
          ++y;
        }
      }
      ConvBlock<kForm>(op, block, count, result);
      result += count * op.channels;
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
