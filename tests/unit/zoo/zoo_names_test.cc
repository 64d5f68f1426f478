#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "server/cli/campaign/campaign_file.h"
#include "server/cli/campaign/zoo.h"

/// Models by name, beside this program as beside the installed ones.
namespace tinyrig::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class ZooNames : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / "zoo_names";
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST_F(ZooNames, StandForFilesWithAndWithoutExtension) {
  for (const char* name : {"mn2-vww5", "mn2-vww5.tflite"}) {
    const auto path = FindModel(name);
    ASSERT_TRUE(path.ok()) << path.status().message();
    EXPECT_THAT(*path, EndsWith("/share/tinyrig/zoo/mn2-vww5.tflite"));
  }
  EXPECT_TRUE(IsZooName("mbv2-w0.35-r144"));
  EXPECT_FALSE(IsZooName("campaign.yaml"));
  EXPECT_FALSE(IsZooName("./mn2-vww5"));
}

TEST_F(ZooNames, GiveWayToFilesThatAreThere) {
  const fs::path own = folder_ / "mn2-vww5.tflite";
  std::ofstream(own) << "mine";
  EXPECT_EQ(*FindFileOrZoo(folder_.string(), "mn2-vww5.tflite", ".tflite", "model"), own);
  EXPECT_THAT(*FindFileOrZoo(folder_.string(), "mn2-vww5", ".tflite", "model"),
              Not(HasSubstr(folder_.string())));
}

TEST_F(ZooNames, ThatAreUnknownAreAnsweredWithThoseThereAre) {
  const auto path = FindModel("mn2-vww");
  EXPECT_EQ(path.status().code(), Code::kNotFound);
  EXPECT_THAT(std::string(path.status().message()),
              AllOf(HasSubstr("'mn2-vww'"), HasSubstr("did you mean 'mn2-vww5'?"),
                    HasSubstr("mbv2-w0.35-r144")));
  // A path is a path.
  EXPECT_THAT(std::string(FindModel("./mn2-vww5").status().message()), HasSubstr("is not there"));
}

TEST_F(ZooNames, WorkInCampaignFiles) {
  const auto campaign =
      ParseCampaign("models: [mn2-vww5]\nboard_types: [virtual_m7]\nvectors: mn2-vww5.npz\n",
                    "c.yaml", folder_.string());
  ASSERT_TRUE(campaign.ok()) << campaign.status().message();
  EXPECT_EQ(campaign->spec.models(0).name(), "mn2-vww5.tflite");
  EXPECT_THAT(campaign->vectors_path, EndsWith("/zoo/mn2-vww5.npz"));
  const auto wrong = ParseCampaign("models: [mn3]\n", "c.yaml", folder_.string());
  EXPECT_THAT(std::string(wrong.status().message()),
              AllOf(HasSubstr("c.yaml:1"), HasSubstr("neither a file nor in the zoo")));
}

TEST_F(ZooNames, AreWhatTheFusionCampaignMeasures) {
  const auto campaign = LoadCampaign(TINYRIG_SOURCE_DIR "/firmware/zoo/fusion.yaml");
  ASSERT_TRUE(campaign.ok()) << campaign.status().message();
  EXPECT_EQ(campaign->spec.models_size(), 3);
  EXPECT_EQ(campaign->spec.variants().fusion_size(), 7);
}

}  // namespace
}  // namespace tinyrig::cli
