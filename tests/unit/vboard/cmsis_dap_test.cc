// The CMSIS-DAP decoder, byte by byte: the vectors are written out from the Arm specification.

#include "agent/virtual/cmsis_dap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <string>

namespace tinyrig::agent::vboard {
namespace {

using Bytes = std::vector<uint8_t>;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

struct Access {
  bool access_port;
  bool read;
  uint8_t address;
  uint32_t value;  // written, or handed out
  bool operator==(const Access&) const = default;
};

/// Records what reaches the wires; reads count up from 0x100; acknowledges come from a script.
class FakePort : public SwdPort {
 public:
  std::vector<Access> log;
  std::deque<Ack> script;  // one a transfer, then OK for ever
  std::vector<size_t> runs;
  std::vector<bool> levels;
  uint32_t next_value = 0x100;
  bool released = true;

  void Sequence(std::span<const uint8_t> bits, size_t count) override {
    for (size_t i = 0; i < count; ++i) levels.push_back((bits[i / 8] >> (i % 8)) & 1);
  }
  SwdOutcome Read(bool ap, uint8_t address, std::span<uint32_t> out) override {
    runs.push_back(out.size());
    for (size_t i = 0; i < out.size(); ++i) {
      if (const Ack ack = NextAck(); ack != Ack::kOk) return {ack, i};
      out[i] = next_value++;
      log.push_back({ap, true, address, out[i]});
    }
    return {Ack::kOk, out.size()};
  }
  SwdOutcome Write(bool ap, uint8_t address, std::span<const uint32_t> in) override {
    runs.push_back(in.size());
    for (size_t i = 0; i < in.size(); ++i) {
      if (const Ack ack = NextAck(); ack != Ack::kOk) return {ack, i};
      log.push_back({ap, false, address, in[i]});
    }
    return {Ack::kOk, in.size()};
  }
  void SetReset(bool level) override { released = level; }
  bool reset_released() const override { return released; }

 private:
  Ack NextAck() {
    if (script.empty()) return Ack::kOk;
    const Ack ack = script.front();
    script.pop_front();
    return ack;
  }
};

class CmsisDapTest : public ::testing::Test {
 protected:
  Bytes Run(const Bytes& request) { return dap_.Execute(request); }
  FakePort port_;
  CmsisDap dap_{port_, {"tinyrig", "virtual CMSIS-DAP", "VB0001", "2.1.1"}};
};

TEST_F(CmsisDapTest, InfoAnswersStringsAndNumbers) {
  EXPECT_THAT(Run({0x00, 0x03}), ElementsAre(0x00, 7, 'V', 'B', '0', '0', '0', '1', 0));
  EXPECT_THAT(Run({0x00, 0xF0}), ElementsAre(0x00, 1, 0x01));        // SWD
  EXPECT_THAT(Run({0x00, 0xFF}), ElementsAre(0x00, 2, 0x00, 0x04));  // 1024 bytes
  EXPECT_THAT(Run({0x00, 0xFE}), ElementsAre(0x00, 1, 4));
  EXPECT_THAT(Run({0x00, 0x77}), ElementsAre(0x00, 0));  // no such information
  EXPECT_THAT(Run({0x00}), ElementsAre(0x00, 0));
}

TEST_F(CmsisDapTest, ConnectTakesSwdOnly) {
  EXPECT_THAT(Run({0x02, 0x00}), ElementsAre(0x02, 1));
  EXPECT_THAT(Run({0x02, 0x01}), ElementsAre(0x02, 1));
  EXPECT_THAT(Run({0x02, 0x02}), ElementsAre(0x02, 0));
  EXPECT_THAT(Run({0x02}), ElementsAre(0x02, 0));
  EXPECT_THAT(Run({0x03}), ElementsAre(0x03, 0));
}

TEST_F(CmsisDapTest, SimpleCommands) {
  EXPECT_THAT(Run({0x01, 0, 1}), ElementsAre(0x01, 0));
  EXPECT_THAT(Run({0x09, 10, 0}), ElementsAre(0x09, 0));
  EXPECT_THAT(Run({0x0A}), ElementsAre(0x0A, 0, 0));
  EXPECT_THAT(Run({0x11, 0x80, 0x96, 0x98, 0}), ElementsAre(0x11, 0));
  EXPECT_THAT(Run({0x13, 0}), ElementsAre(0x13, 0));
  EXPECT_THAT(Run({0x04, 0, 64, 0, 0, 0}), ElementsAre(0x04, 0));
}

TEST_F(CmsisDapTest, UnknownCommandsAnswerOneByte) {
  for (const int command : {0x0B, 0x14, 0x17, 0x20, 0x7E, 0x7F, 0x80, 0xFF}) {
    EXPECT_THAT(Run({static_cast<uint8_t>(command), 1, 2, 3}), ElementsAre(0xFF)) << command;
  }
  EXPECT_TRUE(Run({}).empty());
  EXPECT_TRUE(Run({0x07}).empty());  // an abort is not answered
}

TEST_F(CmsisDapTest, TransferMixesReadsAndWrites) {
  // Read DPIDR; write SELECT = 0x04030201; read AP 0xC; read AP 0xC.
  const Bytes reply = Run({0x05, 0x00, 4, 0x02, 0x08, 1, 2, 3, 4, 0x0F, 0x0F});
  EXPECT_THAT(reply, ElementsAre(0x05, 4, 0x01, 0x00, 1, 0, 0, 0x01, 1, 0, 0, 0x02, 1, 0, 0));
  EXPECT_THAT(port_.log,
              ElementsAre(Access{false, true, 0x0, 0x100}, Access{false, false, 0x8, 0x04030201},
                          Access{true, true, 0xC, 0x101}, Access{true, true, 0xC, 0x102}));
}

TEST_F(CmsisDapTest, EqualNeighboursRunAsOne) {
  Bytes request = {0x05, 0x00, 200};
  for (int i = 0; i < 200; ++i) {
    request.insert(request.end(), {0x0D, static_cast<uint8_t>(i), 0, 0, 0});
  }
  EXPECT_THAT(Run(request), ElementsAre(0x05, 200, 0x01));
  EXPECT_THAT(port_.runs, ElementsAre(200u));
  EXPECT_EQ(port_.log.back(), (Access{true, false, 0xC, 199}));
}

TEST_F(CmsisDapTest, TransferStopsAtAFault) {
  port_.script = {Ack::kOk, Ack::kOk, Ack::kFault};
  const Bytes reply = Run({0x05, 0, 5, 0x0F, 0x0F, 0x0F, 0x0F, 0x02});
  EXPECT_THAT(reply, ElementsAre(0x05, 2, 0x04, 0x00, 1, 0, 0, 0x01, 1, 0, 0));
  EXPECT_EQ(port_.log.size(), 2u);
}

TEST_F(CmsisDapTest, NoAcknowledgeIsPassedOn) {
  port_.script = {Ack::kNone};
  EXPECT_THAT(Run({0x05, 0, 1, 0x02}), ElementsAre(0x05, 0, 0x07));
}

TEST_F(CmsisDapTest, WaitIsRetriedAsOftenAsAsked) {
  EXPECT_THAT(Run({0x04, 0, 3, 0, 0, 0}), ElementsAre(0x04, 0));
  port_.script = {Ack::kWait, Ack::kWait, Ack::kWait};
  EXPECT_THAT(Run({0x05, 0, 1, 0x02}), ElementsAre(0x05, 1, 0x01, 0x00, 1, 0, 0));
  port_.script = {Ack::kWait, Ack::kWait, Ack::kWait, Ack::kWait};
  EXPECT_THAT(Run({0x05, 0, 1, 0x02}), ElementsAre(0x05, 0, 0x02));
}

TEST_F(CmsisDapTest, ValueMatchReadsUntilItFits) {
  EXPECT_THAT(Run({0x04, 0, 0, 0, 8, 0}), ElementsAre(0x04, 0));
  // Match mask 0xFF, then wait for AP 0x0 to read 0x..05.
  const Bytes reply = Run({0x05, 0, 2, 0x21, 0xFF, 0, 0, 0, 0x13, 0x05, 0, 0, 0});
  EXPECT_THAT(reply, ElementsAre(0x05, 2, 0x01));
  EXPECT_EQ(port_.log.size(), 6u);
  EXPECT_THAT(Run({0x05, 0, 1, 0x13, 0xEE, 0, 0, 0}), ElementsAre(0x05, 0, 0x11));
}

TEST_F(CmsisDapTest, BlockReadAndWrite) {
  EXPECT_THAT(Run({0x06, 0, 2, 0, 0x0D, 1, 0, 0, 0, 2, 0, 0, 0}), ElementsAre(0x06, 2, 0, 0x01));
  EXPECT_THAT(port_.log, ElementsAre(Access{true, false, 0xC, 1}, Access{true, false, 0xC, 2}));
  EXPECT_THAT(Run({0x06, 0, 2, 0, 0x0F}),
              ElementsAre(0x06, 2, 0, 0x01, 0x00, 1, 0, 0, 0x01, 1, 0, 0));
}

TEST_F(CmsisDapTest, BlockReportsHowFarItCame) {
  port_.script = {Ack::kOk, Ack::kFault};
  EXPECT_THAT(Run({0x06, 0, 3, 0, 0x0F}), ElementsAre(0x06, 1, 0, 0x04, 0x00, 1, 0, 0));
}

TEST_F(CmsisDapTest, BlockThatCannotBeAnsweredIsCut) {
  const Bytes reply = Run({0x06, 0, 0xFF, 0xFF, 0x0F});
  EXPECT_LE(reply.size(), CmsisDap::kPacketBytes);
  EXPECT_EQ(reply[1] | reply[2] << 8, 255);
  EXPECT_EQ(reply[3], 0x08);
}

TEST_F(CmsisDapTest, LongestTransferFitsAPacket) {
  Bytes request = {0x05, 0, 255};
  request.insert(request.end(), 255, 0x0F);
  const Bytes reply = Run(request);
  EXPECT_EQ(reply.size(), 3u + 255 * 4);
  EXPECT_EQ(reply[1], 255);
}

TEST_F(CmsisDapTest, TruncatedTransfersDoWhatIsThere) {
  // Two writes claimed, the second has two of its four bytes.
  EXPECT_THAT(Run({0x05, 0, 2, 0x0D, 1, 0, 0, 0, 0x0D, 2, 0}), ElementsAre(0x05, 1, 0x08));
  EXPECT_THAT(port_.log, ElementsAre(Access{true, false, 0xC, 1}));
  EXPECT_THAT(Run({0x05, 0, 3, 0x02}), ElementsAre(0x05, 1, 0x08, 0x00, 1, 0, 0));
  EXPECT_THAT(Run({0x05, 0, 1, 0x13, 1}), ElementsAre(0x05, 0, 0x08));
  EXPECT_THAT(Run({0x05, 0}), ElementsAre(0x05, 0, 0x01));
  EXPECT_THAT(Run({0x05}), ElementsAre(0x05, 0, 0x01));
}

TEST_F(CmsisDapTest, TruncatedBlocksDoWhatIsThere) {
  EXPECT_THAT(Run({0x06, 0, 2, 0, 0x0D, 1, 0, 0, 0, 2, 0}), ElementsAre(0x06, 1, 0, 0x08));
  EXPECT_THAT(Run({0x06, 0, 2, 0}), ElementsAre(0x06, 0, 0, 0x08));
  EXPECT_THAT(Run({0x06}), ElementsAre(0x06, 0, 0, 0x08));
}

TEST_F(CmsisDapTest, TruncatedOthersAnswerAnError) {
  EXPECT_THAT(Run({0x04, 0, 1}), ElementsAre(0x04, 0xFF));
  EXPECT_THAT(Run({0x08, 0, 1}), ElementsAre(0x08, 0xFF));
  EXPECT_THAT(Run({0x11, 0}), ElementsAre(0x11, 0xFF));
  EXPECT_THAT(Run({0x12, 64, 1, 2}), ElementsAre(0x12, 0xFF));
  EXPECT_THAT(Run({0x1D, 2, 8, 0xFF, 8}), ElementsAre(0x1D, 0xFF));
  EXPECT_EQ(port_.levels.size(), 8u);  // the part that was whole
  port_.levels.clear();
  Run({0x10, 0x00});
  EXPECT_TRUE(port_.released);  // half a pin command moves no pin
}

TEST_F(CmsisDapTest, WriteAbortGoesToTheDebugPort) {
  EXPECT_THAT(Run({0x08, 0, 0x1E, 0, 0, 0}), ElementsAre(0x08, 0));
  EXPECT_THAT(port_.log, ElementsAre(Access{false, false, 0x0, 0x1E}));
  port_.script = {Ack::kNone};
  EXPECT_THAT(Run({0x08, 0, 0x1E, 0, 0, 0}), ElementsAre(0x08, 0xFF));
}

TEST_F(CmsisDapTest, PinsMoveReset) {
  EXPECT_THAT(Run({0x10, 0x00, 0x80, 0, 0, 0, 0}), ElementsAre(0x10, 0x03));
  EXPECT_FALSE(port_.released);
  EXPECT_THAT(Run({0x10, 0x00, 0x01, 0, 0, 0, 0}), ElementsAre(0x10, 0x03));  // another pin
  EXPECT_THAT(Run({0x10, 0x80, 0x80, 0, 0, 0, 0}), ElementsAre(0x10, 0x83));
}

TEST_F(CmsisDapTest, SequencesReachTheWire) {
  EXPECT_THAT(Run({0x12, 12, 0x9E, 0xE7}), ElementsAre(0x12, 0));
  EXPECT_THAT(port_.levels, ElementsAre(0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0));
  Bytes all = {0x12, 0};  // zero means 256
  all.insert(all.end(), 32, 0xFF);
  port_.levels.clear();
  EXPECT_THAT(Run(all), ElementsAre(0x12, 0));
  EXPECT_EQ(port_.levels.size(), 256u);
  port_.levels.clear();
  EXPECT_THAT(Run({0x1D, 2, 0x03, 0x05, 0x89}), ElementsAre(0x1D, 0, 0xFF, 0xFF));
  EXPECT_THAT(port_.levels, ElementsAre(1, 0, 1));
}

TEST_F(CmsisDapTest, HostileCaptureStaysInAPacket) {
  Bytes request = {0x1D, 255};
  request.insert(request.end(), 255, 0x80);  // 64 clocks of input, 255 times
  EXPECT_LE(Run(request).size(), CmsisDap::kPacketBytes);
}

TEST_F(CmsisDapTest, RandomPacketsNeverOverrun) {
  std::mt19937 random(20240501);
  for (int i = 0; i < 20000; ++i) {
    Bytes request(random() % (i % 10 == 0 ? CmsisDap::kPacketBytes : 40));
    for (uint8_t& byte : request) byte = static_cast<uint8_t>(random());
    if (!request.empty() && i % 2) request[0] %= 0x1E;
    EXPECT_LE(Run(request).size(), CmsisDap::kPacketBytes);
    port_.log.clear();
    port_.levels.clear();
    port_.runs.clear();
  }
}

}  // namespace
}  // namespace tinyrig::agent::vboard
