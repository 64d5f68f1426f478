#include "firmware/runtime/kernels/depthwise_conv/plane.h"

namespace tinyrig::runtime {
namespace {

inline int8_t PlaneOutput(int32_t acc, const PackedRequant& requant) {
  return RequantizePacked(acc, requant.multiplier, requant.rounding, requant.shift);
}

/// Adds three taps, (0, 1) and (1, 2) in two words, to two neighbouring outputs that start at `at`.
template <int kStride>
inline void AddThreeTaps(const Word*& at, uint32_t taps01, uint32_t taps12, int32_t& first,
                         int32_t& second) {
  const uint32_t x01 = at[0];
  const uint32_t x23 = at[1];
  first = DotPair(x01, taps01, first);
  first = BottomTimesTop(x23, taps12, first);
  if constexpr (kStride == 1) {
    second = TopTimesBottom(x01, taps01, second);
    second = DotPair(x23, taps12, second);
  } else {
    second = DotPair(x23, taps01, second);
    second = BottomTimesTop(at[2], taps12, second);
  }
  at += kStride;
}

/// One channel of a strip, kernel 3x3, stride 1 or 2 along the row: 18 multiplications of a pair of
/// outputs in 12 instructions.
template <int kStride>
void Channel3x3(const PlaneShape& shape, uint32_t out_rows, const int16_t* plane,
                const int16_t* weights, const PackedRequant& requant, int8_t* out) {
  const uint32_t w001 = LoadWord(weights), w012 = LoadWord(weights + 1);
  const uint32_t w101 = LoadWord(weights + 4), w112 = LoadWord(weights + 5);
  const uint32_t w201 = LoadWord(weights + 8), w212 = LoadWord(weights + 9);
  // Rows are an even number of values, so that each starts at a word.
  const auto* top = reinterpret_cast<const Word*>(plane);
  const uint32_t row = shape.row / 2;
  const uint32_t next = shape.stride_h * row;
  const uint32_t pair_words = shape.out_w / 2 * kStride;
  const bool is_odd = shape.out_w % 2 != 0;
  const uint32_t step = shape.out_step;
  const auto [bias, multiplier, rounding, shift] = requant;
  for (; out_rows > 0; --out_rows, top += next) {
    const Word* row0 = top;
    const Word* row1 = row0 + row;
    const Word* row2 = row1 + row;
    for (const Word* const end = row0 + pair_words; row0 != end;) {
      int32_t first = bias;
      int32_t second = bias;
      AddThreeTaps<kStride>(row0, w001, w012, first, second);
      AddThreeTaps<kStride>(row1, w101, w112, first, second);
      AddThreeTaps<kStride>(row2, w201, w212, first, second);
      *out = RequantizePacked(first, multiplier, rounding, shift);
      out += step;
      *out = RequantizePacked(second, multiplier, rounding, shift);
      out += step;
    }
    if (is_odd) {
      int32_t acc = BottomTimesTop(row0[1], w012, DotPair(row0[0], w001, bias));
      acc = BottomTimesTop(row1[1], w112, DotPair(row1[0], w101, acc));
      acc = BottomTimesTop(row2[1], w212, DotPair(row2[0], w201, acc));
      *out = RequantizePacked(acc, multiplier, rounding, shift);
      out += step;
    }
  }
}

/// Adds a row of taps, in kPairs words, to two outputs `step` values apart.
template <int kPairs>
inline void AddRow(const int16_t* value, uint32_t step, const Word* taps, int32_t& first,
                   int32_t& second) {
  const int16_t* other = value + step;
#pragma GCC unroll 4
  for (int i = 0; i < kPairs; ++i) {
    first = DotPair(LoadWord(value + 2 * i), taps[i], first);
    second = DotPair(LoadWord(other + 2 * i), taps[i], second);
  }
}

/// The same with any stride and kernel rows of kPairs pairs of taps, two outputs at a time; kPairs
/// 0: any number of pairs.
template <int kPairs>
void ChannelAny(const PlaneShape& shape, uint32_t out_rows, const int16_t* plane,
                const int16_t* weights, const PackedRequant& requant, int8_t* out) {
  const uint32_t step = shape.stride_w;
  const uint32_t row = shape.row;
  const uint32_t pairs = kPairs != 0 ? kPairs : (shape.kernel_w + 1) / 2;
  const auto* const first_taps = reinterpret_cast<const Word*>(weights);
  const auto* const end = first_taps + shape.kernel_h * pairs;
  for (; out_rows > 0; --out_rows, plane += shape.stride_h * row) {
    const int16_t* window = plane;
    for (uint32_t left = shape.out_w; left > 0; window += 2 * step) {
      int32_t first = requant.bias;
      int32_t second = first;
      const int16_t* value = window;
      for (const Word* taps = first_taps; taps != end; taps += pairs, value += row) {
        if constexpr (kPairs != 0) {
          AddRow<kPairs>(value, step, taps, first, second);
        } else {
          for (uint32_t i = 0; i < pairs; ++i) {
            AddRow<1>(value + 2 * i, step, taps + i, first, second);
          }
        }
      }
      *out = PlaneOutput(first, requant);
      out += shape.out_step;
      if (left == 1) break;
      *out = PlaneOutput(second, requant);
      out += shape.out_step;
      left -= 2;
    }
  }
}

}  // namespace

PlaneFunction PlaneKernel(const PlaneShape& shape) {
  const bool is_3x3 = shape.kernel_h == 3 && shape.kernel_w == 3;
  if (is_3x3 && shape.stride_w == 1) return Channel3x3<1>;
  if (is_3x3 && shape.stride_w == 2) return Channel3x3<2>;
  constexpr PlaneFunction kByPairs[] = {ChannelAny<1>, ChannelAny<2>, ChannelAny<3>, ChannelAny<4>};
  const uint32_t pairs = (shape.kernel_w + 1) / 2;
  return pairs <= 4 ? kByPairs[pairs - 1] : ChannelAny<0>;
}

}  // namespace tinyrig::runtime
