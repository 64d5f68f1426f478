#pragma once

#include <vector>

#include "firmware/compiler/arena.h"
#include "firmware/compiler/fusion/fusion_plan.h"
#include "firmware/compiler/fusion/graph_chain.h"
#include "firmware/compiler/graph.h"
#include "firmware/compiler/lowering/lowered.h"
#include "firmware/compiler/variant.h"
#include "proto/status/status.h"

namespace tinyrig::compiler {

/// A model whose trunk runs in fused phases; what follows runs operator by operator.
struct FusedProgram {
  FusionPlan plan;
  std::vector<LoweredOp> ops;
  ArenaLayout layout;
};

/// Plans what `variant.fusion` asks for (preset `exact`) and lowers it. The network's input and
/// output that the plan has outside of its arena lie behind it. REQUIRES: the graph went through
/// RunPasses(). Errors: those of FindChain(), PlanFusion() and Lower(); kUnimplemented naming the
/// block that the executor does not know.
Result<FusedProgram> LowerFused(const Graph& graph, const Variant& variant);

/// Whether the executor knows every block of a plan. Errors: kUnimplemented saying what it does not
/// know.
Status CheckExecutable(const GraphChain& trunk, const FusionPlan& plan);

}  // namespace tinyrig::compiler
