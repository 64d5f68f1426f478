#include "agent/virtual/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace tinyrig::agent::vboard {
namespace {

using ::testing::HasSubstr;

std::string Failure(std::string_view line) {
  const auto command = ParseControl(line);
  return command.ok() ? "accepted" : command.status().ToString();
}

TEST(Control, ReadsPower) {
  const auto command = ParseControl(R"({"cmd":"power","state":"cycle"})");
  ASSERT_TRUE(command.ok());
  EXPECT_EQ(std::get<PowerCommand>(*command).state, PowerState::kCycle);
  EXPECT_EQ(std::get<PowerCommand>(*ParseControl(R"({"state":"on","cmd":"power"})")).state,
            PowerState::kOn);
  EXPECT_EQ(std::get<PowerCommand>(*ParseControl(R"({"cmd":"power","state":"off"})")).state,
            PowerState::kOff);
}

TEST(Control, ReadsStatusAndClear) {
  EXPECT_TRUE(std::holds_alternative<StatusCommand>(*ParseControl(R"({"cmd":"status"})")));
  EXPECT_EQ(std::get<ClearCommand>(*ParseControl(R"({"cmd":"clear"})")).spec, nullptr);
  const auto clear = ParseControl(R"({"cmd":"clear","name":"no_ack"})");
  ASSERT_TRUE(clear.ok());
  EXPECT_EQ(std::get<ClearCommand>(*clear).spec->fault, Fault::kNoAck);
}

TEST(Control, ReadsFaultsWithParameters) {
  const auto command = ParseControl(R"({"cmd":"fault","name":"uart_drop","rate":0.25,"seed":9})");
  ASSERT_TRUE(command.ok());
  const auto& fault = std::get<FaultCommand>(*command);
  EXPECT_EQ(fault.spec->name, "uart_drop");
  EXPECT_EQ(fault.parameters, (FaultParameters{{"rate", 0.25}, {"seed", 9}}));
}

TEST(Control, SaysWhatIsWrong) {
  EXPECT_THAT(Failure(""), HasSubstr("no JSON object"));
  EXPECT_THAT(Failure("[]"), HasSubstr("no JSON object"));
  EXPECT_THAT(Failure("{"), HasSubstr("no JSON object"));
  EXPECT_THAT(Failure("{}"), HasSubstr("\"cmd\" is missing"));
  EXPECT_THAT(Failure(R"({"cmd":7})"), HasSubstr("must be a string"));
  EXPECT_THAT(Failure(R"({"cmd":"explode"})"), HasSubstr("use power, status, fault or clear"));
  EXPECT_THAT(Failure(R"({"cmd":"power"})"), HasSubstr("\"state\" is missing"));
  EXPECT_THAT(Failure(R"({"cmd":"power","state":"up"})"), HasSubstr("use on, off or cycle"));
  EXPECT_THAT(Failure(R"({"cmd":"status","verbose":1})"), HasSubstr("\"verbose\" is unknown"));
  EXPECT_THAT(Failure(R"({"cmd":"fault"})"), HasSubstr("\"name\" is missing"));
  EXPECT_THAT(Failure(R"({"cmd":"fault","name":"gremlins"})"), HasSubstr("flash_lies"));
  EXPECT_THAT(Failure(R"({"cmd":"fault","name":"uart_drop","rate":"high"})"),
              HasSubstr("must be a number"));
  EXPECT_THAT(Failure(R"({"cmd":"clear","name":"gremlins"})"), HasSubstr("NOT_FOUND"));
}

TEST(Control, SurvivesDeepAndBinaryLines) {
  EXPECT_THAT(Failure(std::string(4000, '[')), HasSubstr("no JSON object"));
  EXPECT_THAT(Failure(std::string("\0\xff\xfe{", 4)), HasSubstr("no JSON object"));
}

TEST(Control, ErrorAnswersAreOneJsonLine) {
  const std::string line = ControlError({Code::kNotFound, "no \"x\"\nhere \xff"});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["ok"], false);
  EXPECT_EQ(json["code"], "NOT_FOUND");
}

}  // namespace
}  // namespace tinyrig::agent::vboard
