#pragma once

#include <vector>

#include "firmware/compiler/graph.h"
#include "firmware/compiler/lowering/lowered.h"
#include "firmware/compiler/variant.h"
#include "proto/status/status.h"

namespace tinyrig::compiler {

/// Turns every operator of a graph into what the device runs: geometry, requantisation tables,
/// packed weights, scratch. Errors, each naming operator and tensor and what to try:
///   kUnimplemented    an operator, type, or option that no kernel covers
///   kInvalidArgument  shapes or quantisation that contradict each other
Result<std::vector<LoweredOp>> Lower(const Graph& graph, const Variant& variant);

/// Where an operator runs: decides the form of its weights.
enum class Placement : uint8_t {
  kAlone,
  kInPhase,  ///< In a fused phase, pixel by pixel.
  kSliced,   ///< In a fused phase, behind the first layer of a block in slices.
};

/// One operator of the graph: its steps, usually one. The same errors.
Result<std::vector<LoweredOp>> LowerOne(const Graph& graph, const Op& op, const Variant& variant,
                                        Placement placement = Placement::kAlone);

/// Whether Lower() knows the operator at all (its options and types may still be refused).
bool IsSupported(const Op& op);

}  // namespace tinyrig::compiler
