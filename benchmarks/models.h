#pragma once

#include "tests/unit/compiler/model_builder.h"

/// Models made in memory for the benchmarks of compiler and kernels. Weights are small and fixed:
/// how long planning and kernels take does not depend on them.
namespace tinyrig::bench {

/// A convolution over [1, size, size, in_channels], stride 1, padding SAME.
struct ConvShape {
  int32_t size = 1;
  int32_t in_channels = 1;
  int32_t out_channels = 1;  ///< Of depthwise ones: as many as come in.
  int32_t kernel = 1;
};
compiler::ModelSpec ConvModel(const ConvShape& shape);
compiler::ModelSpec DepthwiseModel(const ConvShape& shape);
compiler::ModelSpec FullyConnectedModel(int32_t depth, int32_t units);

/// `operators` operators over [1, 8, 8, 16]: 1x1 convolutions one behind the other.
compiler::ModelSpec Chain(int32_t operators);

/// The same number in blocks of ten: four branches of one to three convolutions, joined by three
/// ADDs, so that several tensors live at once. REQUIRES: a multiple of ten.
compiler::ModelSpec Branches(int32_t operators);

}  // namespace tinyrig::bench
