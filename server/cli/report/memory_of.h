#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "firmware/compiler/fusion/cost.h"
#include "firmware/compiler/fusion/fusion_plan.h"
#include "firmware/compiler/fusion/graph_chain.h"
#include "firmware/compiler/plan.h"
#include "server/cli/report/memory_picture.h"

/// Plans as pictures of the arena.
namespace tinyrig::cli {

struct FusionPicture {
  std::string model;    ///< Name for the title.
  std::string setting;  ///< As the user wrote it.
  std::string cost;     ///< The preset's name.
  compiler::InputPlace input = compiler::InputPlace::kElsewhere;
  compiler::OutputPlace output = compiler::OutputPlace::kElsewhere;
  std::optional<int64_t> unfused;  ///< Peak of the layers one by one, counted the same way.
};

/// One step a block, one group a phase. Blocks of a phase run in turn, row by row; beside each
/// other are the caches that share bytes. Plans without places (the literature's) get one bar a
/// phase.
MemoryPicture MemoryOf(const compiler::Graph& graph, const compiler::GraphChain& trunk,
                       const compiler::FusionPlan& plan, const FusionPicture& about);

/// One step an operator: tensors and scratch as the memory planner placed them.
MemoryPicture MemoryOf(const std::string& model, const compiler::Plan& plan);

}  // namespace tinyrig::cli
