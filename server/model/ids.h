#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

/// Ids that cannot be mixed up: each noun has its own type, none converts to another or to a bare
/// number.
namespace tinyrig::server {

template <typename Tag, typename Rep>
struct StrongId {
  Rep value{};

  StrongId() = default;
  explicit StrongId(Rep v) : value(std::move(v)) {}
  auto operator<=>(const StrongId&) const = default;
};

using CampaignId = StrongId<struct CampaignTag, uint64_t>;
using JobId = StrongId<struct JobTag, uint64_t>;
using PlanId = StrongId<struct PlanTag, uint64_t>;
using BoardId = StrongId<struct BoardTag, std::string>;
using AgentId = StrongId<struct AgentTag, std::string>;
/// Rises with every lease of a server and never falls, restarts included: an older one never
/// writes.
using Fence = StrongId<struct FenceTag, uint64_t>;

/// One attempt at a job, as the agent stream names it.
struct LeaseKey {
  JobId job;
  uint32_t attempt = 0;  ///< From 1.
  Fence fence;

  auto operator<=>(const LeaseKey&) const = default;
};

/// A moment or a span in microseconds; moments count from the Unix epoch.
using TimeUs = int64_t;

}  // namespace tinyrig::server

template <typename Tag, typename Rep>
struct std::hash<tinyrig::server::StrongId<Tag, Rep>> {
  size_t operator()(const tinyrig::server::StrongId<Tag, Rep>& id) const {
    return std::hash<Rep>{}(id.value);
  }
};
