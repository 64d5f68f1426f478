#include "server/cli/text/visible.h"

#include <gtest/gtest.h>

namespace tinyrig::cli {
namespace {

TEST(Visible, NothingOfABoardControlsATerminal) {
  EXPECT_EQ(Visible("ready\r\n\tok"), "ready\r\n\tok");
  EXPECT_EQ(Visible("\x1b[2J\x07"), "<1b>[2J<07>");
  EXPECT_EQ(Visible(std::string_view("\0\x7f\xc2\x9b", 4)), "<00><7f><c2><9b>");
}

}  // namespace
}  // namespace tinyrig::cli
