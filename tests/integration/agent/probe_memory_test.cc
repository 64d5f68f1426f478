#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "tests/integration/agent/bench.h"
#include "tests/unit/vectors/npz_writer.h"

/// Links through rings in the board's RAM: real OpenOCD, real firmware, a virtual board.
namespace tinyrig::agent {
namespace {

using testing::HasSubstr;

constexpr char kDsp[] = "kernels=dsp,weights=int8";
/// An image of 96 x 96 x 3.
constexpr uint32_t kLargeVector = 27648;

/// A model that copies 16 bytes of a large input, so that the link is all that takes time.
v1::LeaseOffer LargeOffer(Bench& bench, size_t count) {
  const BuiltImage image = BuildFaultyImage(kLargeVector, bench.artifacts(), "virtual_m4", 16);
  v1::LeaseOffer offer = bench.Offer(image);
  std::vector<uint8_t> data(count * kLargeVector);
  uint32_t state = 1;
  for (uint8_t& byte : data)
    byte = static_cast<uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  for (size_t i = 0; i < count; ++i) data[i * kLargeVector] = 100;  // no crash is asked for
  const std::string shape = "(" + std::to_string(count) + ", 27648)";
  const auto npz = vectors::testing::Npz({{"x.npy", vectors::testing::Npy("|i1", shape, data)}});
  std::ofstream(bench.artifacts() / "large.npz", std::ios::binary)
      .write(reinterpret_cast<const char*>(npz.data()), static_cast<std::streamsize>(npz.size()));
  offer.mutable_vectors()->mutable_npz()->set_name("large.npz");
  offer.mutable_vectors()->mutable_npz()->set_sha256("large.npz");
  offer.set_deadline_ms(600000);
  return offer;
}

double BytesPerSecond(const v1::AttemptResult& result) {
  return static_cast<double>(result.link().vector_bytes()) * 1e6 /
         static_cast<double>(result.link().sending_us());
}

class ProbeMemoryTest : public testing::TestWithParam<Rings> {};

TEST_P(ProbeMemoryTest, GivesWhatTheUartGives) {
  Bench uart;
  const BuiltImage image = BuildZooImage("digits_cnn", kDsp, uart.artifacts());
  v1::LeaseOffer offer = uart.PatternOffer(image, "AB");
  offer.mutable_execution()->set_repetitions(3);
  offer.mutable_execution()->set_layer_hashes(true);
  const auto expected = uart.Run(offer);
  ASSERT_TRUE(Succeeded(expected));

  Bench bench({.rings = GetParam()});
  BuildZooImage("digits_cnn", kDsp, bench.artifacts());
  for (int i = 0; i < 2; ++i) {
    const auto result = bench.Run(offer);
    ASSERT_TRUE(Succeeded(result));
    EXPECT_EQ(result.link().frames_bad(), 0u);  // Retransmits depend on how busy this machine is.
    ASSERT_EQ(result.samples_size(), expected.samples_size());
    for (int s = 0; s < result.samples_size(); ++s) {
      EXPECT_EQ(result.samples(s).ticks(), expected.samples(s).ticks());
      EXPECT_EQ(result.samples(s).output_crc32c(), expected.samples(s).output_crc32c());
    }
    ASSERT_EQ(result.layers_size(), expected.layers_size());
    EXPECT_EQ(result.marks().stack_used_bytes(), expected.marks().stack_used_bytes());
    EXPECT_EQ(result.link().vector_bytes(), 2u * image.input_bytes);
  }
}

TEST_P(ProbeMemoryTest, CarriesLargeVectorsWhole) {
  Bench bench({.rings = GetParam()});
  const int count = GetParam().out ? 5 : 1;  // a UART takes its time
  const auto result = bench.Run(LargeOffer(bench, count));
  ASSERT_TRUE(Succeeded(result));  // the board's CRC of each input was compared
  EXPECT_EQ(result.outputs_size(), count);
  EXPECT_EQ(result.link().vector_bytes(), static_cast<uint64_t>(count) * kLargeVector);
  EXPECT_EQ(result.link().frames_bad(), 0u);  // Retransmits depend on how busy this machine is.
  EXPECT_EQ(result.link().frames_bad(), 0u);
}

TEST_P(ProbeMemoryTest, ABoardThatLosesPowerIsTheBenchsAndWorksAgain) {
  Bench bench({.rings = GetParam()});
  v1::LeaseOffer offer = LargeOffer(bench, 10);
  offer.mutable_execution()->set_inference_timeout_ms(1500);
  bench.progress.hook = [&](const std::string& phase, uint32_t done) {
    if (phase == "stream" && done == 1) bench.virtual_board(0).Power("cycle");
  };
  const auto result = bench.Run(offer);
  ASSERT_TRUE(FailedOnTheBench(result));
  EXPECT_TRUE(bench.board(0).needs_power_cycle);
  bench.progress.hook = nullptr;
  EXPECT_TRUE(Succeeded(bench.Run(LargeOffer(bench, 1))));
}

INSTANTIATE_TEST_SUITE_P(Sides, ProbeMemoryTest,
                         testing::Values(Rings{true, false}, Rings{false, true}, Rings{true, true}),
                         [](const auto& info) {
                           return std::string(info.param.out ? "Out" : "") +
                                  (info.param.in ? "In" : "");
                         });

TEST(ProbeMemory, CrossedCablesAreFoundAllTheSame) {
  Rings rings;
  rings.out = true;
  Bench bench({.boards = 2, .crossed = true, .rings = rings});
  const BuiltImage image = BuildZooImage("digits_ds", kDsp, bench.artifacts());
  const auto result = bench.Run(bench.PatternOffer(image, "A"));
  ASSERT_TRUE(FailedOnTheBench(result));
  EXPECT_THAT(result.failure().message(), HasSubstr("crossed cables"));
}

TEST(ProbeMemory, AnImageWithoutRingsSaysSo) {
  Rings rings;
  rings.out = true;
  Bench bench({.rings = rings});
  v1::LeaseOffer offer =
      bench.PatternOffer(BuildZooImage("digits_ds", kDsp, bench.artifacts()), "A");
  offer.mutable_image()->set_rings_address(0);
  const auto result = bench.Run(offer);
  ASSERT_TRUE(FailedOnTheBench(result));
  EXPECT_THAT(result.failure().message(), HasSubstr("no rings in RAM"));
}

/// The zoo's own 360 vectors of 64 bytes.
v1::LeaseOffer SmallOffer(Bench& bench) {
  v1::LeaseOffer offer = bench.Offer(BuildZooImage("digits_cnn", kDsp, bench.artifacts()));
  *offer.mutable_vectors()->mutable_npz() = AddZooFile("digits_test.npz", bench.artifacts());
  return offer;
}

/// Not a test: prints what benchmarks/README.md quotes. Run with --gtest_also_run_disabled_tests.
TEST(Throughput, DISABLED_Measure) {
  const auto measure = [](const char* name, Rings rings, size_t count) {
    Bench bench({.rings = rings});
    const v1::LeaseOffer offer = count == 0 ? SmallOffer(bench) : LargeOffer(bench, count);
    const auto start = Clock::now();
    const auto result = bench.Run(offer);
    const auto wall = std::chrono::duration<double>(Clock::now() - start).count();
    ASSERT_TRUE(Succeeded(result));
    double stream = 0;
    for (const auto& span : result.timeline()) {
      if (span.name() == "stream") stream = static_cast<double>(span.duration_us()) / 1e6;
    }
    std::printf(
        "%s: %d vectors of %llu bytes, stream %.2f s, attempt %.2f s, sending %.1f kB/s, "
        "payload/sent %.4f, payload/both ways %.4f\n",
        name, result.outputs_size(),
        static_cast<unsigned long long>(result.link().vector_bytes() / result.outputs_size()),
        stream, wall, BytesPerSecond(result) / 1e3,
        static_cast<double>(result.link().vector_bytes()) /
            static_cast<double>(result.link().bytes_out()),
        static_cast<double>(result.link().vector_bytes()) /
            static_cast<double>(result.link().bytes_out() + result.link().bytes_in()));
  };
  measure("uart", Rings{false, false}, 10);
  measure("in uart, out probe_memory", Rings{true, false}, 1000);
  measure("probe_memory both ways", Rings{true, true}, 1000);
  measure("zoo, uart", Rings{false, false}, 0);
  measure("zoo, in uart, out probe_memory", Rings{true, false}, 0);
  measure("zoo, probe_memory both ways", Rings{true, true}, 0);
}

}  // namespace
}  // namespace tinyrig::agent
