#include "agent/virtual/unique_id.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace tinyrig::agent::vboard {
namespace {

// FNV-1a of "VB0001" is 0x84fbffba015d7e8e.
TEST(UniqueId, IsFixedForASerial) {
  EXPECT_EQ(UniqueIdHex(MakeUniqueId("VB0001")), "8e7e5d01bafffb844a0bde51");
}

TEST(UniqueId, DiffersBetweenBoards) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(UniqueIdHex(MakeUniqueId("VB" + std::to_string(i))));
  EXPECT_EQ(ids.size(), 1000u);
}

}  // namespace
}  // namespace tinyrig::agent::vboard
