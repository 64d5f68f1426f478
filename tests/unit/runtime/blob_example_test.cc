#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "firmware/compiler/compile.h"
#include "firmware/compiler/reference_run.h"
#include "tests/unit/compiler/model_builder.h"

/// The worked example of firmware/runtime/README.md is what the compiler writes.
namespace tinyrig::runtime {
namespace {

/// FULLY_CONNECTED of two inputs to one output: output = 0.5 * a - 0.25 * b, roughly.
compiler::ModelSpec ExampleModel() {
  compiler::ModelSpec spec;
  spec.tensors = {compiler::Activation8("in", {1, 2}, 0.5f, 0),
                  compiler::Weights8("w", {1, 2}, {0.25f}, 0, {2, -1}), compiler::Bias32("b", {8}),
                  compiler::Activation8("out", {1, 1}, 1.0f, -1)};
  spec.ops = {{static_cast<int32_t>(compiler::Builtin::kFullyConnected),
               1,
               {0, 1, 2},
               {3},
               compiler::FullyConnectedOptions{}}};
  spec.inputs = {0};
  spec.outputs = {3};
  return spec;
}

/// The bytes of the README's block that starts with "0000": "offset  hex bytes  comment" a line.
std::vector<std::byte> BytesOfReadme(const std::string& text) {
  std::vector<std::byte> bytes;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.size() < 6 || line[4] != ' ' || line[5] != ' ') continue;
    std::istringstream fields(line.substr(6, line.find("  ", 6) - 6));
    if (line.substr(0, 4).find_first_not_of("0123456789abcdef") != std::string::npos) continue;
    EXPECT_EQ(std::stoul(line.substr(0, 4), nullptr, 16), bytes.size()) << line;
    for (std::string field; fields >> field;) {
      for (size_t i = 0; i + 1 < field.size(); i += 2) {
        bytes.push_back(static_cast<std::byte>(std::stoul(field.substr(i, 2), nullptr, 16)));
      }
    }
  }
  return bytes;
}

TEST(BlobExampleTest, ReadmeShowsTheseBytes) {
  const auto compiled = compiler::Compile(compiler::BuildTflite(ExampleModel()),
                                          *compiler::ParseVariant("kernels=reference"));
  ASSERT_TRUE(compiled.ok()) << compiled.status().ToString();
  std::ifstream file(TINYRIG_SOURCE_DIR "/firmware/runtime/README.md");
  const std::string readme{std::istreambuf_iterator<char>(file), {}};
  ASSERT_FALSE(readme.empty());
  auto blob = compiled->blob;
  // Size and CRC of the model file depend on the version of flatbuffers; the README shows zeros.
  BlobHeader header;
  std::memcpy(&header, blob.data(), sizeof(header));
  header.model_bytes = 0;
  header.model_crc32c = 0;
  header.crc32c = 0;
  std::memcpy(blob.data(), &header, sizeof(header));
  EXPECT_EQ(BytesOfReadme(readme), blob);
}

TEST(BlobExampleTest, ComputesWhatTheReadmeSays) {
  const auto compiled = compiler::Compile(compiler::BuildTflite(ExampleModel()),
                                          *compiler::ParseVariant("kernels=reference"));
  ASSERT_TRUE(compiled.ok());
  // (10 * 2 - 4 * 1 + 8) * 0.125 - 1 = 2
  const std::vector<std::byte> input = {std::byte{10}, std::byte{4}};
  EXPECT_EQ(compiler::RunReference(compiled->blob, input)->bytes,
            std::vector<std::byte>{std::byte{2}});
}

}  // namespace
}  // namespace tinyrig::runtime
