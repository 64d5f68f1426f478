#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <tuple>

#include "firmware/runtime/blob_format.h"
#include "proto/device/crc32c.h"
#include "tests/integration/agent/bench.h"
#include "tests/unit/vectors/npz_writer.h"

/// What goes wrong has the right owner, and the board works again afterwards.
namespace tinyrig::agent {
namespace {

using testing::HasSubstr;

constexpr char kDsp[] = "kernels=dsp,weights=int8";

std::string Outputs(const v1::AttemptResult& result) {
  std::string all;
  for (const auto& output : result.outputs()) all += output.data();
  return all;
}

struct BenchFault {
  const char* name;
  nlohmann::json parameters;
  Code code;
  const char* message;
};

void PrintTo(const BenchFault& fault, std::ostream* out) { *out << fault.name; }

/// The fault, and whether OpenOCD is started for every use of the probe.
class BenchFaultTest : public testing::TestWithParam<std::tuple<BenchFault, bool>> {
 protected:
  void Expect(Bench& bench);
};

void BenchFaultTest::Expect(Bench& bench) {
  const BenchFault& fault = std::get<0>(GetParam());
  const BuiltImage image = BuildZooImage("digits_ds", kDsp, bench.artifacts());
  bench.virtual_board(0).Fault(fault.name, fault.parameters);
  v1::LeaseOffer offer = bench.PatternOffer(image, "A");
  const auto result = bench.Run(offer);
  ASSERT_TRUE(FailedOnTheBench(result));
  EXPECT_EQ(static_cast<Code>(result.failure().code()), fault.code) << Describe(result.failure());
  EXPECT_THAT(result.failure().message(), HasSubstr(fault.message));
  bench.virtual_board(0).Control({{"cmd", "clear"}});
  EXPECT_TRUE(Succeeded(bench.Run(offer)));
}

TEST_P(BenchFaultTest, IsTheBenchsAndEndsWithTheFault) {
  Bench bench({.one_shot = std::get<1>(GetParam())});
  Expect(bench);
}

TEST_P(BenchFaultTest, TheSameOnABoardInUse) {
  Bench bench({.one_shot = std::get<1>(GetParam())});
  const BuiltImage old_image = BuildZooImage("digits_cnn", kDsp, bench.artifacts());
  ASSERT_TRUE(Succeeded(bench.Run(bench.PatternOffer(old_image, "A"))));
  Expect(bench);
}

INSTANTIATE_TEST_SUITE_P(
    All, BenchFaultTest,
    testing::Combine(
        testing::Values(
            BenchFault{"probe_absent", nlohmann::json::object(), Code::kNotFound, "USB cable"},
            BenchFault{"probe_frozen", nlohmann::json::object(), Code::kUnavailable,
                       "does not answer"},
            BenchFault{"no_ack", nlohmann::json::object(), Code::kUnavailable, "check its power"},
            BenchFault{"no_ack", {{"after_transfers", 600}}, Code::kUnavailable, "contact"},
            BenchFault{"flash_lost", nlohmann::json::object(), Code::kDataLoss, "read back"}),
        testing::Bool()));

class NoiseTest : public testing::TestWithParam<const char*> {};

TEST_P(NoiseTest, CostsRetransmitsAndNothingElse) {
  Bench bench;
  const BuiltImage image = BuildZooImage("digits_ds", kDsp, bench.artifacts());
  v1::LeaseOffer offer = bench.PatternOffer(image, "AB");
  offer.mutable_execution()->set_repetitions(20);
  offer.mutable_execution()->set_layer_hashes(true);
  const auto clean = bench.Run(offer);
  ASSERT_TRUE(Succeeded(clean));
  for (int seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    bench.virtual_board(0).Fault(GetParam(), {{"rate", 0.002}, {"seed", seed}});
    const auto noisy = bench.Run(offer);
    ASSERT_TRUE(Succeeded(noisy));
    EXPECT_GT(noisy.link().retransmits() + noisy.link().frames_bad(), 0u);
    EXPECT_EQ(Outputs(noisy), Outputs(clean));
    EXPECT_EQ(noisy.samples_size(), clean.samples_size());
    EXPECT_EQ(noisy.layers_size(), clean.layers_size());
    for (int i = 0; i < std::min(noisy.samples_size(), clean.samples_size()); ++i) {
      EXPECT_EQ(noisy.samples(i).ticks(), clean.samples(i).ticks());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Uart, NoiseTest, testing::Values("uart_drop", "uart_flip"));

TEST(Fault, PowerLostWhileFlashingIsTheBenchs) {
  Bench bench;
  const BuiltImage image = BuildZooImage("digits_ds", kDsp, bench.artifacts());
  bench.progress.hook = [&](const std::string& phase, uint32_t) {
    if (phase == "flash") bench.virtual_board(0).Fault("power_off", {{"after_transfers", 600}});
  };
  const auto result = bench.Run(bench.PatternOffer(image, "A"));
  ASSERT_TRUE(FailedOnTheBench(result));
  EXPECT_THAT(result.failure().message(), HasSubstr("contact to the board was lost"));
  bench.progress.hook = nullptr;
  EXPECT_TRUE(Succeeded(bench.Run(bench.PatternOffer(image, "A"))));
}

TEST(Fault, GarbageAtBootIsSkipped) {
  Bench bench;
  const BuiltImage image = BuildZooImage("digits_ds", kDsp, bench.artifacts());
  bench.virtual_board(0).Fault("uart_garbage_at_boot", {{"bytes", 3000}});
  EXPECT_TRUE(Succeeded(bench.Run(bench.PatternOffer(image, "A"))));
}

TEST(Fault, AShortStallIsSurvived) {
  Bench bench;
  const BuiltImage image = BuildZooImage("digits_ds", kDsp, bench.artifacts());
  v1::LeaseOffer offer = bench.Offer(image);
  *offer.mutable_vectors()->mutable_npz() = AddZooFile("digits_test.npz", bench.artifacts());
  bool stalled = false;
  bench.progress.hook = [&](const std::string& phase, uint32_t done) {
    if (phase != "stream" || done != 20 || stalled) return;
    stalled = true;
    bench.virtual_board(0).Fault("uart_stall", {{"ms", 3000}});
  };
  EXPECT_TRUE(Succeeded(bench.Run(offer)));
  EXPECT_TRUE(stalled);
}

TEST(Fault, ALinkThatDiesInTheMiddleIsTheBenchs) {
  Bench bench;
  const BuiltImage image = BuildZooImage("digits_ds", kDsp, bench.artifacts());
  v1::LeaseOffer offer = bench.Offer(image);
  *offer.mutable_vectors()->mutable_npz() = AddZooFile("digits_test.npz", bench.artifacts());
  offer.mutable_execution()->set_inference_timeout_ms(1500);
  bench.progress.hook = [&](const std::string& phase, uint32_t done) {
    if (phase == "stream" && done == 20) bench.virtual_board(0).Power("off");
  };
  const auto result = bench.Run(offer);
  ASSERT_TRUE(FailedOnTheBench(result));
  EXPECT_EQ(static_cast<Code>(result.failure().code()), Code::kDeadlineExceeded);
  EXPECT_THAT(result.failure().message(), HasSubstr("vector 20"));
  EXPECT_TRUE(bench.board(0).needs_power_cycle);
  bench.progress.hook = nullptr;
  EXPECT_TRUE(Succeeded(bench.Run(bench.PatternOffer(image, "A"))));
}

TEST(Fault, TheDeadlineOfTheLeaseEndsAnAttempt) {
  Bench bench;
  const BuiltImage image = BuildZooImage("digits_ds", kDsp, bench.artifacts());
  v1::LeaseOffer offer = bench.Offer(image);
  *offer.mutable_vectors()->mutable_npz() = AddZooFile("digits_test.npz", bench.artifacts());
  offer.mutable_execution()->set_repetitions(10000);
  offer.set_deadline_ms(3000);
  const auto start = Clock::now();
  ASSERT_TRUE(FailedOnTheBench(bench.Run(offer)));
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(10));
}

/// Crashes that the first byte of a vector asks for; pattern A begins with 3, B with another.
TEST(Fault, ACrashIsTheVariantsWithItsRegisters) {
  Bench bench;
  const BuiltImage image = BuildFaultyImage(16, bench.artifacts());
  const v1::LeaseOffer offer = bench.PatternOffer(image, "A");
  const auto result = bench.Run(offer);
  ASSERT_TRUE(result.has_failure());
  EXPECT_EQ(result.failure().owner(), v1::FAILURE_OWNER_VARIANT) << Describe(result.failure());
  EXPECT_THAT(Describe(result.failure()), HasSubstr("mmfar 0x00000010"));
  EXPECT_THAT(result.failure().message(), HasSubstr("memory protection fault at pc"));

  const BuiltImage sound = BuildZooImage("digits_ds", kDsp, bench.artifacts());
  EXPECT_TRUE(Succeeded(bench.Run(bench.PatternOffer(sound, "A"))));
}

/// A job whose only vector makes faulty_kernels do `command`, three times.
v1::LeaseOffer CommandOffer(Bench& bench, const BuiltImage& image, uint8_t command) {
  using vectors::testing::Bytes;
  Bytes vector(16, 1);
  vector[0] = command;
  const Bytes npz =
      vectors::testing::Npz({{"x.npy", vectors::testing::Npy("|i1", "(1, 16)", vector)}});
  v1::LeaseOffer offer = bench.Offer(image);
  v1::ArtifactRef& ref = *offer.mutable_vectors()->mutable_npz();
  ref.set_name("command.npz");
  ref.set_sha256("command-" + std::to_string(command));
  std::ofstream file(bench.artifacts() / ref.sha256(), std::ios::binary);
  file.write(reinterpret_cast<const char*>(npz.data()), static_cast<std::streamsize>(npz.size()));
  file.close();
  offer.mutable_execution()->set_warmup(0);
  offer.mutable_execution()->set_repetitions(3);
  return offer;
}

TEST(Fault, WritingBeyondTheArenaIsTheVariants) {
  Bench bench;
  const BuiltImage image = BuildFaultyImage(16, bench.artifacts());
  const auto result = bench.Run(CommandOffer(bench, image, 8));
  ASSERT_TRUE(result.has_failure());
  EXPECT_EQ(result.failure().owner(), v1::FAILURE_OWNER_VARIANT) << Describe(result.failure());
  EXPECT_THAT(result.failure().message(),
              HasSubstr("wrote 16 B beyond its arena of 32 B, from byte 32 on"));
  EXPECT_EQ(result.timeline(result.timeline_size() - 1).name(), "marks");
  EXPECT_FALSE(result.has_marks());

  // The same board and image with a vector that stays inside.
  const auto sound = bench.Run(CommandOffer(bench, image, 1 << 7));
  ASSERT_TRUE(Succeeded(sound));
  EXPECT_EQ(sound.marks().arena_used_bytes(), 32u);
}

/// So far that the next repetition reads another input: not the bench's, as it seems at first.
TEST(Fault, WritingOverTheStagedInputIsTheVariants) {
  Bench bench;
  const BuiltImage image = BuildFaultyImage(16, bench.artifacts());
  const auto result = bench.Run(CommandOffer(bench, image, 9));
  ASSERT_TRUE(result.has_failure());
  EXPECT_EQ(result.failure().owner(), v1::FAILURE_OWNER_VARIANT) << Describe(result.failure());
  EXPECT_THAT(result.failure().message(), HasSubstr("wrote at least 64 B beyond its arena"));
  EXPECT_THAT(Describe(result.failure()), HasSubstr("saw other input bytes"));
}

TEST(Fault, AnArenaOf16BytesLessIsTheVariants) {
  Bench bench;
  BuiltImage image = BuildZooImage("digits_ds", kDsp, bench.artifacts());
  runtime::BlobHeader header;
  std::memcpy(&header, image.blob.data(), sizeof(header));
  header.arena_bytes -= 16;
  std::memcpy(image.blob.data(), &header, sizeof(header));
  header.crc32c = device::Crc32c(image.blob.data() + runtime::kBlobCrcStart,
                                 image.blob.size() - runtime::kBlobCrcStart);
  std::memcpy(image.blob.data(), &header, sizeof(header));
  const std::string name = image.image.segments(1).artifact().sha256();
  std::ofstream file(bench.artifacts() / name, std::ios::binary);
  file.write(reinterpret_cast<const char*>(image.blob.data()),
             static_cast<std::streamsize>(image.blob.size()));
  file.close();
  const auto result = bench.Run(bench.PatternOffer(image, "A"));
  ASSERT_TRUE(result.has_failure());
  EXPECT_EQ(result.failure().owner(), v1::FAILURE_OWNER_VARIANT) << Describe(result.failure());
  EXPECT_EQ(static_cast<Code>(result.failure().code()), Code::kInvalidArgument);
  EXPECT_EQ(result.timeline(result.timeline_size() - 1).name(), "start");
}

TEST(Fault, AModelThatIsNoneIsTheVariants) {
  Bench bench;
  BuiltImage image = BuildZooImage("digits_ds", kDsp, bench.artifacts());
  // A byte of the weights changed after the compiler sealed the blob; the bench flashes it well.
  const std::string name = image.image.segments(1).artifact().sha256();
  std::fstream file(bench.artifacts() / name, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(image.blob.size()) - 100);
  file.put(static_cast<char>(~std::to_integer<int>(image.blob[image.blob.size() - 100])));
  file.close();
  const auto result = bench.Run(bench.PatternOffer(image, "A"));
  ASSERT_TRUE(result.has_failure());
  EXPECT_EQ(result.failure().owner(), v1::FAILURE_OWNER_VARIANT) << Describe(result.failure());
  EXPECT_EQ(result.timeline(result.timeline_size() - 1).name(), "start");
}

}  // namespace
}  // namespace tinyrig::agent
