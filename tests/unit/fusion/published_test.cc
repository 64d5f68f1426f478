#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "firmware/compiler/fusion/cost.h"
#include "firmware/compiler/fusion/edge_search.h"
#include "tests/golden/test_data.h"
#include "tests/unit/fusion/nets.h"

/// The published planner's settings, and what its rules give with other terms, against figures that
/// an independent program derived from them.
namespace tinyrig::compiler {
namespace {

using nlohmann::json;

struct Net {
  const char* name;
  Chain (*chain)();
};
constexpr Net kNets[] = {{"MBV2-w0.35-r144", MobileNetV2},
                         {"MCUNetv2-vww-5fps-r80", McuNetVww5},
                         {"MCUNet-320KB-ImageNet-r176", McuNet320K}};

json Parse(const std::vector<std::byte>& bytes) {
  const auto* first = reinterpret_cast<const char*>(bytes.data());
  return json::parse(first, first + bytes.size());
}

EdgeGraph PricedGraph(const Chain& chain, const CostRules& rules) {
  EdgeGraph graph{.last_map = chain.size(), .edges = {}};
  for (int32_t first = 0; first < chain.size(); ++first) {
    for (int32_t last = first; last < chain.size(); ++last) {
      if (const auto price = PricePublishedBlock(chain, first, last, rules)) {
        graph.edges.push_back({first, last + 1, price->ram, price->macs});
      }
    }
  }
  return graph;
}

BlockList Blocks(const EdgeGraph& graph, const EdgePath& path) {
  BlockList blocks;
  for (const size_t edge : path.edges) {
    blocks.emplace_back(graph.edges[edge].from, graph.edges[edge].to - 1);
  }
  return blocks;
}

/// "F 1.3" and "16 K" as the golden files name settings; "128 K [F 1.5]" too.
std::optional<EdgePath> Solve(const EdgeGraph& graph, const Chain& chain, const std::string& config,
                              bool least_ram) {
  if (!least_ram) return FewestMacs(graph, std::stoll(config) * 1000);
  if (config == "F Inf") return LeastRam(graph, kNoLimit);
  const double factor = std::stod(config.substr(2));
  return LeastRam(graph, std::llround(std::floor(factor * static_cast<double>(chain.Macs()))));
}

TEST(PublishedNets, AreTheOnesOfTheLiterature) {
  TINYRIG_READ_TEST_DATA(bytes, "msf/golden_derived.json");
  const json golden = Parse(bytes);
  for (const Net& net : kNets) {
    SCOPED_TRACE(net.name);
    const Chain chain = net.chain();
    ASSERT_TRUE(CheckChain(chain).ok()) << CheckChain(chain).message();
    const json& layers = golden[net.name]["layers"];
    ASSERT_EQ(layers.size(), chain.layers.size());
    for (size_t i = 0; i < layers.size(); ++i) {
      const ChainLayer& layer = chain.layers[i];
      EXPECT_EQ(layers[i]["k"], layer.kernel_h) << i;
      EXPECT_EQ(layers[i]["h_in"], layer.in_h) << i;
      EXPECT_EQ(layers[i]["c_out"], layer.out_c) << i;
      EXPECT_EQ(layers[i]["mac"], layer.Macs()) << i;
    }
    EXPECT_EQ(golden[net.name]["vanilla_mac"], chain.Macs());
  }
}

TEST(PublishedPreset, GivesEveryPublishedRow) {
  TINYRIG_READ_TEST_DATA(bytes, "msf/golden_derived.json");
  const json golden = Parse(bytes);
  int rows = 0;
  for (const Net& net : kNets) {
    const Chain chain = net.chain();
    const EdgeGraph graph = PricedGraph(chain, *CostPreset("published"));
    for (const json& row : golden[net.name]["settings"]) {
      const std::string config = row["config"];
      SCOPED_TRACE(std::string(net.name) + " " + config);
      const auto path = Solve(graph, chain, config, row["optimizer"] == "Min PeakMEM");
      ASSERT_TRUE(path.has_value());
      EXPECT_EQ(row["ram_published"], path->ram);
      EXPECT_EQ(row["mac_published"], path->macs);
      EXPECT_EQ(row["blocks"].get<BlockList>(), Blocks(graph, *path));
      ++rows;
    }
  }
  EXPECT_EQ(rows, 28);
}

TEST(PublishedPreset, SaysWhatIsImpossibleAndTakesAFactorOfOne) {
  const Chain large = McuNet320K();
  const EdgeGraph graph = PricedGraph(large, *CostPreset("published"));
  EXPECT_EQ(FewestMacs(graph, 16'000), std::nullopt);
  EXPECT_EQ(FewestMacs(graph, 32'000), std::nullopt);
  EXPECT_EQ(LeastRam(graph, large.Macs() - 1), std::nullopt);
  EXPECT_EQ(LeastRam(graph, large.Macs())->macs, large.Macs());
}

TEST(DerivedPreset, GivesEveryOptimum) {
  TINYRIG_READ_TEST_DATA(bytes, "msf/golden_exact_mode_derived.json");
  const json golden = Parse(bytes);
  for (const Net& net : kNets) {
    const Chain chain = net.chain();
    const EdgeGraph graph = PricedGraph(chain, *CostPreset("derived"));
    EXPECT_EQ(golden[net.name]["edges"], graph.edges.size());
    for (const auto& [config, row] : golden[net.name]["results"].items()) {
      SCOPED_TRACE(std::string(net.name) + " " + config);
      const bool least_ram = config.starts_with("P1");
      const std::string limit = config.substr(config.find('_') + 1);
      const auto path = Solve(
          graph, chain, least_ram ? (limit == "Finf" ? "F Inf" : "F " + limit.substr(1)) : limit,
          least_ram);
      ASSERT_EQ(row.is_null(), !path.has_value());
      if (!path) continue;
      EXPECT_EQ(row["ram"], path->ram);
      EXPECT_EQ(row["mac"], path->macs);
      EXPECT_EQ(row["blocks"].get<BlockList>(), Blocks(graph, *path));
    }
  }
}

/// The published settings with residual maps counted, and with the input too.
TEST(DerivedPreset, CountsResidualMapsAndTheInput) {
  TINYRIG_READ_TEST_DATA(settings, "msf/golden_derived.json");
  TINYRIG_READ_TEST_DATA(bytes, "msf/residual_aware_derived.json");
  const json published = Parse(settings);
  const json golden = Parse(bytes);
  CostRules rules = *CostPreset("derived");
  rules.skips = true;
  CostRules with_input = rules;
  with_input.input = InputPlace::kResident;
  for (const Net& net : kNets) {
    const Chain chain = net.chain();
    std::vector<int32_t> starts;
    for (const Skip& skip : chain.skips) starts.push_back(skip.from);
    EXPECT_EQ(golden[net.name]["residual_starts"].get<std::vector<int32_t>>(), starts);
    const json& rows = golden[net.name]["rows"];
    for (size_t i = 0; i < rows.size(); ++i) {
      SCOPED_TRACE(std::string(net.name) + " " + rows[i]["config"].get<std::string>());
      int64_t ram = 0;
      int64_t ram_with_input = 0;
      for (const auto& [first, last] :
           published[net.name]["settings"][i]["blocks"].get<BlockList>()) {
        ram = std::max(ram, PricePublishedBlock(chain, first, last, rules)->ram);
        ram_with_input =
            std::max(ram_with_input, PricePublishedBlock(chain, first, last, with_input)->ram);
      }
      EXPECT_EQ(rows[i]["ram_with_skips"], ram);
      EXPECT_EQ(rows[i]["ram_with_skips_and_full_input"], ram_with_input);
    }
  }
}

TEST(ScratchColumns, AreThoseOfTheWidestLayer) {
  TINYRIG_READ_TEST_DATA(bytes, "msf/golden_derived.json");
  const json golden = Parse(bytes);
  CostRules rules = *CostPreset("derived");
  CostRules with_scratch = rules;
  with_scratch.scratch_columns = true;
  for (const Net& net : kNets) {
    const Chain chain = net.chain();
    for (const json& row : golden[net.name]["settings"]) {
      int64_t most = 0;
      for (const auto& [first, last] : row["blocks"].get<BlockList>()) {
        most = std::max(most, PricePublishedBlock(chain, first, last, with_scratch)->ram -
                                  PricePublishedBlock(chain, first, last, rules)->ram);
      }
      EXPECT_EQ(row["max_scratch"], most) << net.name << row["config"];
    }
  }
}

/// The baseline that fuses nothing but the head.
TEST(PublishedPreset, GivesTheHeadOnlyBaseline) {
  TINYRIG_READ_TEST_DATA(bytes, "msf/golden_derived.json");
  const json golden = Parse(bytes);
  for (const Net& net : kNets) {
    const Chain chain = net.chain();
    EdgeGraph graph = PricedGraph(chain, *CostPreset("published"));
    std::erase_if(graph.edges,
                  [](const Edge& edge) { return edge.from > 0 && edge.to > edge.from + 1; });
    const auto path = LeastRam(graph, kNoLimit);
    EXPECT_EQ(golden[net.name]["head_only"]["ram"], path->ram);
    EXPECT_EQ(golden[net.name]["head_only"]["first_block"], json(Blocks(graph, *path).front()));
  }
}

}  // namespace
}  // namespace tinyrig::compiler
