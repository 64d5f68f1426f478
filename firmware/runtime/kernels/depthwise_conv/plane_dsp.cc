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

/// The same with any kernel and stride, two outputs at a time.
void ChannelAny(const PlaneShape& shape, uint32_t out_rows, const int16_t* plane,
                const int16_t* weights, const PackedRequant& requant, int8_t* out) {
  const uint32_t step = shape.stride_w;
  const uint32_t kernel_row = (shape.kernel_w + 1) / 2 * 2;
  const uint32_t next_row = shape.row - kernel_row;
  for (; out_rows > 0; --out_rows, plane += shape.stride_h * shape.row) {
    const int16_t* window = plane;
    for (uint32_t left = shape.out_w; left > 0; window += 2 * step) {
      int32_t first = requant.bias;
      int32_t second = first;
      const int16_t* tap = weights;
      const int16_t* value = window;
      for (uint32_t ky = shape.kernel_h; ky > 0; --ky, value += next_row) {
        for (uint32_t kx = kernel_row; kx > 0; kx -= 2, value += 2, tap += 2) {
          const uint32_t taps = LoadWord(tap);
          first = DotPair(LoadWord(value), taps, first);
          second = DotPair(LoadWord(value + step), taps, second);
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
  return ChannelAny;
}

}  // namespace tinyrig::runtime
