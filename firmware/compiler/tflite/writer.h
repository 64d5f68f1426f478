#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "firmware/compiler/graph.h"

/// Makes .tflite files: the zoo's nets, and models for tests. Any number may be wrong, so that
/// readers can be tried with it.
namespace tinyrig::compiler {

struct TensorSpec {
  std::string name;
  std::vector<int32_t> shape;
  int8_t type = 9;           ///< TensorFlow Lite's number; 9 = int8, 2 = int32.
  std::vector<float> scale;  ///< Empty: not quantised.
  std::vector<int64_t> zero_point;
  int32_t axis = 0;
  std::vector<uint8_t> data;  ///< Empty: an activation.
};

struct OpSpec {
  int32_t builtin = 0;
  int32_t version = 1;
  std::vector<int32_t> inputs;
  std::vector<int32_t> outputs;
  OpOptions options;
  int32_t options_type = -1;  ///< The union's type byte; -1 = the right one.
};

struct ModelSpec {
  std::vector<TensorSpec> tensors;
  std::vector<OpSpec> ops;
  std::vector<int32_t> inputs;
  std::vector<int32_t> outputs;
  uint32_t version = 3;
  int subgraphs = 1;  ///< Copies of the same one.
};

/// The file. Pure: the same specification gives the same bytes.
std::vector<std::byte> BuildTflite(const ModelSpec& spec);

/// A tensor of int8 or int32 values.
TensorSpec Activation8(std::string name, std::vector<int32_t> shape, float scale, int64_t zero);
TensorSpec Weights8(std::string name, std::vector<int32_t> shape, std::vector<float> scale,
                    int32_t axis, const std::vector<int8_t>& values);
TensorSpec Bias32(std::string name, const std::vector<int32_t>& values);

}  // namespace tinyrig::compiler
