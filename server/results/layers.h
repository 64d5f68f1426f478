#pragma once

#include <string>
#include <vector>

#include "proto/tinyrig/v1/agent.pb.h"
#include "proto/tinyrig/v1/types.pb.h"
#include "server/model/plan_facts.h"

namespace tinyrig::server {

/// The operators of an attempt's observed run with what the plan knows of them. `counted` is
/// instructions, cycles or nanoseconds, by the kind of the board's counter; absent where that did
/// not hold the operator. `vector_names`: names of vectors; empty: the index is the name. Pure.
std::vector<v1::LayerHash> MakeLayers(const v1::AttemptResult& result, const PlanFacts& facts,
                                      const std::vector<std::string>& vector_names);

}  // namespace tinyrig::server
