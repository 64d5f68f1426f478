#include "firmware/runtime/kernels/depthwise_conv/depthwise_conv.h"
#include "firmware/runtime/kernels/requantize.h"
#include "firmware/runtime/kernels/simd/simd.h"
#include "firmware/runtime/kernels/window.h"

namespace tinyrig::runtime {
namespace {

constexpr uint32_t kChannels = kDepthwiseChannels;

/// Geometry of one run; lengths count int16 values unless they say otherwise.
struct Shape {
  uint32_t channels;  ///< Of the tensors.
  uint32_t in_h, in_w;
  uint32_t out_h, out_w;
  uint32_t kernel_h;
  uint32_t kernel_pairs;  ///< Pairs of taps in a padded kernel row.
  uint32_t stride_h, stride_w;
  uint32_t pad_top, pad_left;
  uint32_t row;      ///< One widened row of one channel.
  uint32_t columns;  ///< Input columns that any window reads.
  uint32_t weights;  ///< One channel's weights.
  int16_t zero_point;
};

/// The last kernel_h input rows of four channels, widened, one plane a channel: row r of the padded
/// image lies in slot r mod kernel_h. Left and right borders are filled once and never overwritten.
class RowRing {
 public:
  RowRing(const Shape& shape, int16_t* rows) : shape_(shape), rows_(rows) {
    Fill(rows_, shape.zero_point, shape.kernel_h * kChannels * shape.row);
  }

  /// Starts another group of channels or another image. `first` is the group's first channel of
  /// pixel (0, 0).
  void Restart(const int8_t* first, uint32_t channels) {
    first_ = first;
    channels_ = channels;
    next_ = 0;
  }

  /// Makes rows [begin, begin + kernel_h) of the padded image present.
  void Advance(uint32_t begin) {
    if (next_ < begin) next_ = begin;
    for (; next_ < begin + shape_.kernel_h; ++next_) Load(next_);
  }

  /// Row of channel 0 of the group; that of channel c lies c * shape.row values further.
  const int16_t* Row(uint32_t padded_row) const {
    return rows_ + padded_row % shape_.kernel_h * kChannels * shape_.row;
  }

 private:
  void Load(uint32_t padded_row) {
    int16_t* to = rows_ + padded_row % shape_.kernel_h * kChannels * shape_.row + shape_.pad_left;
    const uint32_t row = padded_row - shape_.pad_top;
    if (padded_row < shape_.pad_top || row >= shape_.in_h) {
      for (uint32_t c = 0; c < kChannels; ++c) {
        Fill(to + c * shape_.row, shape_.zero_point, shape_.columns);
      }
      return;
    }
    const int8_t* from = first_ + row * shape_.in_w * shape_.channels;
    if (channels_ == kChannels) {
      LoadFour(from, to);
      return;
    }
    for (uint32_t c = 0; c < channels_; ++c) {
      for (uint32_t x = 0; x < shape_.columns; ++x) {
        to[c * shape_.row + x] = from[x * shape_.channels + c];
      }
    }
  }

  /// Two pixels of four channels at a time: eight values, four stores.
  void LoadFour(const int8_t* from, int16_t* to) {
    const uint32_t step = shape_.channels;
    int16_t* plane0 = to;
    int16_t* plane1 = to + shape_.row;
    int16_t* plane2 = plane1 + shape_.row;
    int16_t* plane3 = plane2 + shape_.row;
    uint32_t x = shape_.columns;
    for (; x >= 2; x -= 2) {
      const uint32_t left = LoadWord(from);
      const uint32_t right = LoadWord(from + step);
      from += 2 * step;
      const uint32_t left_even = ExtendEvenBytes(left);
      const uint32_t left_odd = ExtendOddBytes(left);
      const uint32_t right_even = ExtendEvenBytes(right);
      const uint32_t right_odd = ExtendOddBytes(right);
      StoreWord(plane0, PackBottoms(left_even, right_even));
      StoreWord(plane1, PackBottoms(left_odd, right_odd));
      StoreWord(plane2, PackTops(left_even, right_even));
      StoreWord(plane3, PackTops(left_odd, right_odd));
      plane0 += 2;
      plane1 += 2;
      plane2 += 2;
      plane3 += 2;
    }
    if (x != 0) {
      *plane0 = from[0];
      *plane1 = from[1];
      *plane2 = from[2];
      *plane3 = from[3];
    }
  }

  const Shape& shape_;
  int16_t* rows_;
  const int8_t* first_ = nullptr;
  uint32_t channels_ = 0;
  uint32_t next_ = 0;
};

/// Writes two neighbouring outputs of a channel, or only the first when `count` is 1.
inline void Store(int8_t*& out, uint32_t step, uint32_t count, int32_t first, int32_t second,
                  const PackedRequant& requant) {
  *out = RequantizePacked(first, requant.multiplier, requant.rounding, requant.shift);
  out += step;
  if (count == 1) return;
  *out = RequantizePacked(second, requant.multiplier, requant.rounding, requant.shift);
  out += step;
}

/// One output row of one channel, kernel 3x3, stride 1: 18 multiplications a pair of outputs in 12
/// instructions.
void Row3x3Stride1(const Shape& shape, const int16_t* const rows[3], const int16_t* weights,
                   const PackedRequant& requant, int8_t* out) {
  const int16_t* row0 = rows[0];
  const int16_t* row1 = rows[1];
  const int16_t* row2 = rows[2];
  const uint32_t w01 = LoadWord(weights), w11 = LoadWord(weights + 4), w21 = LoadWord(weights + 8);
  const uint32_t w02 = LoadWord(weights + 1), w12 = LoadWord(weights + 5),
                 w22 = LoadWord(weights + 9);
  for (uint32_t left = shape.out_w; left > 0;) {
    int32_t first = requant.bias;
    int32_t second = first;
    const auto add = [&](const int16_t*& row, uint32_t taps01, uint32_t taps12) {
      const uint32_t x01 = LoadWord(row);
      const uint32_t x23 = LoadWord(row + 2);
      row += 2;
      first = DotPair(x01, taps01, first);
      first = BottomTimesTop(x23, taps12, first);
      second = TopTimesBottom(x01, taps01, second);
      second = DotPair(x23, taps12, second);
    };
    add(row0, w01, w02);
    add(row1, w11, w12);
    add(row2, w21, w22);
    const uint32_t count = left < 2 ? 1 : 2;
    Store(out, shape.channels, count, first, second, requant);
    left -= count;
  }
}

/// The same with any kernel and stride, two outputs at a time.
void RowAny(const Shape& shape, const RowRing& ring, uint32_t padded_row, uint32_t channel,
            const int16_t* weights, const PackedRequant& requant, int8_t* out) {
  const uint32_t step = shape.stride_w;
  for (uint32_t x = 0; x < shape.out_w; x += 2) {
    int32_t first = requant.bias;
    int32_t second = first;
    const int16_t* tap = weights;
    for (uint32_t ky = 0; ky < shape.kernel_h; ++ky) {
      const int16_t* value = ring.Row(padded_row + ky) + channel * shape.row + x * step;
      for (uint32_t pair = 0; pair < shape.kernel_pairs; ++pair, value += 2, tap += 2) {
        const uint32_t taps = LoadWord(tap);
        first = DotPair(LoadWord(value), taps, first);
        second = DotPair(LoadWord(value + step), taps, second);
      }
    }
    Store(out, shape.channels, shape.out_w - x < 2 ? 1 : 2, first, second, requant);
  }
}

/// All rows of up to four channels. `weights` holds the group's weights as int16, `out` its first
/// channel of (0, 0).
void Group(const Shape& shape, RowRing& ring, uint32_t channels, const int16_t* weights,
           const PackedRequant* requant, int8_t* out) {
  const bool is_3x3 = shape.kernel_h == 3 && shape.kernel_pairs == 2;
  for (uint32_t y = 0; y < shape.out_h; ++y, out += shape.out_w * shape.channels) {
    const uint32_t padded_row = y * shape.stride_h;
    ring.Advance(padded_row);
    if (is_3x3 && shape.stride_w == 1) {
      const int16_t* rows[3] = {ring.Row(padded_row), ring.Row(padded_row + 1),
                                ring.Row(padded_row + 2)};
      for (uint32_t c = 0; c < channels; ++c) {
        Row3x3Stride1(shape, rows, weights + c * shape.weights, requant[c], out + c);
        for (auto& row : rows) row += shape.row;
      }
      continue;
    }
    for (uint32_t c = 0; c < channels; ++c) {
      RowAny(shape, ring, padded_row, c, weights + c * shape.weights, requant[c], out + c);
    }
  }
}

Shape MakeShape(const OpContext& context) {
  const auto& params = context.params<ConvParams>();
  const TensorRecord& in = context.input();
  const TensorRecord& out = context.output();
  const auto row =
      static_cast<uint32_t>(DepthwiseRowValues(out.dims[2], params.stride_w, params.kernel_w));
  const uint32_t room = row > params.pad_left ? row - params.pad_left : 0;
  return {.channels = in.dims[3],
          .in_h = in.dims[1],
          .in_w = in.dims[2],
          .out_h = out.dims[1],
          .out_w = out.dims[2],
          .kernel_h = params.kernel_h,
          .kernel_pairs = (params.kernel_w + 1u) / 2,
          .stride_h = params.stride_h,
          .stride_w = params.stride_w,
          .pad_top = params.pad_top,
          .pad_left = params.pad_left,
          .row = row,
          .columns = in.dims[2] < room ? in.dims[2] : room,
          .weights = static_cast<uint32_t>(DepthwiseWeightValues(params.kernel_h, params.kernel_w)),
          .zero_point = in.zero_point};
}

template <WeightForm kForm>
void DepthwiseConv(const OpContext& context) {
  const auto& params = context.params<ConvParams>();
  const Shape shape = MakeShape(context);
  const uint32_t batches = context.output().dims[0];
  RowRing ring(shape, context.scratch());
  int16_t* widened = context.scratch() + shape.kernel_h * kChannels * shape.row;
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
      ring.Restart(image + c, channels);
      Group(shape, ring, channels, weights,
            context.InBlob<PackedRequant>(params.requant_offset) + c, result + c);
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
  const uint64_t row = DepthwiseRowValues(check.output().dims[2], params.stride_w, params.kernel_w);
  const uint64_t channels = RoundUp(check.output().dims[3], kChannels);
  const uint64_t width = check.op->form == WeightForm::kPackedInt16 ? 2 : 1;
  const uint64_t weights =
      channels * DepthwiseWeightValues(params.kernel_h, params.kernel_w) * width;
  const bool sound =
      params.depth_multiplier == 1 && params.dilation_h == 1 && params.dilation_w == 1 &&
      check.input().dims[3] == check.output().dims[3] &&
      DepthwiseScratchBytes(row, params.kernel_h, params.kernel_w) <= check.op->scratch_bytes &&
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
