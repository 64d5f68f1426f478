#include "firmware/zoo/nets/published_nets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <set>

#include "firmware/compiler/compile.h"
#include "firmware/compiler/fusion/graph_chain.h"
#include "firmware/compiler/fusion/setting.h"
#include "firmware/compiler/passes/passes.h"
#include "firmware/compiler/reference_run.h"
#include "firmware/compiler/tflite/reader.h"
#include "firmware/zoo/nets/net_maker.h"
#include "proto/vectors/patterns.h"
#include "proto/vectors/vector_set.h"
#include "server/model/sha256.h"
#include "tests/golden/test_data.h"

/// The nets that the build makes: their files, their layers, and what flows through them.
namespace tinyrig::zoo {

void PrintTo(const PublishedNet& net, std::ostream* out) { *out << net.name; }

namespace {

using compiler::Chain;
using compiler::ChainLayer;

std::string FileOf(const PublishedNet& net, const std::string& extension) {
  const char* build = std::getenv("TINYRIG_BUILD_DIR");
  return std::string(build == nullptr ? "." : build) + "/share/tinyrig/zoo/" +
         std::string(net.name) + extension;
}

std::span<const uint8_t> Unsigned(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

class ZooNet : public testing::TestWithParam<PublishedNet> {
 protected:
  const PublishedNet& net() const { return GetParam(); }
  std::vector<std::byte> model() const { return ReadBytes(FileOf(net(), ".tflite")); }
  Result<vectors::VectorSet> vector_set() const {
    return vectors::ReadVectorSet(Unsigned(ReadBytes(FileOf(net(), ".npz"))), "zoo");
  }
  /// The file's own layers.
  Result<compiler::GraphChain> trunk() const {
    const std::vector<std::byte> file = model();  // The graph borrows from it.
    TRY_ASSIGN(const compiler::Graph graph, compiler::ReadTflite(file));
    return compiler::FindChain(compiler::RunPasses(graph).graph);
  }
};
INSTANTIATE_TEST_SUITE_P(, ZooNet,
                         testing::ValuesIn(PublishedNets().begin(), PublishedNets().end()),
                         [](const auto& info) {
                           std::string name(info.param.name);
                           std::ranges::replace_if(
                               name, [](char c) { return !isalnum(c); }, '_');
                           return name;
                         });

TEST_P(ZooNet, IsMadeAgainByteForByte) {
  const auto made = MakeNet(net());
  ASSERT_TRUE(made.ok()) << made.status().message();
  ASSERT_FALSE(model().empty());
  EXPECT_TRUE(*made == model());
  const auto npz = MakeVectors(net(), *made);
  ASSERT_TRUE(npz.ok()) << npz.status().message();
  const std::vector<std::byte> stored = ReadBytes(FileOf(net(), ".npz"));
  EXPECT_TRUE(std::ranges::equal(*npz, Unsigned(stored)));
  std::ifstream readme(TINYRIG_SOURCE_DIR "/firmware/zoo/README.md");
  const std::string text{std::istreambuf_iterator<char>(readme), {}};
  EXPECT_NE(text.find(server::Sha256Hex(*made)), std::string::npos)
      << "firmware/zoo/README.md does not have " << server::Sha256Hex(*made);
}

TEST_P(ZooNet, HasTheLayersOfTheLiterature) {
  const auto found = trunk();
  ASSERT_TRUE(found.ok()) << found.status().message();
  const Chain& chain = found->chain;
  const Chain expected = net().chain();
  ASSERT_EQ(chain.size(), expected.size());
  for (int32_t i = 0; i < chain.size(); ++i) {
    const auto fields = [](const ChainLayer& l) {
      return std::tuple(l.kind, l.kernel_h, l.kernel_w, l.stride_h, l.stride_w, l.pad_top,
                        l.pad_left, l.in_h, l.in_w, l.in_c, l.out_h, l.out_w, l.out_c);
    };
    EXPECT_EQ(fields(chain.layer(i)), fields(expected.layer(i))) << "layer " << i;
  }
  EXPECT_EQ(chain.skips, expected.skips);
  EXPECT_EQ(chain.tail.pools, expected.tail.pools);
  EXPECT_EQ(chain.tail.bytes, expected.tail.bytes);
  EXPECT_EQ(found->tail_ops.size(), 2u);  // MEAN, FULLY_CONNECTED.
}

struct PublishedFigures {
  size_t skips;
  int64_t macs;
  int64_t unfused_ram;
  /// Setting, peak RAM and MACs as the literature's planner prints them.
  std::vector<std::tuple<std::string, int64_t, int64_t>> rows;
};
// MACs of a row: the factor that is printed times those of the unfused layers, to three digits.
const std::map<std::string_view, PublishedFigures> kFigures = {{"mbv2-w0.35-r144",
                                                                {10,
                                                                 18'909'490,
                                                                 194'400,
                                                                 {{"min_ram", 7'887, 1679},
                                                                  {"f_max=1.3", 21'288, 1298},
                                                                  {"ram=16kB", 15'340, 1382},
                                                                  {"ram=64kB", 63'741, 1230}}}},
                                                               {"mn2-vww5",
                                                                {8,
                                                                 11'578'496,
                                                                 96'000,
                                                                 {{"min_ram", 12'000, 1957},
                                                                  {"f_max=1.3", 17'760, 1296},
                                                                  {"ram=16kB", 13'376, 1345},
                                                                  {"ram=64kB", 38'576, 1023}}}},
                                                               {"mn2-320k",
                                                                {11,
                                                                 81'625'520,
                                                                 309'760,
                                                                 {{"min_ram", 42'643, 2695},
                                                                  {"f_max=1.3", 186'032, 1251},
                                                                  {"ram=128kB", 94'184, 1455},
                                                                  {"ram=64kB", 62'880, 2019}}}}};

/// One layer at a time, the network's input and output not counted.
int64_t UnfusedRam(const Chain& chain) {
  int64_t most = 0;
  for (int32_t i = 0; i < chain.size(); ++i) {
    most = std::max(
        most, (i > 0 ? chain.MapBytes(i) : 0) + (i + 1 < chain.size() ? chain.MapBytes(i + 1) : 0));
  }
  return most;
}

TEST_P(ZooNet, GivesThePublishedFigures) {
  const auto found = trunk();
  ASSERT_TRUE(found.ok()) << found.status().message();
  const PublishedFigures& figures = kFigures.at(net().name);
  EXPECT_EQ(found->chain.skips.size(), figures.skips);
  EXPECT_EQ(found->chain.Macs(), figures.macs);
  const auto plan = [&](const std::string& text) {
    const auto setting = compiler::ParseFusionSetting(text);
    EXPECT_TRUE(setting.ok()) << setting.status().message();
    const auto plans = compiler::PlanFusion(found->chain, *setting, "published");
    EXPECT_TRUE(plans.ok()) << plans.status().message();
    return plans->front();
  };
  EXPECT_EQ(UnfusedRam(found->chain), figures.unfused_ram);
  for (const auto& [goal, ram, factor] : figures.rows) {
    SCOPED_TRACE(goal);
    const compiler::FusionPlan fused = plan("msf:" + goal);
    EXPECT_EQ(fused.arena_bytes, ram);
    EXPECT_EQ(
        std::lround(1000.0 * static_cast<double>(fused.macs) / static_cast<double>(figures.macs)),
        factor);
  }
}

/// Counts what each operator's outputs are, over all vectors of a run.
class Shares : public runtime::OpObserver {
 public:
  struct Counts {
    double low = 0;
    double high = 0;
    double all = 0;
    std::set<int8_t> values;
    double Low() const { return low / all; }
    double High() const { return high / all; }
  };

  void OnOp(const runtime::OpResult& result) override {
    Counts& counts = counts_[result.tflite_tensor];
    for (const std::byte byte : result.data) {
      const auto value = static_cast<int8_t>(byte);
      counts.low += value == -128;
      counts.high += value == 127;
      counts.all += 1;
      counts.values.insert(value);
    }
  }
  const std::map<uint16_t, Counts>& counts() const { return counts_; }

 private:
  std::map<uint16_t, Counts> counts_;
};

/// As firmware/zoo/README.md states them.
void ExpectAlive(const compiler::Tensor& tensor, const Shares::Counts& counts) {
  SCOPED_TRACE(tensor.name);
  // Behind RELU6; a mean of such values is hardly ever zero.
  const bool clamped = tensor.quantization.zero_point[0] == -128 && tensor.name != "mean";
  if (clamped) {
    EXPECT_GT(counts.Low(), 0.05);
    EXPECT_LT(counts.Low(), 0.35);
  } else {
    EXPECT_LT(counts.Low(), 0.005);
  }
  EXPECT_LT(counts.High(), 0.005);
  if (counts.all >= 4000) {
    EXPECT_GE(counts.values.size(), 128u);
  }
}

TEST_P(ZooNet, NeitherSaturatesNorDies) {
  const auto set = vector_set();
  ASSERT_TRUE(set.ok()) << set.status().message();
  ASSERT_EQ(set->count, kVectors);
  const auto variant = compiler::ParseVariant("kernels=reference");
  const std::vector<std::byte> file = model();
  const auto graph = compiler::ReadTflite(file);
  ASSERT_TRUE(graph.ok());
  const auto compiled = compiler::Compile(file, *variant);
  ASSERT_TRUE(compiled.ok()) << compiled.status().message();
  auto runner = compiler::ReferenceRunner::Make(compiled->blob);
  ASSERT_TRUE(runner.ok()) << runner.status().message();
  std::vector<std::vector<std::byte>> inputs;
  for (size_t i = 0; i < set->count; ++i) {
    const auto bytes = std::as_bytes(set->input(i));
    inputs.emplace_back(bytes.begin(), bytes.end());
  }
  Shares of_images;
  std::set<std::vector<std::byte>> answers;
  for (const std::vector<std::byte>& input : inputs) {
    const auto output = runner->Run(input, &of_images);
    ASSERT_TRUE(output.ok());
    answers.insert(output->bytes);
  }
  EXPECT_EQ(answers.size(), inputs.size());
  for (const auto& [tensor, counts] : of_images.counts()) {
    ExpectAlive(graph->tensors[tensor], counts);
  }
  // What jobs without vectors run.
  const vectors::InputTensor shape = {inputs.front().size(), false};
  Shares of_patterns;
  for (const char letter : {'A', 'B'}) {
    const auto pattern = vectors::MakePattern(letter, std::span(&shape, 1));
    ASSERT_TRUE(runner->Run(std::as_bytes(std::span(*pattern)), &of_patterns).ok());
  }
  for (const auto& [tensor, counts] : of_patterns.counts()) {
    ExpectAlive(graph->tensors[tensor], counts);
  }
}

TEST_P(ZooNet, AnswersItsVectorsWithEveryKernelSet) {
  const auto set = vector_set();
  ASSERT_TRUE(set.ok()) << set.status().message();
  const auto expected = set->outputs.find(std::string(net().name));
  ASSERT_NE(expected, set->outputs.end());
  const auto classes = static_cast<size_t>(net().classes);
  ASSERT_EQ(expected->second.data.size(), set->count * classes);
  for (const char* text : {"kernels=dsp,weights=int8", "kernels=dsp,weights=int16"}) {
    SCOPED_TRACE(text);
    const auto variant = compiler::ParseVariant(text);
    const auto compiled = compiler::Compile(model(), *variant);
    ASSERT_TRUE(compiled.ok()) << compiled.status().message();
    auto runner = compiler::ReferenceRunner::Make(compiled->blob);
    ASSERT_TRUE(runner.ok()) << runner.status().message();
    const auto output = runner->Run(std::as_bytes(set->input(1)));
    ASSERT_TRUE(output.ok());
    const auto bytes = std::as_bytes(std::span(expected->second.data)).subspan(classes, classes);
    EXPECT_TRUE(std::ranges::equal(output->bytes, bytes));
  }
}

}  // namespace
}  // namespace tinyrig::zoo
