#include "server/cli/report/literature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>

#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

std::string ShippedLiterature() {
  std::ifstream file(TINYRIG_SOURCE_DIR "/firmware/zoo/literature.json");
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A file with one point, after a change to it.
std::string LiteratureWith(const std::function<void(Json&)>& change) {
  Json root = {{"models", {{"net", {"other"}}}},
               {"counts", {{"maps", "maps alone"}}},
               {"origins", {{"paper", "A Paper, table 2"}}},
               {"points",
                {{{"model", "net"},
                  {"method", "theirs"},
                  {"setting", "least"},
                  {"metric", "peak RAM"},
                  {"value", 8560},
                  {"unit", "B"},
                  {"counts", "maps"},
                  {"origin", "paper"}}}}};
  change(root);
  return root.dump();
}

std::string Refusal(const std::function<void(Json&)>& change) {
  const auto parsed = ParseLiterature(LiteratureWith(change), "own.json");
  EXPECT_EQ(parsed.status().code(), Code::kInvalidArgument);
  return std::string(parsed.status().message());
}

TEST(Literature, ThatIsShippedHasTheLeastPeaksOfEveryMethod) {
  const auto parsed = ParseLiterature(ShippedLiterature(), "literature.json");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_THAT(parsed->models, SizeIs(3));
  std::map<std::pair<std::string, std::string>, double> least;
  for (const LiteraturePoint& point : parsed->points) {
    if (point.metric != "peak RAM, compiled" && point.metric != "peak RAM, stated" &&
        point.method != "unfused") {
      continue;
    }
    if (point.unit != "B") continue;
    const auto [known, is_new] = least.try_emplace({point.model, point.method}, point.value);
    known->second = std::min(known->second, point.value);
    EXPECT_THAT(point.counts, Not(testing::IsEmpty()));
  }
  const std::map<std::pair<std::string, std::string>, double> expected = {
      {{"mbv2-w0.35-r144", "unfused"}, 194'400},
      {{"mbv2-w0.35-r144", "MCUNetV2"}, 63'000},
      {{"mbv2-w0.35-r144", "StreamNet-2D"}, 66'000},
      {{"mbv2-w0.35-r144", "msf-CNN"}, 8'560},
      {{"mn2-vww5", "unfused"}, 96'000},
      {{"mn2-vww5", "MCUNetV2"}, 45'000},
      {{"mn2-vww5", "StreamNet-2D"}, 44'000},
      {{"mn2-vww5", "msf-CNN"}, 15'368},
      {{"mn2-320k", "unfused"}, 309'760},
      {{"mn2-320k", "MCUNetV2"}, 215'000},
      {{"mn2-320k", "StreamNet-2D"}, 208'000},
      {{"mn2-320k", "msf-CNN"}, 51'164}};
  EXPECT_EQ(least, expected);
}

TEST(Literature, KnowsModelsByTheirFilesAndAliases) {
  const auto parsed = ParseLiterature(ShippedLiterature(), "literature.json");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->ModelOf("mn2-vww5.tflite"), "mn2-vww5");
  EXPECT_EQ(parsed->ModelOf("TinyEngine_VWW.tflite"), "mn2-vww5");
  EXPECT_EQ(parsed->ModelOf("mcunet-320kb-1mb_imagenet.tflite"), "mn2-320k");
  EXPECT_EQ(parsed->ModelOf("mn2-vww.tflite"), "");
  EXPECT_EQ(parsed->ModelOf(""), "");
}

TEST(Literature, ShowsTheModelsOfTheCampaignWithWhatEachFigureCounts) {
  const auto parsed = ParseLiterature(ShippedLiterature(), "literature.json");
  ASSERT_TRUE(parsed.ok());
  const std::string text = LiteratureText(*parsed, {"mn2-vww5.tflite", "digits_cnn.tflite"});
  EXPECT_THAT(text, AllOf(HasSubstr("published, not measured here"), HasSubstr("15,368 B ["),
                          HasSubstr("network input and output"), HasSubstr("From: msf-CNN")));
  EXPECT_THAT(text, Not(HasSubstr("mn2-320k  ")));
  EXPECT_THAT(LiteratureText(*parsed, {"digits_cnn.tflite"}),
              AllOf(HasSubstr("nothing about the models of this campaign"), HasSubstr("mn2-320k")));
  const Json json = LiteratureJson(*parsed, {"mn2-320k.tflite"});
  EXPECT_EQ(json["note"], "published, not measured here");
  for (const Json& point : json["points"]) EXPECT_EQ(point["model"], "mn2-320k");
  EXPECT_GT(json["points"].size(), 20u);
  EXPECT_EQ(LiteratureJson(*parsed, {})["points"], Json::array());
}

TEST(Literature, ThatIsNoJsonOrHasNoSuchNumbersIsRefused) {
  for (const char* text : {"", "{", "[1e999]", "{\"models\": 1e999}"}) {
    const auto parsed = ParseLiterature(text, "own.json");
    EXPECT_EQ(parsed.status().code(), Code::kInvalidArgument) << text;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("own.json")) << text;
  }
}

TEST(Literature, OfAUserIsReadTheSameWay) {
  const auto parsed = ParseLiterature(LiteratureWith([](Json&) {}), "own.json");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_EQ(LiteratureText(*parsed, {"other.tflite"}),
            "Literature: published, not measured here\n\n"
            "model  method  setting     peak RAM\n"
            "-----  ------  -------  -----------\n"
            "net    theirs  least    8,560 B [1]\n"
            "\n[1] maps alone. From: A Paper, table 2\n");
}

TEST(Literature, NamesTheRowThatIsWrong) {
  const auto point = [](Json& root) -> Json& { return root["points"][0]; };
  EXPECT_THAT(Refusal([&](Json& r) { point(r).erase("counts"); }),
              AllOf(HasSubstr("own.json: points[0] (model 'net', method 'theirs'"),
                    HasSubstr("needs the text 'counts'")));
  EXPECT_THAT(Refusal([&](Json& r) { point(r)["counts"] = "map"; }),
              AllOf(HasSubstr("points[0]"), HasSubstr("did you mean 'maps'?")));
  EXPECT_THAT(Refusal([&](Json& r) { point(r)["value"] = "8560"; }),
              HasSubstr("needs the number 'value'"));
  EXPECT_THAT(Refusal([&](Json& r) { point(r)["model"] = "nets"; }),
              HasSubstr("its model is not among 'models'"));
  EXPECT_THAT(Refusal([&](Json& r) { point(r)["units"] = "B"; }),
              HasSubstr("'units' is no key of a point"));
  EXPECT_THAT(Refusal([&](Json& r) { r["points"].push_back(point(r)); }), HasSubstr("points[1]"));
  EXPECT_THAT(Refusal([&](Json& r) { r["points"].push_back(7); }),
              HasSubstr("points[1]: is no object"));
  EXPECT_THAT(Refusal([&](Json& r) { r["models"]["net"] = "other"; }),
              HasSubstr("models: 'net' needs a list"));
  EXPECT_THAT(Refusal([&](Json& r) { r.erase("origins"); }), HasSubstr("'origins'"));
  EXPECT_THAT(Refusal([&](Json& r) { r = Json::array(); }), HasSubstr("is no object"));
  const auto broken = ParseLiterature("{\"models\": \x1b", "own.json");
  EXPECT_THAT(std::string(broken.status().message()),
              AllOf(HasSubstr("own.json: is not JSON"), Not(HasSubstr("\x1b"))));
}

}  // namespace
}  // namespace tinyrig::cli
