#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "firmware/compiler/graph.h"
#include "firmware/compiler/plan.h"
#include "firmware/compiler/variant.h"
#include "proto/status/status.h"

namespace tinyrig::compiler {

struct Compiled {
  Plan plan;
  std::vector<std::byte> blob;  ///< firmware/runtime/blob_format.h.
};

/// From a .tflite file to what the device runs. Pure: the same bytes and variant always give the
/// same plan and blob. Errors: those of ReadTflite() and Lower(); kResourceExhausted when the blob
/// or arena would exceed 2 GB or the model has more than kMaxBuffers buffers.
Result<Compiled> Compile(std::span<const std::byte> tflite, const Variant& variant);

/// The same from a graph, for other importers and for tests.
Result<Compiled> Compile(const Graph& graph, const Variant& variant);

inline constexpr size_t kMaxBuffers = 4096;

}  // namespace tinyrig::compiler
