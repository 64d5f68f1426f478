#pragma once

#include <string>

#include "proto/tinyrig/v1/agent.pb.h"
#include "proto/tinyrig/v1/types.pb.h"
#include "server/model/plan_facts.h"

/// What planning hands on: kept by the store, read back when a job is offered, judged or explained.
namespace tinyrig::server {

/// Plan of one (model, variant, board type, firmware build).
struct PlanRecord {
  std::string model_sha256;
  v1::Variant variant;
  std::string board_type;
  std::string build_id;
  bool feasible = false;
  std::string reason;  ///< Why not feasible, with the numbers.
  v1::Image image;     ///< Empty when not feasible.
  PlanFacts facts;     ///< As far as planning got.
  std::string detail;  ///< The compiler's plan as JSON; may be empty.
};

/// Host reference outputs of one model on one vector set.
struct ExpectedRecord {
  std::string model_sha256;
  std::string vector_set;       ///< VectorSetKey().
  std::string artifact_sha256;  ///< EncodeExpected() of server/planning/expected.h.
};

/// "sha256 of the npz" or "patterns:AB": equal text means equal vectors.
std::string VectorSetKey(const v1::VectorSetRef& vectors);

}  // namespace tinyrig::server
