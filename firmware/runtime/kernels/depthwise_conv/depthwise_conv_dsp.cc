#include "firmware/runtime/kernels/depthwise_conv/depthwise_conv.h"
#include "firmware/runtime/kernels/depthwise_conv/plane.h"
#include "firmware/runtime/kernels/requantize.h"
#include "firmware/runtime/kernels/simd/simd.h"
#include "firmware/runtime/kernels/window.h"

namespace tinyrig::runtime {
namespace {

constexpr uint32_t kChannels = kDepthwiseChannels;

/// Geometry of one operator; lengths count values.
struct Shape {
  uint32_t channels;
  uint32_t in_h, in_w;
  uint32_t out_h, out_w;
  uint32_t kernel_h, kernel_w;
  uint32_t stride_h, stride_w;
  uint32_t pad_top, pad_left;
  uint32_t strip_out_rows;
  uint32_t strip_in_rows;
  uint32_t row;      ///< One widened row.
  uint32_t plane;    ///< One channel's strip.
  uint32_t columns;  ///< Input columns that any window reads.
  uint32_t weights;  ///< One channel's weights.
  int16_t zero_point;
};

/// Forward copy of aligned words; the places may overlap when `to` lies before `from`.
void CopyWords(const int16_t* from, int16_t* to, uint32_t words) {
  const auto* source = reinterpret_cast<const Word*>(from);
  auto* target = reinterpret_cast<Word*>(to);
  for (; words >= 4; words -= 4, source += 4, target += 4) {
    const uint32_t a = source[0], b = source[1], c = source[2], d = source[3];
    target[0] = a, target[1] = b, target[2] = c, target[3] = d;
  }
  for (; words > 0; --words) *target++ = *source++;
}

/// Rows of the input, borders included, of a group of channels, widened: one plane a channel. Left
/// and right borders are filled once and never overwritten.
class Strip {
 public:
  Strip(const Shape& shape, int16_t* planes) : shape_(shape), planes_(planes) {
    Fill(planes_, shape.zero_point, kChannels * shape.plane);
  }

  /// Makes rows [begin, begin + rows) of the padded image present, from slot 0 on. `first` is the
  /// group's first channel of pixel (0, 0). Rows that the strip before had are kept, since the
  /// input may have been overwritten.
  void Load(const int8_t* first, uint32_t channels, uint32_t begin, uint32_t rows) {
    const uint32_t overlap =
        begin != 0 && shape_.kernel_h > shape_.stride_h ? shape_.kernel_h - shape_.stride_h : 0;
    for (uint32_t c = 0; c < channels && overlap != 0; ++c) {
      int16_t* plane = planes_ + c * shape_.plane;
      CopyWords(plane + (shape_.strip_in_rows - overlap) * shape_.row, plane,
                overlap * shape_.row / 2);
    }
    for (uint32_t slot = overlap; slot < rows; ++slot) {
      LoadRow(first, channels, begin + slot, planes_ + slot * shape_.row + shape_.pad_left);
    }
  }

  const int16_t* plane(uint32_t channel) const { return planes_ + channel * shape_.plane; }

 private:
  void LoadRow(const int8_t* first, uint32_t channels, uint32_t padded_row, int16_t* to) {
    const uint32_t row = padded_row - shape_.pad_top;
    if (padded_row < shape_.pad_top || row >= shape_.in_h) {
      for (uint32_t c = 0; c < channels; ++c) {
        Fill(to + c * shape_.plane, shape_.zero_point, shape_.columns);
      }
      return;
    }
    const int8_t* from = first + row * shape_.in_w * shape_.channels;
    if (channels == kChannels) {
      LoadFour(from, to);
      return;
    }
    for (uint32_t c = 0; c < channels; ++c) {
      for (uint32_t x = 0; x < shape_.columns; ++x) {
        to[c * shape_.plane + x] = from[x * shape_.channels + c];
      }
    }
  }

  /// Two pixels of four channels at a time: eight values, four stores.
  void LoadFour(const int8_t* from, int16_t* to) {
    const uint32_t step = shape_.channels;
    int16_t* plane0 = to;
    int16_t* plane1 = plane0 + shape_.plane;
    int16_t* plane2 = plane1 + shape_.plane;
    int16_t* plane3 = plane2 + shape_.plane;
    uint32_t left = shape_.columns;
    for (; left >= 2; left -= 2) {
      const uint32_t pixel0 = LoadWord(from);
      const uint32_t pixel1 = LoadWord(from + step);
      from += 2 * step;
      const uint32_t even0 = ExtendEvenBytes(pixel0);
      const uint32_t even1 = ExtendEvenBytes(pixel1);
      const uint32_t odd0 = ExtendOddBytes(pixel0);
      const uint32_t odd1 = ExtendOddBytes(pixel1);
      StoreWord(plane0, PackBottoms(even0, even1));
      StoreWord(plane1, PackBottoms(odd0, odd1));
      StoreWord(plane2, PackTops(even0, even1));
      StoreWord(plane3, PackTops(odd0, odd1));
      plane0 += 2;
      plane1 += 2;
      plane2 += 2;
      plane3 += 2;
    }
    if (left != 0) {
      *plane0 = from[0];
      *plane1 = from[1];
      *plane2 = from[2];
      *plane3 = from[3];
    }
  }

  const Shape& shape_;
  int16_t* planes_;
};

/// How a plane of it is computed.
struct Plane {
  PlaneShape shape;
  PlaneFunction kernel;
};

Plane MakePlane(const Shape& shape) {
  const PlaneShape plane = {.row = shape.row,
                            .out_w = shape.out_w,
                            .out_step = shape.channels,
                            .kernel_h = shape.kernel_h,
                            .kernel_w = shape.kernel_w,
                            .stride_h = shape.stride_h,
                            .stride_w = shape.stride_w};
  return {plane, PlaneKernel(plane)};
}

/// The whole image for up to four channels. `weights` holds theirs as int16, `in` and `out` start
/// at the first of them.
void Group(const Shape& shape, const Plane& plane, Strip& strip, uint32_t channels,
           const int16_t* weights, const PackedRequant* requant, const int8_t* in, int8_t* out) {
  for (uint32_t y = 0; y < shape.out_h; y += shape.strip_out_rows) {
    const uint32_t left = shape.out_h - y;
    const uint32_t rows = left < shape.strip_out_rows ? left : shape.strip_out_rows;
    strip.Load(in, channels, y * shape.stride_h, (rows - 1) * shape.stride_h + shape.kernel_h);
    for (uint32_t c = 0; c < channels; ++c) {
      plane.kernel(plane.shape, rows, strip.plane(c), weights + c * shape.weights, requant[c],
                   out + c);
    }
    out += rows * shape.out_w * shape.channels;
  }
}

DepthwiseStrip StripOf(const ConvParams& params, const TensorRecord& out) {
  return MakeDepthwiseStrip(out.dims[1], out.dims[2], params.stride_h, params.stride_w,
                            params.kernel_h, params.kernel_w);
}

Shape MakeShape(const OpContext& context) {
  const auto& params = context.params<ConvParams>();
  const TensorRecord& in = context.input();
  const TensorRecord& out = context.output();
  const DepthwiseStrip strip = StripOf(params, out);
  const auto row = static_cast<uint32_t>(strip.row);
  const uint32_t room = row > params.pad_left ? row - params.pad_left : 0;
  return {.channels = in.dims[3],
          .in_h = in.dims[1],
          .in_w = in.dims[2],
          .out_h = out.dims[1],
          .out_w = out.dims[2],
          .kernel_h = params.kernel_h,
          .kernel_w = params.kernel_w,
          .stride_h = params.stride_h,
          .stride_w = params.stride_w,
          .pad_top = params.pad_top,
          .pad_left = params.pad_left,
          .strip_out_rows = static_cast<uint32_t>(strip.out_rows),
          .strip_in_rows = static_cast<uint32_t>(strip.in_rows),
          .row = row,
          .plane = static_cast<uint32_t>(strip.in_rows) * row,
          .columns = in.dims[2] < room ? in.dims[2] : room,
          .weights = static_cast<uint32_t>(DepthwiseWeightValues(params.kernel_h, params.kernel_w)),
          .zero_point = in.zero_point};
}

template <WeightForm kForm>
void DepthwiseConv(const OpContext& context) {
  const auto& params = context.params<ConvParams>();
  const Shape shape = MakeShape(context);
  const Plane plane = MakePlane(shape);
  const uint32_t batches = context.output().dims[0];
  Strip strip(shape, context.scratch());
  int16_t* widened = context.scratch() + kChannels * shape.plane;
  const int8_t* image = context.input_data();
  int8_t* result = context.output_data();

  for (uint32_t n = 0; n < batches; ++n) {
    for (uint32_t c = 0; c < shape.channels; c += kChannels) {
      const uint32_t left = shape.channels - c;
      const uint32_t channels = left < kChannels ? left : kChannels;
      const int16_t* weights = widened;
      if constexpr (kForm == WeightForm::kPackedInt16) {
        weights = context.InBlob<int16_t>(params.weights_offset) + c * shape.weights;
      } else {
        const auto* packed = context.InBlob<int8_t>(params.weights_offset) + c * shape.weights;
        Widen(packed, widened, channels * shape.weights);
      }
      Group(shape, plane, strip, channels, weights,
            context.InBlob<PackedRequant>(params.requant_offset) + c, image + c, result + c);
    }
    image += shape.in_h * shape.in_w * shape.channels;
    result += shape.out_h * shape.out_w * shape.channels;
  }
  ClampValues(context.output_data(), static_cast<size_t>(ElementCount(context.output())),
              params.activation_min, params.activation_max);
}

}  // namespace

Code PrepareDepthwiseConvDsp(const OpCheck& check) {
  if (!ConvShapesAreSound(check)) return Code::kInvalidArgument;
  const auto& params = check.params<ConvParams>();
  const DepthwiseStrip strip = StripOf(params, check.output());
  const uint64_t channels = RoundUp(check.output().dims[3], kChannels);
  const uint64_t width = check.op->form == WeightForm::kPackedInt16 ? 2 : 1;
  const uint64_t weights =
      channels * DepthwiseWeightValues(params.kernel_h, params.kernel_w) * width;
  const bool sound =
      params.depth_multiplier == 1 && params.dilation_h == 1 && params.dilation_w == 1 &&
      check.input().dims[3] == check.output().dims[3] &&
      DepthwiseScratchBytes(strip, params.kernel_h, params.kernel_w) <= check.op->scratch_bytes &&
      weights <= params.weights_bytes &&
      check.InData(params.weights_offset, params.weights_bytes) &&
      check.InData(params.requant_offset, channels * sizeof(PackedRequant)) &&
      RequantIsSound(check.InBlob<PackedRequant>(params.requant_offset), channels);
  return sound ? Code::kOk : Code::kInvalidArgument;
}

void DepthwiseConvDspInt8(const OpContext& context) {
  DepthwiseConv<WeightForm::kPackedInt8>(context);
}
void DepthwiseConvDspInt16(const OpContext& context) {
  DepthwiseConv<WeightForm::kPackedInt16>(context);
}

}  // namespace tinyrig::runtime
