#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/status/status.h"
#include "proto/vectors/vector_set.h"
#include "server/results/evaluate.h"

namespace tinyrig::server {

/// What the model must answer on every vector: runs `reference_blob` (compiled for the reference
/// kernels) on this host. Errors: those of the runtime's Prepare(); kInvalidArgument when the
/// vectors have another size than the model's input.
Result<Expected> ComputeExpected(std::span<const std::byte> reference_blob,
                                 const vectors::VectorSet& set);

/// To and from the bytes that are kept as an artifact (CBOR, one object). Decode: kDataLoss for
/// anything else.
std::vector<std::byte> EncodeExpected(const Expected& expected);
Result<Expected> DecodeExpected(std::span<const std::byte> bytes);

}  // namespace tinyrig::server
