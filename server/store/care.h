#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "proto/status/status.h"
#include "server/model/ids.h"

/// Looking after the database while the server works. Everything here has a connection of its own
/// and blocks: for the pool.
namespace tinyrig::server {

/// What is wrong with the database itself: pages, indexes, references, counters. At most
/// kMaxProblems of each.
inline constexpr int kMaxProblems = 100;
Result<std::vector<std::string>> FindProblems(const std::filesystem::path& file);

/// A consistent copy of the database as it is now, in pieces; the writer goes on. `target` must not
/// exist; it appears when it is complete and on disk. The copy knows that it is one: who opens it
/// as a store gives fences that the original has not given. Errors: kAlreadyExists; kCancelled when
/// `stopped` says so; kResourceExhausted on a full disk.
Status CopyDatabase(const std::filesystem::path& file, const std::filesystem::path& target,
                    const std::function<bool()>& stopped);

/// Old things, and how many there are.
struct PruneCounts {
  uint64_t jobs = 0;
  uint64_t measurements = 0;
  uint64_t log_lines = 0;
};
struct PrunePlan {
  std::vector<CampaignId> campaigns;
  PruneCounts counts;
};
/// Campaigns all of whose jobs ended before `before`, but for those that taught what a good board
/// counts. `details_only`: those that have details still, and measurements do not count.
Result<PrunePlan> PlanPrune(const std::filesystem::path& file, TimeUs before, bool details_only);

/// SHA-256 of every file that the database refers to, leaving out what only these campaigns
/// (`details_only`: only their attempts) refer to.
Result<std::set<std::string>> ReferencedArtifacts(const std::filesystem::path& file,
                                                  const std::vector<CampaignId>& without,
                                                  bool details_only);

}  // namespace tinyrig::server
