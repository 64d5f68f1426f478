// Faults that strike the running program, here tinyrig's own firmware: its fault handler reports.

#include <gmock/gmock.h>

#include <optional>

#include "proto/device/frame.h"
#include "proto/device/messages.h"
#include "tests/integration/vboard/harness.h"

namespace tinyrig::agent::vboard {
namespace {

class VboardFirmwareFaults : public ::testing::Test {
 protected:
  VboardFirmwareFaults() {
    const RunResult load =
        board_.LoadAndRun(std::string(TINYRIG_TEST_BUNDLES) + "/virtual_m4-reference.elf");
    EXPECT_EQ(load.exit_status, 0) << load.log;
  }
  int strikes(const char* fault) {
    return board_.Control({{"cmd", "status"}})["fault_strikes"].value(fault, 0);
  }
  /// The first FAULT frame that the board sends.
  std::optional<device::Fault> ReadFault() {
    for (const char c : terminal_.ReadQuiet(std::chrono::milliseconds(1000))) {
      if (decoder_.Push(static_cast<uint8_t>(c)) != device::FrameDecoder::Event::kFrame) continue;
      const device::FrameView& frame = decoder_.frame();
      device::Fault fault;
      if (frame.type == device::FrameType::kFault &&
          device::ReadStruct(frame.payload, frame.size, &fault)) {
        return fault;
      }
    }
    return std::nullopt;
  }
  void AskHello() {
    uint8_t frame[64];
    const device::HelloRequest request = {device::kProtocolVersion, 0, 1};
    const size_t size = device::EncodeFrame(device::FrameType::kHelloRequest, 0, 0, &request,
                                            sizeof request, nullptr, 0, frame, sizeof frame);
    terminal_.Write(std::string(reinterpret_cast<const char*>(frame), size));
  }
  /// Asks for HELLO; true when anything comes back.
  bool Answers() {
    AskHello();
    return !terminal_.ReadQuiet(std::chrono::milliseconds(1000)).empty();
  }

  RunningBoard board_;
  Terminal terminal_ = board_.OpenTerminal();
  device::FrameDecoder decoder_;
};

TEST_F(VboardFirmwareFaults, HardFaultIsReportedFromWhereTheProgramWas) {
  board_.Fault("fw_hard_fault");
  terminal_.Write(std::string(1, '\0'));  // wakes it
  const auto fault = ReadFault();
  ASSERT_TRUE(fault);
  // It sleeps with interrupts masked, so the usage fault becomes a hard fault.
  EXPECT_EQ(static_cast<device::FaultKind>(fault->kind), device::FaultKind::kHardFault);
  EXPECT_EQ(fault->hfsr, 1u << 30);  // FORCED
  EXPECT_EQ(fault->cfsr, 1u << 17);  // INVSTATE
  EXPECT_GT(fault->pc, 0u);
  EXPECT_LT(fault->pc, 0x10000u);
  EXPECT_EQ(strikes("fw_hard_fault"), 1);
}

TEST_F(VboardFirmwareFaults, StackOverflowIsReportedAsOne) {
  board_.Fault("fw_stack_overflow");
  AskHello();
  const auto fault = ReadFault();
  ASSERT_TRUE(fault);
  EXPECT_EQ(static_cast<device::FaultKind>(fault->kind), device::FaultKind::kStackOverflow);
  EXPECT_LT(fault->sp, 0x20000000u + 64);
  EXPECT_NE(fault->lr & 1, 0u);  // found on the stack
  EXPECT_LT(fault->lr, 0x10000u);
}

TEST_F(VboardFirmwareFaults, HangLastsUntilAReset) {
  ASSERT_TRUE(Answers());
  board_.Fault("fw_hang", {{"after_uart_bytes", 4}});
  EXPECT_EQ(strikes("fw_hang"), 0);
  EXPECT_FALSE(Answers());  // strikes while it is asked
  EXPECT_EQ(strikes("fw_hang"), 1);
  EXPECT_EQ(board_.core(), "running");  // as far as anybody can see
  EXPECT_EQ(board_.OpenOcd({"init", "halt", "resume"}).exit_status, 0);
  EXPECT_FALSE(Answers());
  EXPECT_EQ(board_.OpenOcd({"init", "reset run"}).exit_status, 0);
  EXPECT_TRUE(Answers());
}

TEST_F(VboardFirmwareFaults, ResetStormEndsByItself) {
  board_.Fault("uart_garbage_at_boot", {{"bytes", 1}});  // makes each reset seen
  board_.Fault("fw_reset_storm", {{"ms", 20}, {"resets", 10}});
  EXPECT_EQ(terminal_.Read(10, std::chrono::seconds(20)).size(), 10u);
  board_.Control({{"cmd", "clear"}});
  EXPECT_TRUE(Answers());
  EXPECT_EQ(strikes("fw_reset_storm"), 1);
}

}  // namespace
}  // namespace tinyrig::agent::vboard
