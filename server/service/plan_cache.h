#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "server/store/records.h"

namespace tinyrig::server {

/// What was planned and computed for earlier campaigns, by all that decides it. Planning is pure,
/// so an entry is never wrong; the artifacts it names may have been pruned. Thread safe. At most
/// kMaxEntries of each kind: one more empties it.
class PlanCache {
 public:
  static constexpr size_t kMaxEntries = 20'000;

  /// Reference outputs, and how many vectors they are for.
  struct KnownExpected {
    ExpectedRecord record;
    uint32_t vectors = 0;
  };

  /// nullptr when it is not known.
  std::shared_ptr<const PlanRecord> FindPlan(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = plans_.find(key);
    return found == plans_.end() ? nullptr : found->second;
  }
  std::shared_ptr<const PlanRecord> AddPlan(const std::string& key, PlanRecord plan) {
    auto shared = std::make_shared<const PlanRecord>(std::move(plan));
    const std::lock_guard lock(mutex_);
    if (plans_.size() >= kMaxEntries) plans_.clear();
    plans_[key] = shared;
    return shared;
  }

  std::optional<KnownExpected> FindExpected(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = expected_.find(key);
    return found == expected_.end() ? std::nullopt : std::optional(found->second);
  }
  void AddExpected(const std::string& key, KnownExpected expected) {
    const std::lock_guard lock(mutex_);
    if (expected_.size() >= kMaxEntries) expected_.clear();
    expected_[key] = std::move(expected);
  }

  /// Plans there are.
  size_t plans() const {
    const std::lock_guard lock(mutex_);
    return plans_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const PlanRecord>> plans_;
  std::unordered_map<std::string, KnownExpected> expected_;
};

}  // namespace tinyrig::server
