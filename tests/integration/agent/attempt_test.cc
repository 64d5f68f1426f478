#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "firmware/compiler/reference_run.h"
#include "firmware/runtime/blob_format.h"
#include "proto/device/crc32c.h"
#include "proto/device/fnv1a.h"
#include "proto/vectors/vector_set.h"
#include "tests/integration/agent/bench.h"

/// Attempts that succeed: stock OpenOCD, real firmware, a virtual board, no server.
namespace tinyrig::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kDsp[] = "kernels=dsp,weights=int8";

std::vector<uint32_t> TimedTicks(const v1::AttemptResult& result) {
  std::vector<uint32_t> ticks;
  for (const auto& sample : result.samples()) {
    if (!sample.warmup()) ticks.push_back(sample.ticks());
  }
  return ticks;
}

/// The bytes that the host's reference gives for every vector are those that came back.
void ExpectTheHostsBytes(const v1::AttemptResult& result, const BuiltImage& image,
                         const vectors::VectorSet& set) {
  auto reference = compiler::ReferenceRunner::Make(image.blob);
  ASSERT_TRUE(reference.ok());
  ASSERT_EQ(static_cast<size_t>(result.outputs_size()), set.count);
  for (size_t i = 0; i < set.count; ++i) {
    const auto expected = reference->Run(std::as_bytes(set.input(i)));
    ASSERT_TRUE(expected.ok());
    const auto& output = result.outputs(static_cast<int>(i));
    EXPECT_EQ(output.vector_index(), i);
    const std::string text(reinterpret_cast<const char*>(expected->bytes.data()),
                           expected->bytes.size());
    ASSERT_EQ(output.data(), text) << "vector " << i;
  }
}

uint32_t ArenaBytes(const BuiltImage& image) {
  runtime::BlobHeader header;
  std::memcpy(&header, image.blob.data(), sizeof(header));
  return header.arena_bytes;
}

vectors::VectorSet Patterns(const BuiltImage& image, std::string_view letters) {
  const vectors::InputTensor input{image.input_bytes, false};
  return *vectors::MakePatternSet(letters, std::span(&input, 1));
}

TEST(Attempt, RunsTheZooModelOnItsVectors) {
  Bench bench;
  const BuiltImage image = BuildZooImage("digits_cnn", kDsp, bench.artifacts());
  v1::LeaseOffer offer = bench.Offer(image);
  *offer.mutable_vectors()->mutable_npz() = AddZooFile("digits_test.npz", bench.artifacts());
  const v1::AttemptResult result = bench.Run(offer);
  ASSERT_TRUE(Succeeded(result));

  const auto bytes = ReadZooFile("digits_test.npz");
  const auto set = vectors::ReadVectorSet(bytes, "digits_test.npz");
  ASSERT_TRUE(set.ok());
  ExpectTheHostsBytes(result, image, *set);
  int right = 0;
  for (int i = 0; i < result.outputs_size(); ++i) {
    const std::string& data = result.outputs(i).data();
    const auto best = std::max_element(data.begin(), data.end(), [](char a, char b) {
      return static_cast<int8_t>(a) < static_cast<int8_t>(b);
    });
    right += best - data.begin() == set->labels[static_cast<size_t>(i)];
  }
  EXPECT_EQ(right, 359);  // firmware/zoo/README.md

  EXPECT_EQ(result.key().job_id(), 7u);
  EXPECT_EQ(result.key().fence(), 3u);
  EXPECT_EQ(result.board_id(), "b1");
  EXPECT_EQ(result.vector_set_crc32c(), set->Crc32c());
  EXPECT_NE(result.nonce(), 0u);
  EXPECT_EQ(result.samples_size(), 1 + 360);
  EXPECT_TRUE(result.samples(0).warmup());
  EXPECT_EQ(result.identity().build_id(), image.image.build_id());
  EXPECT_EQ(result.identity().mcu_uid(), bench.board(0).mcu_uid);
  EXPECT_EQ(result.link().frames_bad(), 0u);  // Retransmits depend on how busy this machine is.
  EXPECT_THAT(result.tools(), ElementsAre(HasSubstr("openocd 0.12.0")));
  EXPECT_EQ(result.marks().arena_used_bytes(), ArenaBytes(image));
  EXPECT_GT(result.marks().stack_used_bytes(), 0u);
  EXPECT_LT(result.marks().stack_used_bytes(), result.marks().stack_bytes());
  std::vector<std::string> phases;
  for (const auto& span : result.timeline()) {
    phases.push_back(span.name());
    EXPECT_GE(span.start_us(), result.started_us());
    EXPECT_LE(span.start_us() + span.duration_us(), result.ended_us());
  }
  EXPECT_THAT(phases,
              ElementsAre("fetch", "power", "flash", "flash.prepare", "flash.write", "flash.verify",
                          "flash.start", "hello", "start", "stream", "marks"));
  EXPECT_FALSE(bench.board(0).needs_power_cycle);
}

TEST(Attempt, PowerCyclesChangeNoCount) {
  Bench bench;
  const BuiltImage image = BuildZooImage("digits_ds", kDsp, bench.artifacts());
  std::set<std::vector<uint32_t>> counts;
  std::set<uint32_t> stacks;
  for (int round = 0; round < 5; ++round) {
    if (round > 0) bench.virtual_board(0).Power("cycle");
    const auto result = bench.Run(bench.PatternOffer(image, "AB"));
    ASSERT_TRUE(Succeeded(result));
    counts.insert(TimedTicks(result));
    stacks.insert(result.marks().stack_used_bytes());
  }
  EXPECT_EQ(counts.size(), 1u);
  EXPECT_EQ(counts.begin()->size(), 2u);
  EXPECT_EQ(stacks.size(), 1u);
}

/// Collects what the host's run hashes after every operator.
class HashCollector : public runtime::OpObserver {
 public:
  void OnOp(const runtime::OpResult& result) override {
    hashes.push_back(device::Fnv1a32(result.data.data(), result.data.size()));
  }
  std::vector<uint32_t> hashes;
};

TEST(Attempt, ObservesEveryOperator) {
  Bench bench;
  const BuiltImage image = BuildZooImage("digits_ds", kDsp, bench.artifacts());
  v1::LeaseOffer offer = bench.PatternOffer(image, "AB");
  offer.mutable_execution()->set_layer_hashes(true);
  offer.mutable_execution()->set_repetitions(3);
  const auto result = bench.Run(offer);
  ASSERT_TRUE(Succeeded(result));
  const auto set = Patterns(image, "AB");
  ExpectTheHostsBytes(result, image, set);
  EXPECT_EQ(TimedTicks(result).size(), 2u * 3u);

  auto reference = compiler::ReferenceRunner::Make(image.blob);
  ASSERT_TRUE(reference.ok());
  HashCollector expected;
  for (size_t i = 0; i < set.count; ++i) {
    ASSERT_TRUE(reference->Run(std::as_bytes(set.input(i)), &expected).ok());
  }
  std::vector<uint32_t> found;
  for (const auto& layer : result.layers()) found.push_back(layer.fnv1a32());
  EXPECT_EQ(found, expected.hashes);
  EXPECT_EQ(found.size() % 2, 0u);
}

TEST(Attempt, NextImageReplacesTheLast) {
  Bench bench;
  for (const char* variant :
       {"kernels=reference,weights=int8", kDsp, "kernels=dsp,weights=int16"}) {
    const BuiltImage image = BuildZooImage("digits_ds", variant, bench.artifacts());
    const auto result = bench.Run(bench.PatternOffer(image, "B"));
    ASSERT_TRUE(Succeeded(result)) << variant;
    ExpectTheHostsBytes(result, image, Patterns(image, "B"));
    EXPECT_EQ(result.identity().kernels(), image.image.kernels());
  }
}

TEST(Attempt, TwoBoardsAtOnceDoNotMeet) {
  Bench bench({.boards = 2});
  const BuiltImage image = BuildZooImage("digits_ds", kDsp, bench.artifacts());
  const auto results = bench.RunAll(bench.PatternOffer(image, "AB"));
  ASSERT_EQ(results.size(), 2u);
  for (const auto& result : results) ASSERT_TRUE(Succeeded(result));
  EXPECT_EQ(TimedTicks(results[0]), TimedTicks(results[1]));
  EXPECT_NE(results[0].identity().mcu_uid(), results[1].identity().mcu_uid());
  EXPECT_NE(results[0].nonce(), results[1].nonce());
}

TEST(Attempt, TurnsABoardOnThatIsOff) {
  Bench bench;
  bench.virtual_board(0).Power("off");
  const BuiltImage image = BuildZooImage("digits_ds", kDsp, bench.artifacts());
  EXPECT_TRUE(Succeeded(bench.Run(bench.PatternOffer(image, "A"))));
}

TEST(Attempt, CancelledInAnyPhaseLeavesTheBoardUsable) {
  Bench bench;
  const BuiltImage image = BuildZooImage("digits_cnn", kDsp, bench.artifacts());
  v1::LeaseOffer offer = bench.Offer(image);
  *offer.mutable_vectors()->mutable_npz() = AddZooFile("digits_test.npz", bench.artifacts());
  for (const char* phase : {"flash", "hello", "stream", "marks"}) {
    SCOPED_TRACE(phase);
    const auto start = Clock::now();
    EXPECT_TRUE(bench.RunAndCancel(offer, phase));
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(60));
    EXPECT_TRUE(Succeeded(bench.Run(bench.PatternOffer(image, "A"))));
  }
}

TEST(Attempt, WrongVectorsAreTheServicesFault) {
  Bench bench;
  const BuiltImage image = BuildZooImage("digits_ds", kDsp, bench.artifacts());
  v1::LeaseOffer offer = bench.PatternOffer(image, "A");
  offer.mutable_image()->mutable_segments(1)->mutable_artifact()->set_sha256("gone");
  auto result = bench.Run(offer);
  ASSERT_TRUE(result.has_failure());
  EXPECT_EQ(result.failure().owner(), v1::FAILURE_OWNER_SERVICE);

  offer = bench.PatternOffer(image, "C");
  result = bench.Run(offer);
  ASSERT_TRUE(result.has_failure());
  EXPECT_EQ(result.failure().owner(), v1::FAILURE_OWNER_SERVICE) << Describe(result.failure());
}

}  // namespace
}  // namespace tinyrig::agent
