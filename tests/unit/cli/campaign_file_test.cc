#include "server/cli/campaign/campaign_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

namespace tinyrig::cli {
namespace {

namespace fs = std::filesystem;

/// A folder with the files that campaigns name.
class CampaignFile : public testing::Test {
 protected:
  CampaignFile() {
    for (const char* name : {"a.tflite", "b.tflite", "v.npz"}) std::ofstream(folder_ / name) << "x";
    fs::create_directories(folder_ / "folder.tflite");
  }
  ~CampaignFile() override { fs::remove_all(folder_); }

  Result<LocalCampaign> Parse(const std::string& text) const {
    return ParseCampaign(text, "c.yaml", folder_.string());
  }

  /// Expects an error that starts with the line and has the words.
  void ExpectError(const std::string& text, const std::string& line,
                   const std::string& words) const {
    const auto parsed = Parse(text);
    ASSERT_FALSE(parsed.ok()) << text;
    const std::string message = parsed.status().message();
    EXPECT_EQ(message.substr(0, message.find(' ')), "c.yaml:" + line + ":") << text << "\n"
                                                                            << message;
    EXPECT_NE(message.find(words), std::string::npos) << message;
    EXPECT_EQ(parsed.status().code(), Code::kInvalidArgument);
  }

  /// A campaign in two lines, to which a test adds a third.
  const std::string good_ = "models: [a.tflite]\nboard_types: [virtual_m4]\nvectors: AB\n";

 private:
  static fs::path MakeFolder() {
    std::string name = testing::TempDir() + "campaign-XXXXXX";
    return mkdtemp(name.data());
  }
  const fs::path folder_ = MakeFolder();
};

TEST_F(CampaignFile, ReadsEveryKey) {
  const auto parsed = Parse(R"(
name: nightly
models: [a.tflite, b.tflite]
variants:
  kernels: [reference, dsp]
  weights: [int8, int16]
  fusion: [none]
  synthesis: [none]
exclude:
  - {kernels: reference, weights: int16}
board_types: [virtual_m4, other]
vectors: v.npz
warmup: 0
repetitions: 5
layer_hashes: true
profile: true
limits:
  flash_model_bytes: 256kB
  ram_model_bytes: 65536
goals:
  min: [instructions_p50, flash_model_bytes]
  max: [accuracy_top1]
max_attempts: 2
attempt_timeout_s: 60
priority: -3
labels: {branch: main, run: "17"}
)");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  const v1::CampaignSpec& spec = parsed->spec;
  EXPECT_EQ(spec.name(), "nightly");
  ASSERT_EQ(parsed->model_paths.size(), 2u);
  EXPECT_TRUE(parsed->model_paths[1].ends_with("/b.tflite"));
  EXPECT_EQ(spec.models(1).name(), "b.tflite");
  EXPECT_EQ(spec.variants().kernels(1), "dsp");
  EXPECT_EQ(spec.variants().weights(1), "int16");
  EXPECT_EQ(spec.variants().exclude(0).kernels(), "reference");
  EXPECT_EQ(spec.board_types(1), "other");
  EXPECT_EQ(spec.vectors().npz().name(), "v.npz");
  EXPECT_TRUE(parsed->vectors_path.ends_with("/v.npz"));
  EXPECT_TRUE(spec.has_warmup());
  EXPECT_EQ(spec.warmup(), 0u);
  EXPECT_EQ(spec.repetitions(), 5u);
  EXPECT_TRUE(spec.layer_hashes());
  EXPECT_TRUE(spec.profile());
  EXPECT_EQ(spec.limits().flash_model_bytes(), 256'000u);
  EXPECT_EQ(spec.limits().ram_model_bytes(), 65'536u);
  EXPECT_EQ(spec.goals().minimize(1), "flash_model_bytes");
  EXPECT_EQ(spec.goals().maximize(0), "accuracy_top1");
  EXPECT_EQ(spec.max_attempts(), 2u);
  EXPECT_EQ(spec.attempt_timeout_s(), 60u);
  EXPECT_EQ(spec.priority(), -3);
  ASSERT_EQ(spec.labels_size(), 2);
  EXPECT_EQ(spec.labels(1).value(), "17");
}

TEST_F(CampaignFile, NeedsOnlyModelsBoardsAndVectors) {
  const auto parsed = Parse(good_);
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_EQ(parsed->spec.name(), "c");
  EXPECT_EQ(parsed->spec.vectors().patterns(), "AB");
  EXPECT_TRUE(parsed->vectors_path.empty());
  EXPECT_FALSE(parsed->spec.has_repetitions());
  ExpectError("board_types: [virtual_m4]\nvectors: AB\n", "1", "needs the key 'models'");
  ExpectError("models: [a.tflite]\nvectors: AB\n", "1", "needs the key 'board_types'");
  ExpectError("models: [a.tflite]\nboard_types: [virtual_m4]\n", "1", "needs the key 'vectors'");
}

TEST_F(CampaignFile, UnknownKeysAreErrorsWithTheirLine) {
  ExpectError(good_ + "variant: {kernels: [dsp]}\n", "4", "did you mean 'variants'?");
  ExpectError(good_ + "colour: red\n", "4", "Known: name, models, variants");
  ExpectError(good_ + "variants:\n  kernels: [dsp]\n  wieghts: [int8]\n", "6",
              "did you mean 'weights'?");
  ExpectError(good_ + "goals:\n  minimise: [instructions_p50]\n", "5", "Known: min, max");
  ExpectError(good_ + "limits: {flash: 32kB}\n", "4", "flash_model_bytes");
  ExpectError(good_ + "exclude:\n  - kernels: dsp\n    kernel: dsp\n", "6", "an entry of exclude");
}

TEST_F(CampaignFile, WrongTypesAreErrorsWithTheirLine) {
  ExpectError("[1, 2]\n", "1", "must be a mapping");
  ExpectError("just text\n", "1", "must be a mapping");
  ExpectError("models: a.tflite\n", "1",
              "models must be a list, but is a single value; write [a.tflite]");
  ExpectError("models: []\n", "1", "empty list");
  ExpectError("models:\n  - [a.tflite]\n", "2", "must be a single value, but is a list");
  ExpectError(good_ + "name: {a: b}\n", "4", "name must be a single value");
  ExpectError(good_ + "name:\n", "4", "has no value");
  ExpectError(good_ + "warmup: many\n", "4", "warmup must be a whole number");
  ExpectError(good_ + "warmup: -1\n", "4", "from 0");
  ExpectError(good_ + "repetitions: 0\n", "4", "from 1");
  ExpectError(good_ + "repetitions: 1.5\n", "4", "whole number");
  ExpectError(good_ + "repetitions: \"3\"\n", "4", "whole number");
  ExpectError(good_ + "repetitions: 99999999999999999999\n", "4", "whole number");
  ExpectError(good_ + "layer_hashes: yes\n", "4", "true or false");
  ExpectError(good_ + "variants: [dsp]\n", "4", "variants must be a mapping");
  ExpectError(good_ + "labels: [a]\n", "4", "labels must be a mapping");
  ExpectError(good_ + "limits:\n  flash_model_bytes: 32K\n", "5", "32kB");
}

TEST_F(CampaignFile, KeysGivenTwiceAreErrors) {
  ExpectError(good_ + "name: x\nname: y\n", "5", "given twice in the campaign (also in line 4)");
}

TEST_F(CampaignFile, FilesThatAreNotThereAreErrorsWithTheirLine) {
  ExpectError("models:\n  - a.tflite\n  - missing.tflite\n", "3", "missing.tflite' is not there");
  ExpectError("models: [folder.tflite]\n", "1", "not a regular file");
  ExpectError("models: [a.tflite]\nvectors: none.npz\n", "2", "Patterns are written A, B or AB");
}

TEST_F(CampaignFile, NamesTheCompilerDoesNotKnowAreErrors) {
  ExpectError(good_ + "variants:\n  kernels: [dsp, neon]\n", "5", "neon");
  ExpectError(good_ + "variants:\n  weights: [int4]\n", "5", "int4");
  ExpectError(good_ + "exclude:\n  - {kernels: neon}\n", "5", "neon");
}

TEST_F(CampaignFile, CombinationsTheCompilerRefusesMustBeExcluded) {
  const std::string both =
      good_ + "variants:\n  kernels: [reference, dsp]\n  weights: [int8, int16]\n";
  ExpectError(both, "5", "exclude this combination: {kernels: reference, weights: int16}");
  EXPECT_TRUE(Parse(both + "exclude:\n  - {kernels: reference, weights: int16}\n").ok());
  ExpectError(good_ + "variants:\n  kernels: [dsp]\nexclude:\n  - {kernels: dsp}\n", "5",
              "removes every variant");
}

TEST_F(CampaignFile, GoalsMustBeMetrics) {
  ExpectError(good_ + "goals:\n  min:\n    - instruction_p50\n", "6",
              "did you mean 'instructions_p50'?");
}

TEST_F(CampaignFile, HostileTextIsRefusedNotCrashedOn) {
  ExpectError("", "1", "empty");
  ExpectError("# only a comment\n", "1", "empty");
  ExpectError("a: [1, 2\nb: 3\n", "2", "not valid YAML");
  ExpectError("a: b\n---\nc: d\n", "2", "has ended before this line");
  ExpectError(good_ + "]\n", "4", "");
  ExpectError("models: *nowhere\n", "1", "not valid YAML");
  EXPECT_FALSE(Parse(std::string(100'000, '[')).ok());
  EXPECT_FALSE(Parse(std::string("\0\xff\xfe", 3)).ok());
  // References that would multiply when followed are never followed.
  std::string bomb = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 40; ++i)
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) +
            ", *a" + std::to_string(i - 1) + "]\n";
  ExpectError(bomb, "1", "unknown key 'a0'");
}

TEST_F(CampaignFile, MutationsNeitherCrashNorHangNorLoseTheirPlace) {
  const std::string seed =
      good_ +
      "name: n\nvariants:\n  kernels: [dsp]\n  weights: [int8, int16]\nexclude:\n"
      "  - {kernels: dsp, weights: int16}\nlimits: {ram_model_bytes: 64KiB}\n"
      "goals: {min: [instructions_p50]}\nlabels: {a: b}\nrepetitions: 3\n";
  const std::string alphabet = "[]{}:,-#&*!|>'\"%@` \n\tab0.~?\\\xff\x80";
  std::mt19937 random(2026);
  size_t refused = 0;
  for (int round = 0; round < 5'000; ++round) {
    std::string text = seed;
    for (unsigned i = 0; i <= random() % 4; ++i) {
      const size_t at = random() % text.size();
      const char c = alphabet[random() % alphabet.size()];
      if (random() % 3 == 0) {
        text.erase(at, 1 + random() % 8);
      } else if (random() % 2 == 0) {
        text[at] = c;
      } else {
        text.insert(at, 1 + random() % 3, c);
      }
    }
    const auto parsed = Parse(text);
    if (parsed.ok()) continue;
    ++refused;
    ASSERT_TRUE(parsed.status().message().starts_with("c.yaml:")) << text << "\n"
                                                                  << parsed.status().message();
  }
  EXPECT_GT(refused, 2'500u);
}

TEST_F(CampaignFile, EscapesOfTheTerminalDoNotReachMessages) {
  const auto parsed = Parse(good_ + "\"\\e[31mred\": 1\n");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.status().message().find('\x1b'), std::string::npos);
}

TEST(CampaignOfModel, HasTheDocumentedDefaults) {
  const std::string path = testing::TempDir() + "kws.tflite";
  std::ofstream(path) << "x";
  ModelRun run;
  run.model_path = path;
  const auto campaign = CampaignOfModel(run);
  ASSERT_TRUE(campaign.ok()) << campaign.status().message();
  EXPECT_EQ(campaign->spec.name(), "kws");
  EXPECT_EQ(campaign->spec.board_types(0), "virtual_m4");
  EXPECT_EQ(campaign->spec.vectors().patterns(), "AB");
  EXPECT_TRUE(campaign->spec.layer_hashes());
  EXPECT_EQ(campaign->spec.variants().kernels(0), "dsp");
  EXPECT_EQ(campaign->spec.variants().weights(0), "int8");
  run.model_path = "/nowhere.tflite";
  EXPECT_EQ(CampaignOfModel(run).status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace tinyrig::cli
