#include "agent/session/device_client.h"

#include <gtest/gtest.h>

#include <random>

#include "agent/session/identity.h"
#include "firmware/protocol/session.h"
#include "proto/device/crc32c.h"
#include "tests/unit/agent/run_coroutine.h"
#include "tests/unit/firmware/fake_port.h"
#include "tests/unit/firmware/tiny_blob.h"

namespace tinyrig::agent {
namespace {

using device::Session;
using device::Transport;
using std::chrono::seconds;

constexpr uint32_t kInputBytes = 1500;  // Two chunks.
constexpr uint64_t kNonce = 0x0123456789ABCDEF;

/// A line that hurts bytes, with the firmware's session at the far end. Everything happens at once:
/// when nothing is there to read, nothing will come, so a read times out without waiting.
class LossyLink : public Link {
 public:
  LossyLink(double drop, double flip, uint32_t seed) : drop_(drop), flip_(flip), random_(seed) {}

  Awaitable<Result<std::vector<uint8_t>>> Read(Deadline) override {
    if (!dead) {
      for (int steps = 0; steps < 100000 && session_.Step(); ++steps) {
      }
    }
    auto bytes = Hurt(port::Board().sent);
    port::Board().sent.clear();
    if (bytes.empty()) bytes = chatter;
    if (bytes.empty()) co_return Status(Code::kDeadlineExceeded, "nothing came");
    stats_.bytes_in += bytes.size();
    co_return bytes;
  }
  Awaitable<Status> Write(std::vector<uint8_t> bytes, Deadline) override {
    stats_.bytes_out += bytes.size();
    const auto hurt = Hurt(bytes);
    auto& received = port::Board().received;
    received.insert(received.end(), hurt.begin(), hurt.end());
    co_return OkStatus();
  }
  Stats stats() const override { return stats_; }

  bool dead = false;             ///< The board does nothing any more.
  std::vector<uint8_t> chatter;  ///< Comes again and again when there is nothing else.

 private:
  std::vector<uint8_t> Hurt(const std::vector<uint8_t>& bytes) {
    std::vector<uint8_t> hurt;
    for (uint8_t byte : bytes) {
      const double luck = std::uniform_real_distribution<>(0, 1)(random_);
      if (luck < drop_) continue;
      if (luck < drop_ + flip_) byte ^= static_cast<uint8_t>(1u << random_() % 8);
      hurt.push_back(byte);
    }
    return hurt;
  }

  double drop_;
  double flip_;
  std::mt19937 random_;
  Stats stats_;
  Transport transport_;
  Session session_{transport_};
};

class DeviceClientTest : public testing::Test {
 protected:
  void SetUp() override {
    port::ResetFakeBoard();
    port::Board().blob = device::TinyBlob(kInputBytes);
    port::Board().blob.resize(64);
    port::Board().arena.resize(1024);
  }

  static DeviceClient::Settings Settings() {
    DeviceClient::Settings settings;
    settings.nonce = kNonce;
    settings.vector_set_crc32c = 77;
    settings.input_bytes = kInputBytes;
    settings.warmup = 2;
    settings.repetitions = 3;
    settings.rx_window = 2048;
    settings.inference_timeout = milliseconds(50);
    return settings;
  }

  static std::vector<uint8_t> Vector(uint32_t seed) {
    std::vector<uint8_t> vector(kInputBytes);
    std::mt19937 random(seed);
    for (auto& byte : vector) byte = static_cast<uint8_t>(random());
    return vector;
  }

  StepResult<DeviceClient::VectorAnswer> RunVector(DeviceClient& client, uint32_t index,
                                                   const std::vector<uint8_t>& vector) {
    return RunCoroutine(io_, client.Run(index, vector, Within(seconds(20))));
  }

  asio::io_context io_;
};

TEST_F(DeviceClientTest, RunsVectorsOnACleanLine) {
  LossyLink link(0, 0, 1);
  FrameLink frames(link);
  DeviceClient client(frames, Settings());
  const auto started = RunCoroutine(io_, client.Start(Within(seconds(5))));
  ASSERT_TRUE(started) << started.error().message();
  EXPECT_EQ(started->input_bytes(), kInputBytes);
  for (uint32_t index = 0; index < 5; ++index) {
    const auto vector = Vector(index);
    const auto answer = RunVector(client, index, vector);
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->output, vector);
    EXPECT_EQ(answer->warmups.size(), index == 0 ? 2u : 0u);
    ASSERT_EQ(answer->results.size(), 3u);
    EXPECT_EQ(answer->results.at(2).output_crc32c, device::Crc32c(vector.data(), vector.size()));
    EXPECT_GT(answer->results.at(1).ticks, 0u);
  }
  EXPECT_EQ(client.retransmits(), 0u);
  const auto finished = RunCoroutine(io_, client.Finish(Within(seconds(5))));
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->inferences(), 2u + 5 * 3);
}

/// Heads, check sums, byte stuffing and delimiters together are less than a twentieth of what a
/// vector of an image's size sends.
TEST_F(DeviceClientTest, MostOfWhatIsSentAreVectors) {
  constexpr uint32_t kImageBytes = 27648;
  port::Board().blob = device::TinyBlob(kImageBytes);
  port::Board().blob.resize(64);
  port::Board().arena.resize(kImageBytes / 2);
  LossyLink link(0, 0, 1);
  FrameLink frames(link);
  DeviceClient::Settings settings = Settings();
  settings.input_bytes = kImageBytes;
  DeviceClient client(frames, settings);
  ASSERT_TRUE(RunCoroutine(io_, client.Start(Within(seconds(5)))));
  std::vector<uint8_t> vector(kImageBytes);
  std::mt19937 random(1);
  for (auto& byte : vector) byte = static_cast<uint8_t>(random());
  const uint64_t before = link.stats().bytes_out;
  const auto answer = RunVector(client, 0, vector);
  ASSERT_TRUE(answer) << answer.error().message();
  const uint64_t on_the_wire = link.stats().bytes_out - before;
  EXPECT_GE(static_cast<double>(kImageBytes) / static_cast<double>(on_the_wire), 0.95)
      << on_the_wire;
  EXPECT_EQ(client.sent().bytes, kImageBytes);
  EXPECT_EQ(client.retransmits(), 0u);
}

TEST_F(DeviceClientTest, SurvivesDroppedAndFlippedBytes) {
  uint32_t retransmits = 0;
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    SetUp();
    LossyLink link(0.0003, 0.0003, seed);
    FrameLink frames(link);
    DeviceClient client(frames, Settings());
    ASSERT_TRUE(RunCoroutine(io_, client.Start(Within(seconds(5)))));
    for (uint32_t index = 0; index < 10; ++index) {
      const auto vector = Vector(index);
      const auto answer = RunVector(client, index, vector);
      ASSERT_TRUE(answer) << answer.error().message();
      EXPECT_EQ(answer->output, vector);
      EXPECT_EQ(answer->results.size(), 3u);
    }
    retransmits += client.retransmits();
  }
  EXPECT_GT(retransmits, 20u);
}

TEST_F(DeviceClientTest, ObservedLayersAreCompleteOnALossyLine) {
  LossyLink link(0.0005, 0.0005, 3);
  FrameLink frames(link);
  auto settings = Settings();
  settings.warmup = 0;
  settings.repetitions = 1;
  settings.observe_layers = true;
  DeviceClient client(frames, settings);
  ASSERT_TRUE(RunCoroutine(io_, client.Start(Within(seconds(5)))));
  for (uint32_t index = 0; index < 40; ++index) {
    const auto answer = RunVector(client, index, Vector(index));
    ASSERT_TRUE(answer) << answer.error().message();
    ASSERT_EQ(answer->layers.size(), 1u) << index;
    EXPECT_EQ(answer->layers[0].tflite_index, 3u);
    EXPECT_EQ(answer->layers[0].tensor_index, 8u);
    EXPECT_EQ(answer->layers[0].bytes, kInputBytes);
  }
}

TEST_F(DeviceClientTest, AHangIsTheBenchs) {
  LossyLink link(0, 0, 1);
  FrameLink frames(link);
  DeviceClient client(frames, Settings());
  ASSERT_TRUE(RunCoroutine(io_, client.Start(Within(seconds(5)))));
  link.dead = true;
  const auto answer = RunVector(client, 0, Vector(1));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().owner(), v1::FAILURE_OWNER_BENCH);
  EXPECT_EQ(static_cast<Code>(answer.error().code()), Code::kDeadlineExceeded);
}

TEST_F(DeviceClientTest, ABoardThatOnlyChattersHangsToo) {
  LossyLink link(0, 0, 1);
  FrameLink frames(link);
  DeviceClient client(frames, Settings());
  ASSERT_TRUE(RunCoroutine(io_, client.Start(Within(seconds(5)))));
  link.dead = true;
  device::LayerRecord record{};
  record.nonce = kNonce;
  record.op_index = 7;
  link.chatter.resize(device::kMaxEncoded);
  link.chatter.resize(device::EncodeFrame(device::FrameType::kLayer, 0, 1,
                                          reinterpret_cast<const uint8_t*>(&record), sizeof(record),
                                          nullptr, 0, link.chatter.data(), link.chatter.size()));
  const auto answer = RunVector(client, 0, Vector(1));
  ASSERT_FALSE(answer);
  EXPECT_EQ(static_cast<Code>(answer.error().code()), Code::kDeadlineExceeded);
  const auto finished = RunCoroutine(io_, client.Finish(Within(seconds(2))));
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().owner(), v1::FAILURE_OWNER_BENCH);
}

TEST_F(DeviceClientTest, AModelThatDoesNotFitIsTheVariants) {
  port::Board().arena.resize(10);
  LossyLink link(0, 0, 1);
  FrameLink frames(link);
  DeviceClient client(frames, Settings());
  const auto started = RunCoroutine(io_, client.Start(Within(seconds(5))));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().owner(), v1::FAILURE_OWNER_VARIANT);
  EXPECT_EQ(static_cast<Code>(started.error().code()), Code::kResourceExhausted);
}

TEST_F(DeviceClientTest, HelloOverALossyLineHasTheWord) {
  port::Board().mailbox = 0xFEEDBEEF;
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    LossyLink link(0.005, 0.005, seed);
    FrameLink frames(link);
    const auto hello = RunCoroutine(io_, AskHello(frames, Within(seconds(5))));
    ASSERT_TRUE(hello.ok()) << hello.status().ToString();
    EXPECT_EQ(hello->mailbox_word, 0xFEEDBEEFu);
  }
}

TEST(FaultFailure, SaysWhereAndWhat) {
  device::Fault fault{};
  fault.kind = static_cast<uint8_t>(device::FaultKind::kBusFault);
  fault.pc = 0x1234;
  fault.bfar = 0x60000000;
  const auto failure = FaultFailure(fault);
  EXPECT_EQ(failure.owner(), v1::FAILURE_OWNER_VARIANT);
  EXPECT_NE(failure.message().find("bus fault at pc 0x00001234"), std::string::npos);
  EXPECT_NE(failure.evidence(1).find("bfar 0x60000000"), std::string::npos);
}

}  // namespace
}  // namespace tinyrig::agent
