#include "proto/vectors/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/vectors/npz_writer.h"

namespace tinyrig::vectors {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Npy;

TEST(Npy, ReadsShapeAndData) {
  const auto array = ParseNpy(Npy("|i1", "(2, 3)", {1, 2, 3, 4, 5, 0xFF}), "x");
  ASSERT_TRUE(array.ok()) << array.status().ToString();
  EXPECT_EQ(array->type, ElementType::kInt8);
  EXPECT_THAT(array->shape, ElementsAre(2, 3));
  EXPECT_EQ(array->elements(), 6u);
  EXPECT_EQ(array->IntegerAt(0), 1);
  EXPECT_EQ(array->IntegerAt(5), -1);
}

TEST(Npy, ReadsEveryIntegerType) {
  EXPECT_EQ(ParseNpy(Npy("|u1", "(1,)", {0xFE}), "x")->IntegerAt(0), 254);
  EXPECT_EQ(ParseNpy(Npy("<i2", "(1,)", {0xFE, 0xFF}), "x")->IntegerAt(0), -2);
  EXPECT_EQ(ParseNpy(Npy("<i4", "(1,)", {1, 2, 0, 0x80}), "x")->IntegerAt(0),
            static_cast<int32_t>(0x80000201));
  EXPECT_EQ(ParseNpy(Npy("<i8", "(1,)", {5, 0, 0, 0, 0, 0, 0, 0}), "x")->IntegerAt(0), 5);
}

TEST(Npy, ReadsScalarsAndVersionTwo) {
  EXPECT_EQ(ParseNpy(Npy("|i1", "()", {7}), "x")->elements(), 1u);
  Bytes two = Npy("|i1", "(1,)", {7});
  two[6] = 2;
  two.insert(two.begin() + 10, {0, 0});
  EXPECT_TRUE(ParseNpy(two, "x").ok());
}

struct BadCase {
  const char* what;
  Bytes bytes;
  const char* message;
};

TEST(Npy, NamesWhatIsWrong) {
  const std::string fortran = "{'descr': '|i1', 'fortran_order': True, 'shape': (2, 2), }";
  const std::string twice =
      "{'descr': '|i1', 'descr': '|i1', 'fortran_order': False, 'shape': (1,)}";
  const BadCase cases[] = {
      {"empty", {}, "not in .npy format"},
      {"text", Bytes(100, 'a'), "not in .npy format"},
      {"big endian", Npy(">i4", "(1,)", {0, 0, 0, 1}), "'>i4' is not supported"},
      {"objects", Npy("|O", "(1,)", {0}), "'|O' is not supported"},
      {"too little data", Npy("|i1", "(5,)", {1, 2}), "needs 5 bytes of data, there are 2"},
      {"too much data", Npy("|i1", "(1,)", {1, 2}), "needs 1 bytes of data, there are 2"},
      {"huge", Npy("<i8", "(99999999999999, 99999999999999)", {1}), "larger than any memory"},
      {"deep", Npy("|i1", "(1,1,1,1,1,1,1,1,1)", {1}), "header is not understood"},
      {"negative", Npy("|i1", "(-1,)", {1}), "header is not understood"},
      {"fortran", Npy(fortran, {1, 2, 3, 4}), "ascontiguousarray"},
      {"key twice", Npy(twice, {1}), "header is not understood"},
      {"code", Npy("__import__('os')", {1}), "header is not understood"},
  };
  for (const BadCase& bad : cases) {
    const auto array = ParseNpy(bad.bytes, "x");
    ASSERT_FALSE(array.ok()) << bad.what;
    EXPECT_EQ(array.status().code(), Code::kInvalidArgument) << bad.what;
    EXPECT_THAT(array.status().message(), HasSubstr(bad.message)) << bad.what;
    EXPECT_THAT(array.status().message(), HasSubstr("array 'x'")) << bad.what;
  }
}

// Run under the asan preset this would show any read outside the buffer.
TEST(Npy, SurvivesEveryPrefixAndSeededDamage) {
  const Bytes good = Npy("<i2", "(2, 3)", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(ParseNpy(std::span(good).first(size), "x").ok()) << size;
  }
  std::mt19937 random(7);
  for (int round = 0; round < 5000; ++round) {
    Bytes bad = good;
    for (int flips = 0; flips < 3; ++flips) bad[random() % bad.size()] = random() & 0xFF;
    const auto array = ParseNpy(bad, "x");
    if (array.ok()) {
      EXPECT_EQ(array->data.size(), array->elements() * ElementBytes(array->type));
    }
  }
}

}  // namespace
}  // namespace tinyrig::vectors
