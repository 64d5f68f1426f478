#include "agent/virtual/faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace tinyrig::agent::vboard {
namespace {

using ::testing::HasSubstr;

TEST(Faults, TableIsIndexedByFault) {
  ASSERT_EQ(FaultTable().size(), kFaultCount);
  std::set<std::string_view> names;
  for (size_t i = 0; i < kFaultCount; ++i) {
    const FaultSpec& spec = FaultTable()[i];
    EXPECT_EQ(static_cast<size_t>(spec.fault), i);
    EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
    EXPECT_EQ(*FindFault(spec.name), &spec);
    for (const FaultParameter& parameter : spec.parameters) {
      EXPECT_LE(parameter.minimum, parameter.preset) << spec.name << '.' << parameter.name;
      EXPECT_GE(parameter.maximum, parameter.preset) << spec.name << '.' << parameter.name;
    }
  }
}

TEST(Faults, ParametersTakeTheirPresets) {
  FaultSet faults;
  EXPECT_FALSE(faults.on(Fault::kUartDrop));
  ASSERT_TRUE(faults.Apply(**FindFault("uart_drop"), {{"rate", 0.5}}).ok());
  EXPECT_TRUE(faults.on(Fault::kUartDrop));
  EXPECT_EQ(faults.Value(Fault::kUartDrop, "rate"), 0.5);
  EXPECT_EQ(faults.Value(Fault::kUartDrop, "seed"), 1);
  EXPECT_EQ(faults.Value(Fault::kUartDrop, "to_host"), 1);
  EXPECT_EQ(faults.Value(Fault::kUartFlip, "rate"), 0);
  faults.Clear(Fault::kUartDrop);
  EXPECT_FALSE(faults.on(Fault::kUartDrop));
}

TEST(Faults, BadParametersAreRefusedAndChangeNothing) {
  FaultSet faults;
  const FaultSpec& drop = **FindFault("uart_drop");
  ASSERT_TRUE(faults.Apply(drop, {{"rate", 0.5}}).ok());
  EXPECT_THAT(faults.Apply(drop, {{"rate", 1.5}}).message(), HasSubstr("from 0 to 1"));
  EXPECT_THAT(faults.Apply(drop, {{"rate", std::nan("")}}).message(), HasSubstr("rate"));
  EXPECT_THAT(faults.Apply(drop, {{"seed", 1.5}}).message(), HasSubstr("whole number"));
  EXPECT_THAT(faults.Apply(drop, {{"speed", 1}}).message(), HasSubstr("rate, seed"));
  EXPECT_THAT(faults.Apply(**FindFault("flash_lost"), {{"rate", 1}}).message(), HasSubstr("none"));
  EXPECT_EQ(faults.Value(Fault::kUartDrop, "rate"), 0.5);
}

TEST(Faults, TransfersAreCountedDown) {
  FaultSet faults;
  EXPECT_EQ(faults.Spend(Fault::kNoAck, 100), 100u);
  EXPECT_FALSE(faults.Struck(Fault::kNoAck));
  ASSERT_TRUE(faults.Apply(**FindFault("no_ack"), {{"after_transfers", 5}}).ok());
  EXPECT_EQ(faults.Spend(Fault::kNoAck, 3), 3u);
  EXPECT_FALSE(faults.Struck(Fault::kNoAck));
  EXPECT_EQ(faults.Spend(Fault::kNoAck, 3), 2u);
  EXPECT_TRUE(faults.Struck(Fault::kNoAck));
  EXPECT_EQ(faults.Spend(Fault::kNoAck, 3), 0u);
}

TEST(Faults, CountsRunOutAndTurnTheFaultOff) {
  FaultSet faults;
  ASSERT_TRUE(faults.Apply(**FindFault("wait_some"), {{"count", 2}}).ok());
  faults.Use(Fault::kWaitSome);
  EXPECT_TRUE(faults.on(Fault::kWaitSome));
  faults.Use(Fault::kWaitSome);
  EXPECT_FALSE(faults.on(Fault::kWaitSome));
  EXPECT_EQ(faults.strikes(Fault::kWaitSome), 2u);
  ASSERT_TRUE(faults.Apply(**FindFault("ap_fault"), {}).ok());  // count 0: for ever
  for (int i = 0; i < 5; ++i) faults.Use(Fault::kApFault);
  EXPECT_TRUE(faults.on(Fault::kApFault));
}

TEST(Faults, OnceStrikesOnceAndAgainStartsToCountAgain) {
  FaultSet faults;
  ASSERT_TRUE(faults.Apply(**FindFault("fw_hang"), {{"after_uart_bytes", 10}}).ok());
  EXPECT_FALSE(faults.Struck(Fault::kFwHang));
  EXPECT_EQ(faults.Spend(Fault::kFwHang, 100, kAfterUartBytes), 10u);
  EXPECT_TRUE(faults.Struck(Fault::kFwHang));
  faults.Use(Fault::kFwHang);
  EXPECT_FALSE(faults.on(Fault::kFwHang));
  ASSERT_TRUE(faults.Apply(**FindFault("fw_hang"), {{"after_uart_bytes", 10}, {"once", 0}}).ok());
  faults.Spend(Fault::kFwHang, 100, kAfterUartBytes);
  faults.Use(Fault::kFwHang);
  EXPECT_TRUE(faults.on(Fault::kFwHang));
  EXPECT_FALSE(faults.Struck(Fault::kFwHang));
  EXPECT_EQ(faults.Spend(Fault::kFwHang, 100, kAfterUartBytes), 10u);
}

TEST(Faults, SeedsChooseABit) {
  FaultSet faults;
  ASSERT_TRUE(faults.Apply(**FindFault("flash_bad_bit"), {{"seed", 13}}).ok());
  EXPECT_EQ(faults.SeededBit(Fault::kFlashBadBit), 1u << 5);
}

TEST(Faults, UnknownNameListsTheKnown) {
  const auto spec = FindFault("nothing");
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.status().code(), Code::kNotFound);
  for (const FaultSpec& known : FaultTable()) {
    EXPECT_THAT(spec.status().message(), HasSubstr(std::string(known.name)));
  }
}

}  // namespace
}  // namespace tinyrig::agent::vboard
