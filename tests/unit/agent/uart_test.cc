#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>

#include "agent/drivers/uart/uart_link.h"

namespace tinyrig::agent {
namespace {

class UartPortTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[64] = {};
    ASSERT_EQ(openpty(&master_, &slave_, name, nullptr, nullptr), 0);
    path_ = name;
  }
  void TearDown() override {
    close(master_);
    close(slave_);
  }

  asio::io_context io_;
  int master_ = -1;
  int slave_ = -1;
  std::string path_;
};

TEST_F(UartPortTest, ASecondOpenIsRefusedUntilTheFirstIsClosed) {
  uart::UartPort port(io_, path_, 115200);
  auto first = port.Open({});
  ASSERT_TRUE(first.ok()) << first.status().message();
  const auto second = port.Open({});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), Code::kUnavailable);
  EXPECT_NE(second.status().message().find("another program"), std::string::npos);
  first->reset();
  EXPECT_TRUE(port.Open({}).ok());
}

// The virtual board keeps its end of the pty open, so nothing may stay behind on it: a user who is
// not root could never open it again.
TEST_F(UartPortTest, NothingExclusiveStaysOnAPty) {
  uart::UartPort port(io_, path_, 115200);
  ASSERT_TRUE(port.Open({}).ok());
  int exclusive = -1;
  ASSERT_EQ(ioctl(slave_, TIOCGEXCL, &exclusive), 0);
  EXPECT_EQ(exclusive, 0);
}

TEST_F(UartPortTest, SaysWhatIsWrongWithThePort) {
  uart::UartPort missing(io_, "/nonexistent/tty", 115200);
  EXPECT_EQ(missing.Open({}).status().code(), Code::kNotFound);
  uart::UartPort odd(io_, path_, 12345);
  EXPECT_EQ(odd.Open({}).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace tinyrig::agent
