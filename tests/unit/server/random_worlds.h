#pragma once

#include <gtest/gtest.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "server/model/ids.h"

/// What property tests of the scheduler share.
namespace tinyrig::server {

inline constexpr TimeUs kSecondUs = 1'000'000;

/// How many random worlds a property test tries: 10,000, or TINYRIG_SCHEDULER_SEEDS. A value that
/// is no number above 0 fails the test.
inline unsigned Seeds() {
  const char* wanted = std::getenv("TINYRIG_SCHEDULER_SEEDS");
  if (wanted == nullptr) return 10'000;
  const std::string_view text(wanted);
  unsigned seeds = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), seeds);
  if (error != std::errc() || end != text.end()) seeds = 0;
  EXPECT_GT(seeds, 0u) << "TINYRIG_SCHEDULER_SEEDS is '" << text << "', no number above 0";
  return seeds;
}

}  // namespace tinyrig::server
