#include "firmware/runtime/kernels/conv/conv.h"
#include "firmware/runtime/kernels/requantize.h"
#include "firmware/runtime/kernels/simd/dot_block.h"
#include "firmware/runtime/kernels/window.h"

namespace tinyrig::runtime {
namespace {

constexpr int kPixels = kConvPixels;

/// Copies the input under output pixel (y, x) to `to`, widened; places outside the image become the
/// zero point.
void WidenPatch(const ConvParams& params, const TensorRecord& in, const int8_t* image, uint32_t y,
                uint32_t x, int16_t* to) {
  const auto zero = in.zero_point;
  const uint32_t channels = in.dims[3];
  const auto width = static_cast<int32_t>(in.dims[2]);
  const int32_t start_x = static_cast<int32_t>(x * params.stride_w) - params.pad_left;
  int32_t row = static_cast<int32_t>(y * params.stride_h) - params.pad_top;
  const TapRange taps = ClipTaps(start_x, params.kernel_w, width);
  for (int32_t ky = 0; ky < params.kernel_h; ++ky, row += params.dilation_h) {
    if (row < 0 || row >= static_cast<int32_t>(in.dims[1])) {
      to = Fill(to, zero, params.kernel_w * channels);
      continue;
    }
    const int8_t* line = image + static_cast<uint32_t>(row) * in.dims[2] * channels;
    if (params.dilation_w == 1) {
      const int8_t* from = line + static_cast<uint32_t>(start_x + taps.begin) * channels;
      to = Fill(to, zero, static_cast<uint32_t>(taps.begin) * channels);
      to = Widen(from, to, static_cast<uint32_t>(taps.end - taps.begin) * channels);
      to = Fill(to, zero, static_cast<uint32_t>(params.kernel_w - taps.end) * channels);
      continue;
    }
    for (int32_t kx = 0, column = start_x; kx < params.kernel_w;
         ++kx, column += params.dilation_w) {
      const bool inside = column >= 0 && column < width;
      to = inside ? Widen(line + static_cast<uint32_t>(column) * channels, to, channels)
                  : Fill(to, zero, channels);
    }
  }
}

/// All channels of up to kPixels neighbouring output pixels, whose patches lie in `patches`.
template <WeightForm kForm>
void ConvBlock(const int16_t* patches, uint32_t depth, const std::byte* weights,
               const PackedRequant* requant, uint32_t channels, uint32_t pixels, int8_t* out) {
  // Pixels that do not exist write to the first one's place, before it does.
  int8_t* row[kPixels];
  for (uint32_t p = 0; p < kPixels; ++p) row[p] = out + (p < pixels ? p * channels : 0);
  for (uint32_t c = 0; c < channels; c += 2, requant += 2) {
    int32_t a[kPixels];
    int32_t b[kPixels];
    for (int p = 0; p < kPixels; ++p) {
      a[p] = requant[0].bias;
      b[p] = requant[1].bias;
    }
    DotBlock<kForm, kPixels>(patches, depth, weights, a, b);
    const bool is_pair = c + 1 < channels;
    for (int p = kPixels - 1; p >= 0; --p) {
      if (is_pair) {
        row[p][1] =
            RequantizePacked(b[p], requant[1].multiplier, requant[1].rounding, requant[1].shift);
      }
      row[p][0] =
          RequantizePacked(a[p], requant[0].multiplier, requant[0].rounding, requant[0].shift);
      row[p] += 2;
    }
  }
}

template <WeightForm kForm>
void Conv(const OpContext& context) {
  const auto& params = context.params<ConvParams>();
  const TensorRecord& in = context.input();
  const TensorRecord& out = context.output();
  const auto* weights = context.InBlob<std::byte>(params.weights_offset);
  const auto* requant = context.InBlob<PackedRequant>(params.requant_offset);
  const uint32_t channels = out.dims[3];
  const uint32_t patch = uint32_t{params.kernel_h} * params.kernel_w * in.dims[3];
  const auto depth = static_cast<uint32_t>(RoundUp(patch, kDepthStep));
  // The patches of neighbouring pixels of a 1x1 convolution lie in the input one after the other.
  const bool is_pointwise = params.kernel_h == 1 && params.kernel_w == 1 && params.stride_h == 1 &&
                            params.stride_w == 1 && patch == depth;
  int16_t* patches = context.scratch();
  const int8_t* image = context.input_data();
  int8_t* result = context.output_data();
  const uint32_t pixels = out.dims[1] * out.dims[2];

  for (uint32_t n = 0; n < out.dims[0]; ++n, image += in.dims[1] * in.dims[2] * in.dims[3]) {
    uint32_t y = 0;
    uint32_t x = 0;
    for (uint32_t pixel = 0; pixel < pixels;) {
      const uint32_t count = pixels - pixel < kPixels ? pixels - pixel : kPixels;
      if (is_pointwise) {
        Widen(image + pixel * depth, patches, count * depth);
      } else {
        for (uint32_t p = 0; p < count; ++p) {
          WidenPatch(params, in, image, y, x, patches + p * depth);
          if (++x == out.dims[2]) {
            x = 0;
            ++y;
          }
        }
      }
      ConvBlock<kForm>(patches, depth, weights, requant, channels, count, result);
      result += count * channels;
      pixel += count;
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
  const bool sound = params.depth_multiplier == 1 && patch <= UINT32_MAX / 2 &&
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
