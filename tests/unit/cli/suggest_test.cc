#include "server/cli/text/suggest.h"

#include <gtest/gtest.h>

namespace tinyrig::cli {
namespace {

constexpr std::string_view kKnown[] = {"models", "variants", "vectors", "goals"};

TEST(Suggest, DistanceCountsSlips) {
  EXPECT_EQ(EditDistance("", ""), 0u);
  EXPECT_EQ(EditDistance("abc", ""), 3u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(EditDistance("modles", "models"), 1u);  // Two letters swapped are one slip.
  EXPECT_EQ(EditDistance(std::string(1'000'000, 'a'), "b"), 1'000'000u);
}

TEST(Suggest, FindsTheNearestOrNothing) {
  EXPECT_EQ(Nearest("variant", kKnown), "variants");
  EXPECT_EQ(Nearest("vector", kKnown), "vectors");
  EXPECT_EQ(Nearest("quantisation", kKnown), "");
  EXPECT_EQ(Nearest("", kKnown), "");
}

TEST(Suggest, ListsWhatIsKnown) {
  EXPECT_EQ(SuggestFrom("variant", kKnown),
            "; did you mean 'variants'? Known: models, variants, vectors, goals");
  EXPECT_EQ(SuggestFrom("zzz", kKnown), ". Known: models, variants, vectors, goals");
}

}  // namespace
}  // namespace tinyrig::cli
