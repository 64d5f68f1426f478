#pragma once

#include <cstdint>

#include "firmware/compiler/graph.h"

/// From real scales to the integers of the device, as TensorFlow Lite computes them.
namespace tinyrig::compiler {

/// real ~ multiplier / 2^31 * 2^shift; multiplier 0, in [2^30, 2^31) or [-2^31, -2^30], shift in
/// [-31, 30].
struct Multiplier {
  int32_t multiplier = 0;
  int32_t shift = 0;
  bool operator==(const Multiplier&) const = default;
};

/// Errors: kInvalidArgument when `real` is not finite, or 2^30 or more either way.
Result<Multiplier> QuantizeMultiplier(double real);

struct ActivationRange {
  int8_t min = INT8_MIN;
  int8_t max = INT8_MAX;
};

/// Bounds of a fused activation on int8 outputs of this scale and zero point.
/// Errors: kUnimplemented for TANH and SIGN_BIT.
Result<ActivationRange> QuantizeActivation(Activation activation, float scale, int32_t zero_point);

/// The int8 closest to zero_point + scaled(value), as TFLite rounds it; cut off to [low, high].
int8_t Rescale(int32_t value, const Multiplier& factor, int32_t zero_point, int32_t low = INT8_MIN,
               int32_t high = INT8_MAX);

/// Bounds of the fixed-point exponential of SOFTMAX.
struct SoftmaxScaling {
  int32_t multiplier = 0;
  int32_t left_shift = 0;
  int32_t diff_min = 0;
};
/// Errors: kUnimplemented when beta * input_scale is so small that the fixed-point form is not
/// defined (below 2^-26).
Result<SoftmaxScaling> QuantizeSoftmax(float beta, float input_scale);

/// Geometry of one axis of a window: how many outputs, and how many values are missing before the
/// first input.
struct WindowPlacement {
  uint32_t output = 0;
  uint32_t pad = 0;
};
/// Errors: kInvalidArgument when the window is larger than a VALID input.
Result<WindowPlacement> PlaceWindow(Padding padding, uint32_t input, uint32_t kernel,
                                    uint32_t stride, uint32_t dilation);

}  // namespace tinyrig::compiler
