#include "proto/vectors/vector_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "proto/vectors/npz.h"
#include "tests/unit/vectors/npz_writer.h"

namespace tinyrig::vectors {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Npy;
using testing::Npz;

Bytes SmallSet(bool compress = false) {
  return Npz({{"x.npy", Npy("|i1", "(2, 3)", {1, 2, 3, 4, 5, 6})},
              {"labels.npy", Npy("<i4", "(2,)", {7, 0, 0, 0, 9, 0, 0, 0})},
              {"outputs.tiny.npy", Npy("|i1", "(2, 2)", {1, 2, 3, 4})},
              {"notes.npy", Npy("|S5", "(1,)", {'h', 'e', 'l', 'l', 'o'})}},
             compress);
}

TEST(VectorSet, ReadsStoredAndCompressed) {
  for (const bool compress : {false, true}) {
    const auto set = ReadVectorSet(SmallSet(compress), "v.npz");
    ASSERT_TRUE(set.ok()) << set.status().ToString();
    EXPECT_EQ(set->count, 2u);
    EXPECT_EQ(set->vector_bytes, 3u);
    EXPECT_THAT(set->input(1), ElementsAre(4, 5, 6));
    EXPECT_THAT(set->labels, ElementsAre(7, 9));
    EXPECT_THAT(set->names, ElementsAre("0", "1"));
    ASSERT_EQ(set->outputs.count("tiny"), 1u);
    EXPECT_THAT(set->outputs.at("tiny").shape, ElementsAre(2, 2));
  }
}

TEST(VectorSet, InputsOnlyDoesNotLookAtTheRest) {
  const Bytes npz = Npz({{"x.npy", Npy("|u1", "(1, 1)", {1})}, {"labels.npy", {1, 2, 3}}});
  EXPECT_FALSE(ReadVectorSet(npz, "v.npz").ok());
  const auto set = ReadVectorSet(npz, "v.npz", Parts::kInputsOnly);
  ASSERT_TRUE(set.ok()) << set.status().ToString();
  EXPECT_TRUE(set->labels.empty());
}

TEST(VectorSet, CrcIsOverAllInputsInOrder) {
  const Bytes npz =
      Npz({{"x.npy", Npy("|i1", "(3, 3)", {'1', '2', '3', '4', '5', '6', '7', '8', '9'})}});
  EXPECT_EQ(ReadVectorSet(npz, "v.npz")->Crc32c(), 0xE3069283u);  // the check value of CRC-32C
}

TEST(VectorSet, NamesFilePlaceAndRemedy) {
  const struct {
    Bytes npz;
    const char* message;
  } cases[] = {
      {{}, "the file is empty"},
      {Bytes(1000, 'P'), "not a readable .npz archive"},
      {Npz({{"y.npy", Npy("|i1", "(1, 1)", {1})}}), "no array 'x'"},
      {Npz({{"x.npy", Npy("<i4", "(1, 1)", {1, 0, 0, 0})}}), "quantise it to int8"},
      {Npz({{"x.npy", Npy("|i1", "(4,)", {1, 2, 3, 4})}}), "[N, ...]"},
      {Npz({{"x.npy", Npy("|i1", "(0, 4)", {})}}), "at least one vector"},
      {Npz({{"x.npy", Npy("|i1", "(2, 0)", {})}}), "one element"},
      {Npz({{"x.npy", Npy("|i1", "(1, 1)", {1})}, {"labels.npy", Npy("|i1", "(2,)", {1, 2})}}),
       "one label for each"},
      {Npz({{"x.npy", Npy("|i1", "(1, 1)", {1})}, {"labels.npy", Npy("|i1", "(1,)", {0xFF})}}),
       "classes count from 0"},
      {Npz({{"x.npy", Npy("|i1", "(1, 1)", {1})},
            {"labels.npy", Npy("<f4", "(1,)", {0, 0, 0, 0})}}),
       "must be integers"},
      {Npz({{"x.npy", Npy("|i1", "(1, 1)", {1})}, {"outputs.m.npy", Npy("|i1", "(2,)", {1, 2})}}),
       "one row for each"},
  };
  for (const auto& bad : cases) {
    const auto set = ReadVectorSet(bad.npz, "v.npz");
    ASSERT_FALSE(set.ok()) << bad.message;
    EXPECT_THAT(set.status().message(), HasSubstr("v.npz: ")) << bad.message;
    EXPECT_THAT(set.status().message(), HasSubstr(bad.message));
  }
}

TEST(Npz, RefusesABombBeforeUnpackingIt) {
  const Bytes bomb =
      Npz({{"x.npy", Npy("|i1", "(4194304, 1)", Bytes(4u << 20))}}, /*compress=*/true);
  ASSERT_LT(bomb.size(), 10000u);
  NpzLimits limits;
  limits.entry_bytes = 1u << 20;
  const auto arrays = ReadNpz(bomb, "v.npz", {}, limits);
  ASSERT_FALSE(arrays.ok());
  EXPECT_EQ(arrays.status().code(), Code::kResourceExhausted);
  EXPECT_THAT(arrays.status().message(), HasSubstr("unpacks to 4 MiB"));
}

TEST(Npz, LimitsTheNumberOfEntriesAndTheTotal) {
  const Bytes npz = SmallSet();
  NpzLimits few;
  few.entries = 3;
  EXPECT_EQ(ReadNpz(npz, "v", {}, few).status().code(), Code::kResourceExhausted);
  NpzLimits small;
  small.total_bytes = 100;
  EXPECT_EQ(ReadNpz(npz, "v", {}, small).status().code(), Code::kResourceExhausted);
}

TEST(Npz, NoticesAFlippedBitInTheData) {
  Bytes npz = Npz({{"x.npy", Npy("|i1", "(1, 64)", Bytes(64, 0x5A))}});
  const Bytes run(64, 0x5A);
  const auto at = std::search(npz.begin(), npz.end(), run.begin(), run.end());
  ASSERT_NE(at, npz.end());
  *at ^= 1;
  const auto arrays = ReadNpz(npz, "v.npz");
  ASSERT_FALSE(arrays.ok());
  EXPECT_THAT(arrays.status().message(), HasSubstr("damaged"));
}

TEST(Npz, SurvivesEveryPrefixAndSeededDamage) {
  for (const bool compress : {false, true}) {
    const Bytes good = SmallSet(compress);
    for (size_t size = 0; size < good.size(); ++size) {
      (void)ReadVectorSet(std::span(good).first(size), "v.npz");
    }
    std::mt19937 random(11);
    int refused = 0;
    for (int round = 0; round < 3000; ++round) {
      Bytes bad = good;
      for (int flips = 0; flips < 4; ++flips) bad[random() % bad.size()] = random() & 0xFF;
      const auto set = ReadVectorSet(bad, "v.npz");
      if (!set.ok()) ++refused;
      if (set.ok()) {
        EXPECT_EQ(set->inputs.size(), set->count * set->vector_bytes);
      }
    }
    EXPECT_GT(refused, 1000);
  }
}

TEST(Npz, ReadsTheZooSet) {
  std::ifstream file(TINYRIG_SOURCE_DIR "/firmware/zoo/digits_test.npz", std::ios::binary);
  const Bytes bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto set = ReadVectorSet(bytes, "digits_test.npz");
  ASSERT_TRUE(set.ok()) << set.status().ToString();
  EXPECT_EQ(set->count, 360u);
  EXPECT_EQ(set->vector_bytes, 64u);
  EXPECT_EQ(set->labels.size(), 360u);
  EXPECT_EQ(set->outputs.size(), 2u);
}

TEST(Patterns, FollowTheirDefinition) {
  const InputTensor input{5, false};
  const auto a = MakePattern('A', std::span(&input, 1));
  EXPECT_THAT(*a, ElementsAre(3, 10, 17, 24, 31));
  const auto b = MakePattern('B', std::span(&input, 1));
  // The same recurrence, in another width.
  uint64_t x = 12345;
  for (const uint8_t byte : *b) {
    x = (x * 1664525 + 1013904223) % 4294967296;
    EXPECT_EQ(byte, x / 16777216);
  }
}

TEST(Patterns, RestartAtEveryTensorAndScaleFloats) {
  const InputTensor inputs[] = {{2, false}, {1, true}};
  const auto set = MakePatternSet("AB", inputs);
  ASSERT_TRUE(set.ok()) << set.status().ToString();
  EXPECT_EQ(set->count, 2u);
  EXPECT_EQ(set->vector_bytes, 6u);
  EXPECT_THAT(set->names, ElementsAre("A", "B"));
  float value = 0;
  std::memcpy(&value, set->input(0).data() + 2, sizeof(value));
  EXPECT_EQ(value, 3.0f / 128);
}

TEST(Patterns, RefusesOtherLetters) {
  const InputTensor input{5, false};
  for (const char* letters : {"", "C", "AA", "ABA", "a"}) {
    EXPECT_FALSE(MakePatternSet(letters, std::span(&input, 1)).ok()) << letters;
  }
  const InputTensor empty{0, false};
  EXPECT_FALSE(MakePatternSet("A", std::span(&empty, 1)).ok());
}

}  // namespace
}  // namespace tinyrig::vectors
