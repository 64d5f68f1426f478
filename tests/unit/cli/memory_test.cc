#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <regex>

#include "firmware/compiler/fusion/setting.h"
#include "server/cli/report/memory_of.h"
#include "server/cli/report/plot_labels.h"
#include "server/cli/text/table.h"
#include "tests/unit/fusion/nets.h"

namespace tinyrig::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

/// A chain under the names that a file could give it.
struct NamedChain {
  compiler::Graph graph;
  compiler::GraphChain trunk;

  explicit NamedChain(compiler::Chain chain, const std::string& name = "map") {
    const auto layers = static_cast<size_t>(chain.size());
    trunk.chain = std::move(chain);
    graph.ops.resize(layers);
    graph.tensors.resize(layers + 1);
    for (size_t i = 0; i < layers; ++i) graph.ops[i].name = "OP";
    for (size_t i = 0; i <= layers; ++i) graph.tensors[i].name = fmt::format("{} {}", name, i);
    trunk.layer_ops.resize(layers);
    trunk.maps.resize(layers + 1);
    std::iota(trunk.layer_ops.begin(), trunk.layer_ops.end(), size_t{0});
    std::iota(trunk.maps.begin(), trunk.maps.end(), 0u);
  }

  compiler::FusionPlan Plan(const std::string& text, const std::string& cost = "exact") const {
    const auto setting = compiler::ParseFusionSetting(text);
    EXPECT_TRUE(setting.ok()) << setting.status().message();
    const auto plans = compiler::PlanFusion(trunk.chain, *setting, cost);
    EXPECT_TRUE(plans.ok()) << plans.status().message();
    return plans->front();
  }
  MemoryPicture Draw(const std::string& text, std::optional<int64_t> unfused = std::nullopt,
                     const std::string& cost = "exact") const {
    const auto setting = compiler::ParseFusionSetting(text);
    FusionPicture about;
    about.model = "net.tflite";
    about.setting = text;
    about.cost = cost;
    about.unfused = unfused;
    about.input = setting->input;
    about.output = setting->output;
    return MemoryOf(graph, trunk, Plan(text, about.cost), about);
  }
};

size_t Occurrences(const std::string& text, const std::string& wanted) {
  size_t count = 0;
  for (size_t at = text.find(wanted); at != std::string::npos; at = text.find(wanted, at + 1)) {
    ++count;
  }
  return count;
}

std::string PlaceText(int64_t bytes, int64_t offset) {
  return fmt::format("\n{} B at {} to {}</title>", FormatCount(static_cast<uint64_t>(bytes)),
                     FormatCount(static_cast<uint64_t>(offset)),
                     FormatCount(static_cast<uint64_t>(offset + bytes)));
}

void ExpectEveryPartOnce(const compiler::FusionPlan& plan, const std::string& svg) {
  std::map<std::string, size_t> places;
  size_t parts = 0;
  for (const compiler::PlannedPhase& phase : plan.phases) {
    for (const compiler::ArenaPart& part : phase.parts) {
      ++places[PlaceText(part.bytes, part.offset)];
      ++parts;
    }
  }
  EXPECT_GT(parts, 10u);
  EXPECT_EQ(Occurrences(svg, "<g class=\"part\">"), parts);
  for (const auto& [place, count] : places) EXPECT_EQ(Occurrences(svg, place), count) << place;
}

TEST(MemorySvg, HasEveryPartOfAPlanOnce) {
  const NamedChain net(compiler::McuNet320K());
  for (const char* setting :
       {"none", "head_patch", "head_stream", "msf:min_ram", "tiny:f_max=1.1", "tiny:min_ram"}) {
    SCOPED_TRACE(setting);
    const std::string svg = MemorySvg(net.Draw(setting));
    ExpectEveryPartOnce(net.Plan(setting), svg);
    EXPECT_EQ(svg, MemorySvg(net.Draw(setting)));
  }
  const compiler::FusionPlan least = net.Plan("tiny:min_ram");
  const std::string svg = MemorySvg(net.Draw("tiny:min_ram", 200'016));
  EXPECT_THAT(svg, HasSubstr(fmt::format(">peak {} B<",
                                         FormatCount(static_cast<uint64_t>(least.arena_bytes)))));
  EXPECT_THAT(svg, HasSubstr("Layer by layer, counted the same way: 200,016 B, 7.42 times"));
  EXPECT_THAT(svg, HasSubstr("tiny:min_ram"));
  EXPECT_THAT(svg, HasSubstr("map 12"));
}

TEST(MemorySvg, MarksTheUnfusedPeakInRange) {
  const NamedChain net(compiler::McuNetVww5());
  const auto bytes = net.Plan("tiny:min_ram").arena_bytes;
  EXPECT_TRUE(net.Draw("tiny:min_ram", bytes + bytes / 3).reference);
  EXPECT_FALSE(net.Draw("tiny:min_ram", bytes * 2).reference);
  EXPECT_FALSE(net.Draw("tiny:min_ram", bytes).reference);
}

TEST(MemorySvg, ShowsWhatOverlapsAndWhatTheTailTakes) {
  const NamedChain net(compiler::McuNetVww5());
  const MemoryPicture picture = net.Draw("tiny:min_ram:input=slabs:output=resident");
  EXPECT_FALSE(picture.overlaps.empty());
  EXPECT_EQ(Occurrences(MemorySvg(picture), "<g class=\"overlap\">"), picture.overlaps.size());
  for (const MemoryOverlap& overlap : picture.overlaps) EXPECT_LT(overlap.from, overlap.to);
  EXPECT_EQ(picture.groups.back().name, "tail");
  EXPECT_EQ(picture.parts.back().bytes, net.trunk.chain.tail.bytes);
  // What the literature counts has no places: a bar a phase.
  const MemoryPicture published = net.Draw("msf:min_ram", std::nullopt, "published");
  EXPECT_EQ(published.parts.size(), published.groups.size());
}

TEST(MemorySvg, EscapesNames) {
  NamedChain net(compiler::McuNetVww5(), "</title><script>alert(\"1\")</script>&\x01\xff'");
  net.graph.ops[3].name = "<img src=x>";
  const MemoryPicture picture = net.Draw("tiny:min_ram");
  for (const std::string& text : {MemorySvg(picture), MemoryPage(picture)}) {
    EXPECT_THAT(text, Not(HasSubstr("<script")));
    EXPECT_THAT(text, Not(HasSubstr("<img")));
    EXPECT_THAT(text, Not(HasSubstr("\x01")));
    EXPECT_THAT(text, Not(HasSubstr("\xff")));
    EXPECT_THAT(text, HasSubstr("&lt;img src=x&gt;"));
    EXPECT_THAT(text, HasSubstr("&lt;/title&gt;&lt;script&gt;"));
  }
}

/// Boxes of the labels that lie on parts, from the SVG itself.
std::vector<Box> LabelBoxes(const std::string& svg) {
  const std::regex label(
      "<text (?:x=\"([0-9.-]+)\" y=\"([0-9.-]+)\"|transform=\"translate\\(([0-9.-]+) "
      "([0-9.-]+)\\) rotate\\(-90\\)\") class=\"label\" text-anchor=\"middle\">([^<]*)</text>");
  std::vector<Box> boxes;
  for (auto it = std::sregex_iterator(svg.begin(), svg.end(), label); it != std::sregex_iterator();
       ++it) {
    const double half = TextWidth((*it)[5].str(), 11) / 2;
    if ((*it)[1].matched) {
      const double x = std::stod((*it)[1]);
      const double y = std::stod((*it)[2]);
      boxes.push_back({x - half, y - 9, x + half, y + 2});
    } else {
      const double x = std::stod((*it)[3]);
      const double y = std::stod((*it)[4]);
      boxes.push_back({x - 9, y - half, x + 2, y + half});
    }
  }
  return boxes;
}

TEST(MemorySvg, LabelsDoNotOverlap) {
  const NamedChain net(compiler::McuNet320K());
  for (const char* setting : {"none", "tiny:f_max=1.1", "tiny:min_ram"}) {
    const std::vector<Box> boxes = LabelBoxes(MemorySvg(net.Draw(setting)));
    EXPECT_GT(boxes.size(), 20u) << setting;
    for (size_t i = 0; i < boxes.size(); ++i) {
      for (size_t j = 0; j < i; ++j) EXPECT_FALSE(Overlap(boxes[i], boxes[j])) << setting;
    }
  }
}

TEST(MemorySvg, ShowsBuffersOfTheMemoryPlanner) {
  compiler::Plan plan;
  plan.ops.resize(2);
  plan.ops[1].name = "SOFTMAX";
  plan.inputs.resize(1);
  plan.inputs[0].tflite_tensor = 7;
  plan.buffers = {{"in<>", {7}, 0, 400, 0, 0}, {"scratch", {}, 400, 48, 1, 1}};
  plan.arena_bytes = 448;
  const MemoryPicture picture = MemoryOf("m", plan);
  EXPECT_EQ(picture.peak_group, 1u);
  EXPECT_EQ(picture.parts[0].kind, MemoryKind::kInput);
  const std::string svg = MemorySvg(picture);
  EXPECT_THAT(svg, HasSubstr("in&lt;&gt; (tensors 7)" + PlaceText(400, 0)));
  EXPECT_THAT(svg, HasSubstr("scratch" + PlaceText(48, 400)));
  EXPECT_THAT(svg, HasSubstr("first at step 1 (SOFTMAX)"));
  // A model without operators has nothing to draw, and no crash.
  EXPECT_THAT(MemoryPage(MemoryOf("m", compiler::Plan())), HasSubstr("no operators"));
}

}  // namespace
}  // namespace tinyrig::cli
