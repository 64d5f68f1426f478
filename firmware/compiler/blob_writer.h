#pragma once

#include <cstddef>
#include <vector>

#include "firmware/compiler/arena.h"
#include "firmware/compiler/graph.h"
#include "firmware/compiler/lowering/lowered.h"
#include "firmware/compiler/variant.h"
#include "proto/status/status.h"

namespace tinyrig::compiler {

/// Writes firmware/runtime/blob_format.h, version 2: header, tensors, operators, inputs and
/// outputs, data. Errors: kResourceExhausted when the blob would exceed 2 GB.
Result<std::vector<std::byte>> WriteBlob(const Graph& graph, const std::vector<LoweredOp>& ops,
                                         const ArenaLayout& layout, const Variant& variant);

}  // namespace tinyrig::compiler
