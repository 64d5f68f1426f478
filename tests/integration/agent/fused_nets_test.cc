#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "agent/drivers/registry.h"
#include "firmware/compiler/compile.h"
#include "firmware/compiler/fusion/graph_chain.h"
#include "firmware/compiler/passes/passes.h"
#include "firmware/compiler/reference_run.h"
#include "firmware/compiler/tflite/reader.h"
#include "proto/vectors/vector_set.h"
#include "tests/integration/agent/bench.h"
#include "tests/unit/fusion/random_trunk.h"

/// Fused phases of random nets in the native port's own program, each net as a job of its own:
/// flashed, painted, run, its marks and canaries read. What tests/unit/fusion/executor_test.cc
/// checks with many plans a net in this process.
namespace tinyrig::agent {
namespace {

namespace fs = std::filesystem;
constexpr uint32_t kNets = 2000;

class NativeBoard {
 public:
  NativeBoard() : folder_(fs::path(scratch_.path()) / "board"), source_(scratch_.path()) {
    boards_.push_back(std::make_unique<Board>());
    Board& board = *boards_[0];
    board.id = "n1";
    board.type = "native";
    ProbeConfig probe;
    probe.driver = "native";
    probe.serial = "N1";
    probe.folder = folder_;
    board.probe = std::move(*MakeProbe(probe, "", ""));
    LinkConfig link;
    link.driver = "uart";
    link.port = folder_ / "tty";
    board.link = std::move(*MakeLinkPort(link, *board.probe, io_));
  }

  v1::AttemptResult Run(std::vector<std::byte> blob, uint32_t input_bytes, uint32_t output_bytes) {
    v1::LeaseOffer offer;
    offer.set_deadline_ms(100000);
    *offer.mutable_image() = BuildImage(std::move(blob), scratch_.path(), "native").image;
    offer.mutable_vectors()->set_patterns("AB");
    v1::Execution& execution = *offer.mutable_execution();
    execution.set_repetitions(1);
    execution.set_layer_hashes(true);
    execution.set_input_bytes(input_bytes);
    execution.add_inputs()->set_elements(input_bytes);
    execution.set_output_bytes(output_bytes);
    execution.set_inference_timeout_ms(3000);
    return RunCoroutine(io_,
                        RunAttempt(std::move(offer), *boards_[0], boards_, source_, progress_));
  }

 private:
  vboard::ScratchDirectory scratch_;
  fs::path folder_;
  asio::io_context io_;
  FolderSource source_;
  RecordingSink progress_;
  Boards boards_;
};

/// What a net is run with; every seed has another combination.
compiler::Variant VariantOf(const compiler::Chain& chain, uint32_t seed) {
  constexpr const char* kKernels[] = {"kernels=dsp", "kernels=reference",
                                      "kernels=dsp,weights=int16"};
  constexpr const char* kSettings[] = {
      "tiny:min_ram", "msf:min_ram", "head_patch", "head_stream", "", "tiny:f_max=1.2"};
  constexpr const char* kPlaces[] = {"", ":input=resident:output=resident", ":input=rows",
                                     ":output=pooled", ":input=slabs"};
  auto variant = *compiler::ParseVariant(kKernels[seed % std::size(kKernels)]);
  variant.fusion = kSettings[seed / 3 % std::size(kSettings)];
  if (variant.fusion.empty()) variant.fusion = RandomBlocks(chain, seed);
  variant.fusion += kPlaces[seed / 18 % std::size(kPlaces)];
  return variant;
}

struct Tally {
  int ran = 0;
  int marked = 0;  ///< Arenas written to their last byte.
};

void RunNet(NativeBoard& board, uint32_t seed, Tally& tally) {
  const auto file = compiler::BuildTflite(compiler::RandomTrunk(seed));
  const auto graph = compiler::ReadTflite(file);
  ASSERT_TRUE(graph.ok());
  const auto trunk = compiler::FindChain(compiler::RunPasses(*graph).graph);
  if (!trunk.ok()) return;
  compiler::Variant variant = VariantOf(trunk->chain, seed);
  SCOPED_TRACE(variant.ToString());
  auto compiled = compiler::Compile(file, variant);
  if (!compiled.ok()) {
    // Slabs, or rings that a net cannot have: the executor's test counts them.
    variant.fusion = "tiny:min_ram";
    compiled = compiler::Compile(file, variant);
  }
  ASSERT_TRUE(compiled.ok()) << compiled.status().message();
  const auto alone = compiler::Compile(file, *compiler::ParseVariant("kernels=reference"));
  ASSERT_TRUE(alone.ok());
  const auto input_bytes = static_cast<uint32_t>(alone->plan.inputs[0].bytes);
  const auto output_bytes = static_cast<uint32_t>(alone->plan.outputs[0].bytes);

  const v1::AttemptResult result = board.Run(compiled->blob, input_bytes, output_bytes);
  ASSERT_TRUE(Succeeded(result));
  const vectors::InputTensor input{input_bytes, false};
  const auto set = *vectors::MakePatternSet("AB", std::span(&input, 1));
  auto reference = compiler::ReferenceRunner::Make(alone->blob);
  ASSERT_TRUE(reference.ok());
  ASSERT_EQ(result.outputs_size(), 2);
  for (int i = 0; i < 2; ++i) {
    const auto expected = reference->Run(std::as_bytes(set.input(static_cast<size_t>(i))));
    const auto* bytes = reinterpret_cast<const char*>(expected->bytes.data());
    ASSERT_EQ(result.outputs(i).data(), std::string(bytes, expected->bytes.size()));
  }
  uint64_t macs = 0;
  for (const v1::LayerSample& layer : result.layers()) {
    if (layer.vector_index() == 0) macs += layer.macs();
  }
  EXPECT_EQ(macs, compiled->plan.fusion->macs);
  EXPECT_LE(result.marks().arena_used_bytes(), compiled->plan.arena_bytes);
  tally.marked += result.marks().arena_used_bytes() == compiled->plan.arena_bytes;
  ++tally.ran;
}

TEST(FusedNets, GiveTheBytesOfTheOperatorsAloneOnTheNativeBoard) {
  NativeBoard board;
  Tally tally;
  for (uint32_t seed = 1; seed <= kNets; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    RunNet(board, seed, tally);
    if (HasFailure()) return;
  }
  std::cout << tally.ran << " nets ran, " << tally.marked << " to the last byte of the arena\n";
  EXPECT_GT(tally.ran, static_cast<int>(kNets) * 9 / 10);
}

}  // namespace
}  // namespace tinyrig::agent
