#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <ostream>
#include <string>
#include <tuple>

#include "tests/integration/firmware/protocol_client.h"
#include "tests/unit/firmware/tiny_blob.h"

/// Crashes in the middle of an inference: faulty_kernels.cc does what the vector's first byte says.
namespace tinyrig::device {
namespace {

constexpr uint32_t kInputBytes = 16;

struct Crash {
  const char* name;
  uint8_t command;
  FaultKind kind;
};

void PrintTo(const Crash& crash, std::ostream* out) { *out << crash.name; }

class FaultTest : public testing::TestWithParam<std::tuple<const char*, Crash>> {};

std::vector<std::byte> Blob() {
  const std::vector<uint64_t> words = TinyBlob(kInputBytes);
  const auto bytes = std::as_bytes(std::span(words));
  return {bytes.begin(), bytes.end()};
}

/// The name that the debug information has for an address.
std::string FunctionAt(const Bundle& bundle, uint32_t address) {
  const std::string elf = bundle.bin_path.substr(0, bundle.bin_path.size() - 3) + "elf";
  std::array<char, 256> line{};
  std::snprintf(line.data(), line.size(), " 0x%x", address);
  FILE* tool = popen(("arm-none-eabi-addr2line -f -C -e " + elf + line.data()).c_str(), "r");
  if (!tool) return "no addr2line";
  const bool read = std::fgets(line.data(), line.size(), tool) != nullptr;
  pclose(tool);
  return read ? line.data() : "nothing";
}

TEST_P(FaultTest, IsReportedAndTheBoardStillAnswers) {
  const auto& [port, crash] = GetParam();
  const Bundle bundle = ReadTestProgram(port, "faulty_kernels");
  ASSERT_FALSE(bundle.json.is_null());
  QemuBoard board(MakeImage(bundle, Blob()));
  ASSERT_TRUE(board.alive());
  ProtocolClient client(board);
  EXPECT_EQ(client.SayHello(1).fault_count, 0u);
  client.Start(kInputBytes, 0, 1, false, false);

  std::vector<std::byte> vector(kInputBytes);
  EXPECT_FALSE(client.Run(0, vector, 1).fault);
  vector[0] = static_cast<std::byte>(crash.command);
  const auto run = client.Run(1, vector, 1);
  ASSERT_TRUE(run.fault);
  const Fault& fault = *run.fault;
  EXPECT_EQ(fault.nonce, client.nonce());
  EXPECT_EQ(static_cast<FaultKind>(fault.kind), crash.kind)
      << "cfsr " << std::hex << fault.cfsr << " hfsr " << fault.hfsr << " mmfar " << fault.mmfar;
  const auto stack_high = 0x20000000u + bundle.json["ram"]["stack_reserved"].get<uint32_t>();
  if (crash.kind == FaultKind::kStackOverflow) {
    EXPECT_LT(fault.sp, 0x20000000u + 64);
    // The core could not save them: taken from the last call that the stack tells of.
    if (std::string(crash.name) == "Recursion") {
      EXPECT_THAT(FunctionAt(bundle, fault.pc), testing::HasSubstr("Recurse"));
      EXPECT_THAT(FunctionAt(bundle, fault.lr), testing::HasSubstr("Recurse"));
    }
  } else {
    EXPECT_GT(fault.sp, 0x20000000u);
    EXPECT_LT(fault.sp, stack_high);
    EXPECT_NE(fault.lr, 0u);
  }

  // Asked anything else, the board says it again; HELLO has the count.
  const VectorChunk again = {client.nonce(), 1, 0};
  client.Send(FrameType::kVectorChunk, kFlagRun, &again, sizeof(again));
  const auto frame = client.Receive();
  ASSERT_TRUE(frame);
  ASSERT_EQ(frame->type, FrameType::kFault);
  EXPECT_EQ(0, std::memcmp(frame->payload, &fault, sizeof(fault)));
  for (uint32_t token : {2u, 3u}) {
    const Hello hello = client.SayHello(token);
    EXPECT_EQ(hello.token, token);
    EXPECT_EQ(hello.fault_count, 1u);
    EXPECT_EQ(hello.mailbox_word, 0xC0FFEE42u);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, FaultTest,
    testing::Combine(testing::ValuesIn(kPorts),
                     testing::Values(Crash{"Recursion", 1, FaultKind::kStackOverflow},
                                     Crash{"BigFrame", 2, FaultKind::kStackOverflow},
                                     Crash{"WriteToCode", 3, FaultKind::kMemManage},
                                     Crash{"UndefinedInstruction", 4, FaultKind::kUsageFault},
                                     Crash{"ReadBeyondRam", 5, FaultKind::kMemManage},
                                     Crash{"CodeInRam", 6, FaultKind::kMemManage},
                                     Crash{"NobodyAnswers", 7, FaultKind::kBusFault})),
    [](const auto& info) {
      return std::string(std::get<0>(info.param)) + "_" + std::get<1>(info.param).name;
    });

}  // namespace
}  // namespace tinyrig::device
