#include "firmware/compiler/fusion/setting.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "firmware/compiler/fusion/fusion_json.h"
#include "tests/unit/fusion/nets.h"

namespace tinyrig::compiler {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Result<std::vector<FusionPlan>> Plan(const Chain& chain, std::string_view text,
                                     std::string_view preset = "exact") {
  TRY_ASSIGN(const FusionSetting setting, ParseFusionSetting(text));
  return PlanFusion(chain, setting, preset);
}

std::string Refusal(const Chain& chain, std::string_view text, std::string_view preset = "exact") {
  const auto plans = Plan(chain, text, preset);
  return plans.ok() ? "accepted" : std::string(plans.status().message());
}

FusionPlan One(const Chain& chain, std::string_view text, std::string_view preset = "exact") {
  const auto plans = Plan(chain, text, preset);
  EXPECT_TRUE(plans.ok()) << text << ": " << plans.status().message();
  EXPECT_EQ(plans->size(), 1U);
  return plans->front();
}

double Factor(const FusionPlan& plan) {
  return static_cast<double>(plan.macs) / static_cast<double>(plan.macs_unfused);
}

/// What a device needs for the published nets: words aligned, rows that die as a whole.
TEST(ExactPreset, ReachesTheMarks) {
  struct Mark {
    Chain chain;
    int64_t least;        ///< Bytes without the network's input and output...
    double least_factor;  ///< ...at this factor.
    int64_t quick;        ///< The same at 1.1.
    int64_t everything;   ///< With input slabs and sums of the last map.
  };
  const Mark marks[] = {{MobileNetV2(), 5804, 1.45, 8560, 5936},
                        {McuNetVww5(), 7552, 1.45, 8684, 7684},
                        {McuNet320K(), 26'968, 1.86, 40'336, 27'292}};
  for (const Mark& mark : marks) {
    const FusionPlan least = One(mark.chain, "tiny:min_ram");
    EXPECT_EQ(least.arena_bytes, mark.least);
    EXPECT_EQ(least.peak_ram_without_io_bytes, mark.least);
    EXPECT_LE(Factor(least), mark.least_factor);
    EXPECT_EQ(One(mark.chain, "tiny:f_max=1.1").arena_bytes, mark.quick);
    const FusionPlan all = One(mark.chain, "tiny:min_ram:input=slabs");
    EXPECT_EQ(all.arena_bytes, mark.everything);
    EXPECT_EQ(all.peak_ram_bytes, mark.everything);
    EXPECT_LE(Factor(all), mark.least_factor);
  }
}

TEST(Settings, GiveTheFrontAndItsPoints) {
  const Chain chain = McuNetVww5();
  for (const char* family : {"msf:", "tiny:"}) {
    const auto front = Plan(chain, std::string(family) + "front");
    ASSERT_TRUE(front.ok());
    ASSERT_GT(front->size(), 5U);
    EXPECT_EQ(front->front().macs, chain.Macs());
    for (size_t i = 1; i < front->size(); ++i) {
      EXPECT_LT((*front)[i].arena_bytes, (*front)[i - 1].arena_bytes);
      EXPECT_GT((*front)[i].macs, (*front)[i - 1].macs);
    }
    const FusionPlan& middle = (*front)[front->size() / 2];
    const FusionPlan limited = One(chain, family + ("ram=" + std::to_string(middle.arena_bytes)));
    EXPECT_EQ(limited.macs, middle.macs);
    EXPECT_EQ(One(chain, std::string(family) + "min_ram").arena_bytes, front->back().arena_bytes);
    EXPECT_EQ(One(chain, BlocksText(middle)).arena_bytes, middle.arena_bytes);
    EXPECT_EQ(One(chain, BlocksText(middle)).macs, middle.macs);
  }
}

TEST(Settings, SpendNoMacsOnWhatTheTailTakesAnyway) {
  Chain chain = McuNetVww5();
  chain.tail = {.pools = false, .bytes = 20'000, .follows = "CONCATENATION"};
  const FusionPlan least = One(chain, "tiny:min_ram");
  EXPECT_EQ(least.arena_bytes, 20'000);
  EXPECT_EQ(least.macs, One(chain, "tiny:ram=20000B").macs);
  chain.tail = McuNetVww5().tail;
  EXPECT_EQ(least.macs, One(chain, "tiny:ram=20000B").macs);

  chain.tail = {.pools = false, .bytes = 20'000, .follows = "CONCATENATION"};
  const auto front = Plan(chain, "tiny:front");
  ASSERT_TRUE(front.ok());
  for (size_t i = 1; i < front->size(); ++i) {
    EXPECT_GT((*front)[i - 1].arena_bytes, (*front)[i].arena_bytes);
    EXPECT_LT((*front)[i - 1].macs, (*front)[i].macs);
  }
  EXPECT_EQ(front->back().arena_bytes, 20'000);
  EXPECT_THAT(Refusal(chain, "tiny:ram=19999B"),
              HasSubstr("the layers fit 19999 B, but what follows them needs 20000 B at once"));
  const auto settings = SettingsOfFront(chain, "tiny:front");
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->size(), front->size());
  EXPECT_EQ(settings->back(), "tiny:ram=20000B");
}

TEST(Settings, CompareHeads) {
  const Chain chain = MobileNetV2();
  const FusionPlan none = One(chain, "none");
  const FusionPlan patch = One(chain, "head_patch");
  const FusionPlan stream = One(chain, "head_stream");
  EXPECT_EQ(none.macs, chain.Macs());
  EXPECT_EQ(none.phases.size(), chain.layers.size());
  EXPECT_LT(patch.arena_bytes, none.arena_bytes);
  EXPECT_GT(patch.macs, none.macs);
  EXPECT_EQ(patch.phases.front().blocks.front().mode, BlockMode::kPatch);
  EXPECT_LT(stream.arena_bytes, none.arena_bytes);
  EXPECT_EQ(stream.macs, none.macs);
  EXPECT_GT(stream.phases.front().blocks.size(), 2U);
}

TEST(Settings, KnowTheLiteraturesPresets) {
  const Chain chain = MobileNetV2();
  EXPECT_EQ(One(chain, "msf:f_max=1.3", "published").arena_bytes, 21'288);
  EXPECT_EQ(One(chain, "msf:ram=32kB", "published").arena_bytes, 25'674);
  EXPECT_EQ(One(chain, "msf:min_ram", "derived").arena_bytes, 7'821);
  EXPECT_EQ(One(chain, "msf:f_max=1", "published").macs, chain.Macs());
  EXPECT_FALSE(One(chain, "msf:min_ram", "published").has_places);
  EXPECT_THAT(Refusal(chain, "tiny:min_ram", "published"), HasSubstr("prices msf and block lists"));
  EXPECT_THAT(Refusal(chain, "[0-6h2] [7-52]", "published"), HasSubstr("phase [0-6h2]"));
  EXPECT_THAT(Refusal(chain, "msf:min_ram", "best"), HasSubstr("published, derived, exact"));
}

TEST(Settings, SayWhatIsImpossible) {
  const Chain chain = McuNet320K();
  for (const char* limit : {"msf:ram=16kB", "msf:ram=32kB"}) {
    const auto plans = Plan(chain, limit, "published");
    ASSERT_FALSE(plans.ok());
    EXPECT_EQ(plans.status().code(), Code::kResourceExhausted);
    EXPECT_THAT(std::string(plans.status().message()), HasSubstr("the least is 42643 B"));
  }
  EXPECT_THAT(Refusal(chain, "tiny:ram=1kB"), HasSubstr("the least is 26968 B"));
}

TEST(Settings, RefuseNonsense) {
  const Chain chain = MobileNetV2();
  for (const auto& [text, message] :
       {std::pair{"", "'' is no fusion setting"},
        {"foo", "settings are none, head_patch"},
        {"file", "'file' is no fusion setting"},
        {"msf", "'' is no goal"},
        {"msf:fast", "goals are f_max=1.3"},
        {"msf:f_max=0.9", "1 or more"},
        {"msf:f_max=nan", "1 or more"},
        {"tiny:ram=", "ram=32kB"},
        {"tiny:ram=-1", "ram=32kB"},
        {"tiny:ram=12kb", "ram=32kB"},
        {"tiny:ram=1e300", "ram=32kB"},
        {"tiny:min_ram:input=usb", "options are input=outside"},
        {"[0-6] [8-52]", "block 8-52 leaves a gap"},
        {"[0-6] [5-52]", "block 5-52 overlaps"},
        {"[0-6c] [7-52]", "block 0-6c cannot be sliced"},
        {"[0-52p2x2]:input=slabs", "block 0-52p2x2 cannot read the input in slabs"}}) {
    EXPECT_THAT(Refusal(chain, text), HasSubstr(message)) << text;
  }
}

TEST(FusionJson, AddsUp) {
  const Chain chain = McuNetVww5();
  for (const char* text : {"tiny:min_ram:input=slabs", "tiny:f_max=1.1",
                           "msf:min_ram:input=resident", "head_patch", "none:output=resident"}) {
    const FusionPlan plan = One(chain, text);
    for (const PlannedPhase& phase : plan.phases) {
      const RamByPart ram = RamOf(chain, phase);
      EXPECT_GE(ram.maps, 0) << text;
      EXPECT_EQ(ram.maps + ram.rings + ram.caches + ram.skips + ram.io + ram.scratch, phase.ram);
    }
    const nlohmann::ordered_json json = ToJson(chain, plan);
    for (const char* key : {"blocks", "arena_bytes", "peak_ram_bytes", "peak_ram_without_io_bytes",
                            "macs", "macs_unfused", "ram_by_part", "phases"}) {
      EXPECT_TRUE(json.contains(key)) << key;
    }
    EXPECT_THAT(json["blocks"].get<std::string>(), StartsWith("[0"));
  }
}

}  // namespace
}  // namespace tinyrig::compiler
