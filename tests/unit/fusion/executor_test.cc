#include <gmock/gmock.h>

#include <cstring>
#include <iostream>

#include "firmware/compiler/compile.h"
#include "firmware/compiler/fusion/block.h"
#include "firmware/compiler/fusion/fusion_json.h"
#include "firmware/compiler/fusion/graph_chain.h"
#include "firmware/compiler/fusion/notation.h"
#include "firmware/compiler/fusion/setting.h"
#include "firmware/compiler/passes/passes.h"
#include "firmware/compiler/reference_run.h"
#include "firmware/compiler/tflite/reader.h"
#include "firmware/runtime/kernels/kernel.h"
#include "tests/golden/test_data.h"
#include "tests/unit/compiler/random.h"
#include "tests/unit/fusion/random_trunk.h"

/// Fused phases on this host: the bytes of the operators one after the other, in an arena of
/// exactly the planned size, with the planned MACs.
namespace tinyrig::compiler {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

std::vector<std::byte> InputBytes(size_t count, uint32_t seed) {
  Random random(seed);
  std::vector<std::byte> bytes(count);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random.In(0, 255));
  return bytes;
}

struct FusedRun {
  Code prepared = Code::kOk;
  std::vector<std::byte> output;
  uint64_t macs = 0;
  bool guard_intact = false;
};

/// Runs a blob in an arena of its size that is full of `poison`, with a guard behind it.
FusedRun RunPoisoned(std::span<const std::byte> blob, uint32_t arena_bytes,
                     std::span<const std::byte> input, std::byte poison) {
  constexpr size_t kGuard = 64;
  std::vector<uint64_t> flash((blob.size() + 7) / 8);
  std::memcpy(flash.data(), blob.data(), blob.size());
  std::vector<uint64_t> words((arena_bytes + kGuard + 7) / 8);
  const auto memory = std::as_writable_bytes(std::span(words));
  std::ranges::fill(memory, poison);
  const auto& header = *reinterpret_cast<const runtime::BlobHeader*>(flash.data());
  runtime::Model model(header.kernel_set == runtime::KernelSetId::kDsp
                           ? runtime::DspKernels()
                           : runtime::ReferenceKernels());
  FusedRun run;
  run.prepared =
      model.Prepare(std::as_bytes(std::span(flash)).first(blob.size()), memory.first(arena_bytes));
  if (run.prepared != Code::kOk) return run;
  std::vector<std::byte> stream(input.begin(), input.end());
  if (model.streams_input()) model.StreamFrom(stream.data());
  if (!model.streams_input()) std::ranges::copy(input, model.Input(0).data.begin());
  model.Invoke(nullptr, &run.macs);
  const auto output = model.Output(0).data;
  run.output.assign(output.begin(), output.end());
  run.guard_intact =
      std::ranges::all_of(memory.subspan(arena_bytes), [&](std::byte b) { return b == poison; });
  return run;
}

/// What is known of a model beside its file.
struct Subject {
  std::vector<std::byte> file;
  Chain chain;
  bool whole = false;  ///< Nothing but a mean follows the trunk: its kernels need no scratch.
  std::vector<std::byte> input;
  std::vector<std::byte> expected;
};

std::optional<Subject> MakeSubject(std::vector<std::byte> file, uint32_t seed) {
  Subject subject;
  subject.file = std::move(file);
  const auto graph = ReadTflite(subject.file);
  EXPECT_TRUE(graph.ok()) << seed << graph.status().message();
  const auto found = FindChain(RunPasses(*graph).graph);
  if (!found.ok()) return std::nullopt;
  subject.chain = found->chain;
  subject.whole =
      found->tail_ops.empty() || (found->tail_ops.size() == 1 && found->chain.tail.pools);
  const auto plain = Compile(subject.file, *ParseVariant("kernels=reference,fusion=file"));
  EXPECT_TRUE(plain.ok()) << seed << plain.status().message();
  subject.input = InputBytes(plain->plan.inputs[0].bytes, seed);
  subject.expected = RunReference(plain->blob, subject.input)->bytes;
  return subject;
}

struct Kernels {
  std::string set;
  std::string weights;
};

struct Tally {
  int ran = 0;
  int refused = 0;
};

/// Compiles for a setting and compares everything; what a net does not allow is counted.
void Check(const Subject& subject, const Kernels& kernels, const std::string& fusion,
           Tally& tally) {
  SCOPED_TRACE(kernels.set + " " + kernels.weights + " " + fusion);
  const auto setting = ParseFusionSetting(fusion);
  ASSERT_TRUE(setting.ok());
  const auto plans = PlanFusion(subject.chain, *setting, "exact");
  const auto variant =
      MakeVariant({{"kernels", kernels.set}, {"weights", kernels.weights}, {"fusion", fusion}});
  ASSERT_TRUE(variant.ok()) << variant.status().message();
  const auto compiled = Compile(subject.file, *variant);
  if (!compiled.ok()) {
    ASSERT_FALSE(plans.ok()) << compiled.status().message();
    ASSERT_THAT(std::string(plans.status().message()),
                AnyOf(HasSubstr("never reads the last rows of its input"),
                      HasSubstr("cannot read the input in slabs"),
                      HasSubstr("patches read whole rows of the input"),
                      HasSubstr("needs the network's input again")));
    ++tally.refused;
    return;
  }
  ASSERT_TRUE(plans.ok());
  const FusionPlan& plan = plans->front();
  SCOPED_TRACE(BlocksText(plan));
  const auto arena = static_cast<int64_t>(compiled->plan.arena_bytes);
  const int64_t tail = AlignUp(subject.chain.MapBytes(subject.chain.size()), 8) +
                       AlignUp(subject.chain.tail.bytes, 8);
  EXPECT_GE(arena, plan.peak_ram_bytes);
  if (subject.whole) {
    EXPECT_LE(arena, std::max(AlignUp(plan.peak_ram_bytes, 4) + 4, tail));
  }
  for (const std::byte poison : {std::byte{0xA5}, std::byte{0x5A}}) {
    const FusedRun run =
        RunPoisoned(compiled->blob, static_cast<uint32_t>(arena), subject.input, poison);
    ASSERT_EQ(run.prepared, Code::kOk);
    ASSERT_EQ(run.output, subject.expected);
    ASSERT_TRUE(run.guard_intact);
    ASSERT_EQ(run.macs, static_cast<uint64_t>(plan.macs));
  }
  ++tally.ran;
}

TEST(FusedExecutor, GivesTheBytesOfTheOperatorsAlone) {
  Tally tally;
  const Kernels sets[] = {{"dsp", "int8"}, {"reference", "int8"}, {"dsp", "int16"}};
  const char* const places[] = {"",
                                ":input=resident:output=resident",
                                ":output=pooled",
                                ":input=resident",
                                ":input=rows",
                                ":input=slabs"};
  for (uint32_t seed = 1; seed <= 2000; ++seed) {
    const auto subject = MakeSubject(BuildTflite(RandomTrunk(seed)), seed);
    if (!subject) continue;
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const Kernels& kernels = sets[seed % std::size(sets)];
    const std::string place = places[seed / 3 % std::size(places)];
    for (const char* goal :
         {"msf:min_ram", "tiny:min_ram", "tiny:f_max=1.2", "head_stream", "head_patch"}) {
      Check(*subject, kernels, goal + place, tally);
    }
    for (uint32_t i = 0; i < 4; ++i) {
      Check(*subject, kernels, RandomBlocks(subject->chain, seed * 7 + i) + place, tally);
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(tally.ran, 16000);
  std::cout << tally.ran << " plans ran, " << tally.refused << " are impossible\n";
}

TEST(FusedExecutor, RunsThePublishedNetsOfMcuNet) {
  TINYRIG_READ_TEST_DATA(large, "models/mcunet-320kb-1mb_imagenet.tflite");
  TINYRIG_READ_TEST_DATA(small, "models/tinyengine_vww.tflite");
  Tally tally;
  for (const auto& bytes : {large, small}) {
    const auto subject = MakeSubject({bytes.begin(), bytes.end()}, 1);
    ASSERT_TRUE(subject.has_value());
    for (const char* fusion :
         {"msf:min_ram:input=resident:output=resident", "msf:f_max=1.3", "tiny:min_ram",
          "tiny:f_max=1.1", "tiny:min_ram:input=resident", "tiny:min_ram:input=rows",
          "tiny:min_ram:input=slabs", "head_patch", "head_patch:input=rows", "head_stream"}) {
      Check(*subject, {"dsp", "int8"}, fusion, tally);
    }
  }
  EXPECT_EQ(tally.ran, 20);
}

}  // namespace
}  // namespace tinyrig::compiler
