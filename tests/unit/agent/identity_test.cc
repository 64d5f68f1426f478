#include "agent/session/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace tinyrig::agent {
namespace {

using testing::Contains;
using testing::HasSubstr;

class NoPort : public LinkPort {
 public:
  explicit NoPort(std::string path) : path_(std::move(path)) {}
  Result<std::unique_ptr<Link>> Open(LinkTarget) override {
    return Status(Code::kNotFound, "none");
  }
  const std::string& path() const override { return path_; }

 private:
  std::string path_;
};

class CheckHelloTest : public testing::Test {
 protected:
  CheckHelloTest() {
    for (const char* id : {"left", "right"}) {
      auto board = std::make_unique<Board>();
      board->id = id;
      board->link = std::make_unique<NoPort>(std::string("/dev/") + id);
      boards_.push_back(std::move(board));
    }
    left().mcu_uid = "0102030405060708090a0b0c";
    left().mailbox_word = 111;
    right().mcu_uid = "ffffffffffffffffffffffff";
    right().mailbox_word = 222;
    hello_.magic = device::kHelloMagic;
    hello_.protocol_version = device::kProtocolVersion;
    hello_.mailbox_word = 111;
    for (uint8_t i = 0; i < 12; ++i) hello_.mcu_uid[i] = static_cast<uint8_t>(i + 1);
    std::strcpy(hello_.port, "virtual_m4");
    std::strcpy(hello_.kernels, "dsp");
    hello_.code_size = 100;
    hello_.code_crc32c = 5;
    hello_.blob_size = 200;
    hello_.blob_crc32c = 6;
    expected_ = {"virtual_m4", "dsp", std::string(40, '0'), 5, 100, 6, 200, 111, left().mcu_uid};
  }
  Board& left() { return *boards_[0]; }
  Board& right() { return *boards_[1]; }

  v1::Failure Failure() {
    auto checked = CheckHello(hello_, expected_, left(), boards_);
    EXPECT_FALSE(checked);
    EXPECT_EQ(checked.error().owner(), v1::FAILURE_OWNER_BENCH);
    return checked.error();
  }

  Boards boards_;
  device::Hello hello_{};
  ExpectedIdentity expected_;
};

TEST_F(CheckHelloTest, TheRightBoardPasses) {
  EXPECT_TRUE(CheckHello(hello_, expected_, left(), boards_));
}

TEST_F(CheckHelloTest, AnOldImageIsNotCrossedCables) {
  hello_.blob_crc32c = 7;
  const auto failure = Failure();
  EXPECT_THAT(failure.message(), HasSubstr("old image"));
  EXPECT_THAT(failure.evidence(), Contains("model CRC: expected 0x00000006, found 0x00000007"));
}

TEST_F(CheckHelloTest, AnotherBoardOfTheBenchIsNamed) {
  std::memset(hello_.mcu_uid, 0xFF, sizeof(hello_.mcu_uid));
  hello_.mailbox_word = 222;
  const auto failure = Failure();
  EXPECT_THAT(failure.message(), HasSubstr("board right answered on the link of board left"));
  EXPECT_THAT(failure.message(), HasSubstr("/dev/left"));
}

TEST_F(CheckHelloTest, TheWordAloneNamesTheOther) {
  right().mcu_uid.clear();  // Not known yet, e.g. identical ids.
  hello_.mailbox_word = 222;
  EXPECT_THAT(Failure().message(), HasSubstr("board right answered"));
}

TEST_F(CheckHelloTest, AStrangerIsNoBoardOfThisBench) {
  std::memset(hello_.mcu_uid, 0x55, sizeof(hello_.mcu_uid));
  EXPECT_THAT(Failure().message(), HasSubstr("another board than its probe"));
}

TEST_F(CheckHelloTest, EveryFieldIsChecked) {
  const device::Hello good = hello_;
  const auto broken = [&](auto change) {
    hello_ = good;
    change(hello_);
    return !CheckHello(hello_, expected_, left(), boards_).has_value();
  };
  EXPECT_TRUE(broken([](device::Hello& h) { h.protocol_version = 9; }));
  EXPECT_TRUE(broken([](device::Hello& h) { h.mailbox_word = 1; }));
  EXPECT_TRUE(broken([](device::Hello& h) { h.mcu_uid[0] = 9; }));
  EXPECT_TRUE(broken([](device::Hello& h) { h.build_id[19] = 9; }));
  EXPECT_TRUE(broken([](device::Hello& h) { h.code_size = 9; }));
  EXPECT_TRUE(broken([](device::Hello& h) { h.code_crc32c = 9; }));
  EXPECT_TRUE(broken([](device::Hello& h) { h.blob_size = 9; }));
  EXPECT_TRUE(broken([](device::Hello& h) { h.blob_crc32c = 9; }));
  EXPECT_TRUE(broken([](device::Hello& h) { h.port[0] = 'x'; }));
  EXPECT_TRUE(broken([](device::Hello& h) { h.kernels[0] = 'x'; }));
}

}  // namespace
}  // namespace tinyrig::agent
