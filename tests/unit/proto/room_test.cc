#include "proto/disk/room.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace tinyrig {
namespace {

TEST(CheckRoomTest, SaysWhatIsLeft) {
  EXPECT_TRUE(CheckRoom("/tmp", 0).ok());
  const Status none = CheckRoom("/tmp", std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(none.code(), Code::kResourceExhausted);
  EXPECT_NE(none.message().find("MB are left for /tmp"), std::string::npos) << none.message();
}

TEST(CheckRoomTest, SaysWhereNothingMayBeWritten) {
  EXPECT_EQ(CheckRoom("/tmp/there/is/no/such/folder").code(), Code::kUnavailable);
}

}  // namespace
}  // namespace tinyrig
