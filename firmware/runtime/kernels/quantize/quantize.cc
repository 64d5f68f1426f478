#include "firmware/runtime/kernels/quantize/quantize.h"

#include <cstring>

#include "firmware/runtime/fixed_point.h"

namespace tinyrig::runtime {
namespace {

Code PrepareConversion(const OpCheck& check, ElementType from, ElementType to) {
  const bool sound = check.HasInputs(1) && check.op->params_bytes == 0 &&
                     check.input().type == from && check.output().type == to &&
                     ElementCount(check.input()) == ElementCount(check.output());
  return sound ? Code::kOk : Code::kInvalidArgument;
}

/// Halves away from zero. Values beyond what an int8 can tell apart are cut off first.
int32_t Round(float value) {
  constexpr float kLimit = 512;
  if (!(value > -kLimit)) return static_cast<int32_t>(-kLimit);
  if (value > kLimit) return static_cast<int32_t>(kLimit);
  const auto whole = static_cast<int32_t>(value);
  const float rest = value - static_cast<float>(whole);
  return whole + (rest >= 0.5f ? 1 : 0) - (rest <= -0.5f ? 1 : 0);
}

}  // namespace

Code PrepareQuantize(const OpCheck& check) {
  return PrepareConversion(check, ElementType::kFloat32, ElementType::kInt8);
}

int8_t QuantizeValue(const void* from, float scale, int32_t zero_point) {
  float value;
  std::memcpy(&value, from, sizeof(value));
  return static_cast<int8_t>(Clamp(Round(value / scale) + zero_point, INT8_MIN, INT8_MAX));
}

void Quantize(const OpContext& context) {
  const int8_t* in = context.input_data();
  int8_t* out = context.output_data();
  const float scale = context.output().scale;
  const int32_t zero_point = context.output().zero_point;
  const auto count = static_cast<size_t>(ElementCount(context.output()));
  // By bytes: what is read may be written over as int8 by the next line.
  for (size_t i = 0; i < count; ++i) {
    out[i] = QuantizeValue(in + i * sizeof(float), scale, zero_point);
  }
}

Code PrepareDequantize(const OpCheck& check) {
  return PrepareConversion(check, ElementType::kInt8, ElementType::kFloat32);
}

void Dequantize(const OpContext& context) {
  const int8_t* in = context.input_data();
  int8_t* out = context.output_data();
  const float scale = context.input().scale;
  const int32_t zero_point = context.input().zero_point;
  const auto count = static_cast<size_t>(ElementCount(context.output()));
  for (size_t i = 0; i < count; ++i) {
    const float value = scale * static_cast<float>(in[i] - zero_point);
    std::memcpy(out + i * sizeof(value), &value, sizeof(value));
  }
}

}  // namespace tinyrig::runtime
