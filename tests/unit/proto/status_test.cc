#include "proto/status/status.h"

#include <grpcpp/support/status_code_enum.h>
#include <gtest/gtest.h>

namespace tinyrig {
namespace {

// One enum serves the device wire, the host and gRPC.
static_assert(static_cast<int>(Code::kCancelled) == grpc::StatusCode::CANCELLED);
static_assert(static_cast<int>(Code::kInvalidArgument) == grpc::StatusCode::INVALID_ARGUMENT);
static_assert(static_cast<int>(Code::kResourceExhausted) == grpc::StatusCode::RESOURCE_EXHAUSTED);
static_assert(static_cast<int>(Code::kUnimplemented) == grpc::StatusCode::UNIMPLEMENTED);
static_assert(static_cast<int>(Code::kDataLoss) == grpc::StatusCode::DATA_LOSS);
static_assert(static_cast<int>(Code::kUnauthenticated) == grpc::StatusCode::UNAUTHENTICATED);

Result<int> Positive(int x) {
  if (x < 0) return {Code::kNotFound, "negative"};
  return x;
}

Result<std::string> Text(int x) {
  TRY_ASSIGN(const int value, Positive(x));
  return std::to_string(value);
}

Status Both(int a, int b) {
  TRY(Text(a));
  return Text(b).status().WithContext("second");
}

TEST(Status, TryReturnsTheFirstFailure) {
  EXPECT_TRUE(Both(1, 2).ok());
  EXPECT_EQ(Both(-1, 2).ToString(), "NOT_FOUND: negative");
  EXPECT_EQ(Both(1, -2).ToString(), "NOT_FOUND: second: negative");
}

TEST(Status, ResultHoldsTheValue) {
  EXPECT_EQ(*Text(7), "7");
  EXPECT_EQ(Text(7).status().ToString(), "OK");
}

TEST(Status, UnknownCodeHasAName) { EXPECT_EQ(CodeName(static_cast<Code>(200)), "INVALID_CODE"); }

}  // namespace
}  // namespace tinyrig
