#pragma once

#include <string>
#include <vector>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/results.pb.h"
#include "server/model/expression.h"
#include "server/store/candidates.h"

namespace tinyrig::server {

/// `where` and `limits` of a question about results: expressions over words of the job (model,
/// kernels, weights, fusion, synthesis, board_type, board, fidelity, user, campaign) and metrics.
/// A metric stands for its whole interval: what may be false does not hold.
class FrontFilter {
 public:
  /// Errors: kInvalidArgument for what cannot be read and for unknown names.
  static Result<FrontFilter> Of(const v1::GetFrontRequest& request);

  /// Metrics that the expressions name.
  const std::vector<std::string>& metrics() const { return metrics_; }
  /// `first`: where metrics() begin among the candidate's.
  bool Holds(const Candidate& candidate, size_t first) const;

 private:
  std::vector<Expression> expressions_;
  std::vector<std::string> metrics_;
};

}  // namespace tinyrig::server
