#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/status/status.h"
#include "proto/vectors/npy.h"
#include "proto/vectors/patterns.h"

namespace tinyrig::vectors {

/// Test inputs with what is known about the right answers.
/// Memory: inputs are one block, vector after vector, as they are sent to the device.
struct VectorSet {
  size_t count = 0;         ///< At least 1.
  size_t vector_bytes = 0;  ///< Of one vector: all inputs of the model, one after the other.
  std::vector<uint8_t> inputs;
  std::vector<std::string> names;  ///< "A", "B" for patterns, else the index as text.
  std::vector<int64_t> labels;     ///< Empty when there are none; else `count` classes, >= 0.
  /// Expected outputs by model name; the first dimension of each is `count`.
  std::map<std::string, Array, std::less<>> outputs;

  /// REQUIRES: index < count.
  std::span<const uint8_t> input(size_t index) const {
    return std::span(inputs).subspan(index * vector_bytes, vector_bytes);
  }
  /// CRC-32C over all input bytes in order: what names the set in every result frame.
  uint32_t Crc32c() const;
};

enum class Parts { kAll, kInputsOnly };

/// Reads an .npz (README.md has its arrays). `file` is only used in messages. With kInputsOnly
/// labels and outputs are neither read nor checked.
/// Errors: kInvalidArgument, kResourceExhausted, as ReadNpz(); also no array `x`, no vectors in
///         it, labels or outputs for another number of vectors.
Result<VectorSet> ReadVectorSet(std::span<const uint8_t> npz, std::string_view file,
                                Parts parts = Parts::kAll);

/// Computes patterns: one vector a letter. `inputs` are the model's input tensors.
/// Errors: kInvalidArgument: an unknown letter, or nothing to fill.
Result<VectorSet> MakePatternSet(std::string_view letters, std::span<const InputTensor> inputs);

}  // namespace tinyrig::vectors
