#include "agent/config/identity_notes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/identity/default_serial.h"

namespace tinyrig::agent {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

BenchConfig With(const std::string& serial, const std::string& port) {
  BenchConfig config;
  BoardConfig& board = config.boards.emplace_back();
  board.id = "b1";
  board.probe.serial = serial;
  board.link.port = port;
  return config;
}

TEST(IdentityNotes, DefaultSerialsAreNone) {
  for (const char* serial : {"", "0", "0001", "000000000000", "0123456789ABCDEF"}) {
    EXPECT_TRUE(IsDefaultSerial(serial)) << serial;
  }
  for (const char* serial : {"066BFF", "1001", "VB0001", "0002"}) {
    EXPECT_FALSE(IsDefaultSerial(serial)) << serial;
  }
}

TEST(IdentityNotes, SaySoOfProbeAndPort) {
  constexpr char kById[] = "/dev/serial/by-id/usb-Silicon_Labs_CP2102_Bridge_0001-if00-port0";
  EXPECT_THAT(IdentityNotes(With("066BFF", "/dev/ttyACM0")), IsEmpty());
  EXPECT_THAT(IdentityNotes(With("066BFF", "/dev/serial/by-id/usb-ST_STLINK_066BFF-if02")),
              IsEmpty());
  EXPECT_THAT(IdentityNotes(With("0001", "/dev/ttyACM0")),
              ElementsAre(AllOf(HasSubstr("board b1"), HasSubstr("'0001'"))));
  EXPECT_THAT(IdentityNotes(With("066BFF", kById)),
              ElementsAre(AllOf(HasSubstr(kById), HasSubstr("by-path"))));
  // A board whose link is the probe itself has no port.
  EXPECT_THAT(IdentityNotes(With("066BFF", "")), IsEmpty());
}

}  // namespace
}  // namespace tinyrig::agent
