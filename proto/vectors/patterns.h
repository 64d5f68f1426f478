#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "proto/status/status.h"

namespace tinyrig::vectors {

/// One input tensor of a model, as far as a pattern needs to know it.
struct InputTensor {
  size_t elements = 0;
  bool is_float = false;  ///< float32; else one byte an element.
};

/// The bytes of pattern `letter` ('A' or 'B') for all inputs of a model, one after the other.
/// Element i of a tensor, counted in row-major order from 0 in every tensor:
///   A: (7 i + 3) mod 256.   B: the top byte of x, x = 1664525 x + 1013904223 mod 2^32 before each
/// element, from x = 12345. A float32 element is the same byte read as int8, over 128.
/// Errors: kInvalidArgument for another letter.
Result<std::vector<uint8_t>> MakePattern(char letter, std::span<const InputTensor> inputs);

/// True when `letters` is a non-empty list of known patterns without repetition: "A", "B", "AB".
bool IsPatternList(std::string_view letters);

}  // namespace tinyrig::vectors
