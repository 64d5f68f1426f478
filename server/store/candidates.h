#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/types.pb.h"
#include "server/model/ids.h"
#include "server/store/sqlite.h"

namespace tinyrig::server {

/// One metric of a job; not found when the job has none or it is no finite number.
struct MetricValue {
  bool found = false;
  double value = 0;
  double uncertainty = 0;
};

/// A succeeded job and the metrics that were asked for, in their order; valid during the call that
/// shows it.
struct Candidate {
  JobId job;
  std::string_view board_type;
  v1::Fidelity fidelity = v1::FIDELITY_UNSPECIFIED;
  std::string_view model;
  std::string_view kernels;
  std::string_view weights;
  std::string_view fusion;
  std::string_view synthesis;
  std::string_view board;
  std::string_view user;
  std::string_view campaign;
  std::vector<MetricValue> metrics;
};

/// 0 and empty mean all; jobs of the server's own never are candidates.
struct CandidateFilter {
  CampaignId campaign;
  std::string board_type;
  v1::Fidelity fidelity = v1::FIDELITY_UNSPECIFIED;
};

inline constexpr size_t kMaxCandidateMetrics = 24;

/// Shows every succeeded job of the selection, oldest first, in one pass that reads nothing but
/// what a front needs. Stops at an error of `show`.
/// kInvalidArgument for more than kMaxCandidateMetrics.
Status ForEachCandidate(Database& db, const CandidateFilter& filter,
                        const std::vector<std::string>& metrics,
                        const std::function<Status(const Candidate&)>& show);

}  // namespace tinyrig::server
