#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "firmware/zoo/nets/published_nets.h"
#include "proto/status/status.h"

namespace tinyrig::zoo {

/// The net as a .tflite file: int8 in and out, RELU6 behind all layers but projections, sums where
/// the chain has skips, a mean, a dense layer. Weights are random, scales and biases calibrated.
/// The same net gives the same bytes on every host. Errors: those of the compiler and the runtime.
Result<std::vector<std::byte>> MakeNet(const PublishedNet& net);

/// Vectors for a net as an .npz: `x`, and `outputs.NAME` as the reference kernels compute them,
/// operator by operator.
Result<std::vector<uint8_t>> MakeVectors(const PublishedNet& net,
                                         const std::vector<std::byte>& model);
inline constexpr uint32_t kVectors = 4;

}  // namespace tinyrig::zoo
