#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "firmware/zoo/nets/operators.h"
#include "firmware/zoo/nets/seeded.h"
#include "proto/status/status.h"

/// Weights are random; what makes a net of them through which numbers flow is measured: each
/// operator runs alone, with the reference kernels, on what came out of the one before.
namespace tinyrig::zoo {

/// A tensor's values for each calibration input.
struct Values {
  std::vector<int32_t> shape;
  Quantised quantised;
  std::vector<std::vector<int8_t>> vectors;
};

/// Adds operators behind the inputs, returns the tensor to look at.
using Append = std::function<int32_t(compiler::ModelSpec&, std::span<const int32_t> inputs)>;

/// What the operators make of `inputs`, which have equally many vectors. Errors: those of the
/// compiler and the runtime.
Result<Values> RunAlone(const std::vector<const Values*>& inputs, const Append& append);

/// Random weights for the layer, with scales and biases after which each channel of its output has
/// a spread of its own choice around a mean of its own choice: with RELU6 between a tenth and a
/// third are zero and few reach six, without the spread fills the range.
Result<LayerNumbers> CalibrateLayer(const compiler::ChainLayer& layer, bool relu6,
                                    const Values& input, Seeded& random);
/// The same for a dense layer over [1, n].
Result<LayerNumbers> CalibrateDense(int32_t units, const Values& input, Seeded& random);
/// For the sum of two maps.
Quantised CalibrateSum(const Values& a, const Values& b, Seeded& random);

}  // namespace tinyrig::zoo
