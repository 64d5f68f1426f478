#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "proto/status/status.h"
#include "server/model/bundle.h"
#include "server/store/artifact_folder.h"
#include "server/store/records.h"

namespace tinyrig::server {

/// When a board that is good is checked all the same.
struct ReferencePolicy {
  uint32_t every_jobs = 500;
  TimeUs every_us = TimeUs{24} * 3600 * 1'000'000;
};

/// The jobs by which the server tells a good board from a bad one: a small model of the project's
/// own on one computed vector, one inference, compiled once a board type when the server starts.
class ReferenceJobs {
 public:
  /// No type has one.
  ReferenceJobs() = default;

  /// Compiles `model` (dsp kernels, int8 weights) for every board type of the catalog; types that
  /// it does not fit have no reference job. A file that is not there gives none for any type.
  static Result<ReferenceJobs> Prepare(const std::filesystem::path& model, const Catalog& catalog,
                                       ArtifactFolder& artifacts);

  std::set<std::string> Types() const;
  bool Has(const std::string& board_type) const { return templates_.contains(board_type); }
  /// SHA-256 of the image that the type's reference job runs; empty when it has none.
  std::string ImageOf(const std::string& board_type) const;
  /// What to store for one more run, pinned to the board. REQUIRES: Has(board_type).
  NewCampaign Make(const std::string& board_type, const BoardId& board) const;

 private:
  std::map<std::string, NewCampaign> templates_;
};

}  // namespace tinyrig::server
