#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "firmware/compiler/plan.h"
#include "proto/status/status.h"

namespace tinyrig::compiler {

struct OpInfo {
  uint32_t index = 0;
  std::string name;  ///< "CONV_2D"; custom operators carry their own name.
  int32_t version = 1;
  bool supported =
      false;  ///< The compiler knows the operator; its types or options may still be refused.
  std::vector<int32_t> inputs;  ///< Tensor indices; -1 = left out.
  std::vector<int32_t> outputs;
  std::vector<uint32_t> output_shape;  ///< Of the first output.
  uint64_t macs = 0;  ///< Convolutions and fully connected layers; 0 for what is not supported.
  uint64_t weights_bytes = 0;  ///< Constants it reads, as they lie in the file.
};

/// What a .tflite file holds, whether or not it can run.
struct ModelInfo {
  uint64_t file_bytes = 0;
  uint64_t macs = 0;  ///< Of the supported operators.
  uint64_t constant_bytes = 0;
  bool supported = false;  ///< The default variant compiles...
  std::string refusal;     ///< ...or why not.
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  std::vector<OpInfo> ops;
  std::vector<TensorInfo>
      tensors;  ///< All, constants too; scale 0 where not quantised, the first of several.
};

/// Errors: those of ReadTflite(); a model that is read but cannot be compiled is no error.
Result<ModelInfo> DescribeModel(std::span<const std::byte> tflite);

}  // namespace tinyrig::compiler
