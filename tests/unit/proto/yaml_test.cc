#include <gtest/gtest.h>

#include "proto/yaml/one_document.h"

namespace tinyrig {
namespace {

TEST(OneYamlDocument, Reads) {
  const auto node = LoadOneYamlDocument("a: 1\nb: [2, 3]\n", "f.yaml");
  ASSERT_TRUE(node.ok()) << node.status().message();
  EXPECT_EQ((*node)["b"][1].as<int>(), 3);
}

TEST(OneYamlDocument, NothingIsANullNode) {
  for (const char* text : {"", "\n\n", "# only a comment\n", "---\n"}) {
    const auto node = LoadOneYamlDocument(text, "f.yaml");
    ASSERT_TRUE(node.ok()) << text;
    EXPECT_TRUE(node->IsNull()) << text;
  }
}

struct Bad {
  const char* text;
  const char* message;
};

// YAML::LoadAll() of yaml-cpp 0.7 never returns for the first ones.
TEST(OneYamlDocument, SaysFileLineAndRemedy) {
  const Bad kBad[] = {
      {"a: 1\n]\n", "f.yaml:2: "},
      {"]\n", "f.yaml:1: "},
      {"}\n", "f.yaml:1: "},
      {"a: 1\n}\nb: 2\n", "f.yaml:2: "},
      {"a: 1\n---\nb: 2\n", "f.yaml:2: the document has ended before this line"},
      {"a: [1\n", "f.yaml:1: not valid YAML"},
      {"a: 1\nb: 'cut off\n", "f.yaml:2: not valid YAML: illegal EOF in scalar"},
      {"a: 1\nb: \"cut off\n\n", "f.yaml:2: not valid YAML: illegal EOF in scalar"},
      {"a:\n\t- 1\n", "f.yaml:2: not valid YAML"},
      {"a: *nobody\n", "f.yaml:1: not valid YAML"},
  };
  for (const Bad& bad : kBad) {
    const auto node = LoadOneYamlDocument(bad.text, "f.yaml");
    ASSERT_FALSE(node.ok()) << bad.text;
    EXPECT_EQ(node.status().code(), Code::kInvalidArgument);
    EXPECT_NE(node.status().message().find(bad.message), std::string::npos)
        << bad.text << ": " << node.status().message();
  }
}

}  // namespace
}  // namespace tinyrig
