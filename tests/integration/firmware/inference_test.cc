#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "firmware/compiler/compile.h"
#include "firmware/compiler/reference_run.h"
#include "proto/device/crc32c.h"
#include "proto/device/paint.h"
#include "proto/vectors/patterns.h"
#include "tests/golden/test_data.h"
#include "tests/integration/firmware/protocol_client.h"

/// The bundles, booted by QEMU with a compiled model in place: identity, results, layer hashes and
/// instruction counts, for every kernel set and weight layout.
namespace tinyrig::device {
namespace {

std::string KernelsOf(const std::string& variant) {
  return variant.starts_with("kernels=dsp") ? "dsp" : "reference";
}

std::vector<std::byte> Pattern(char name, size_t bytes) {
  const vectors::InputTensor shape{.elements = bytes};
  const auto input = vectors::MakePattern(name, std::span(&shape, 1));
  EXPECT_TRUE(input.ok());
  const auto view = std::as_bytes(std::span(*input));
  return {view.begin(), view.end()};
}

class InferenceTest : public testing::TestWithParam<std::tuple<const char*, const char*>> {
 protected:
  const char* port() const { return std::get<0>(GetParam()); }
  const char* variant() const { return std::get<1>(GetParam()); }

  uint64_t Instructions(uint64_t ticks) const {
    const auto clock_hz = bundle_.json["board_type"]["clock_hz"].get<uint64_t>();
    const auto counter_hz = bundle_.json["board_type"]["counter_hz"].get<uint64_t>();
    return (ticks * clock_hz + counter_hz - 1) / counter_hz;
  }

  /// Compiles `model` for the variant under test.
  void Compile(const std::vector<std::byte>& model) {
    const auto parsed = compiler::ParseVariant(variant());
    ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
    auto compiled = compiler::Compile(model, *parsed);
    ASSERT_TRUE(compiled.ok()) << compiled.status().ToString();
    blob_ = std::move(compiled->blob);
    auto runner = compiler::ReferenceRunner::Make(blob_);
    ASSERT_TRUE(runner.ok()) << runner.status().ToString();
    reference_.emplace(std::move(*runner));
    bundle_ = ReadBundle(std::string(port()) + "-" + KernelsOf(variant()));
    ASSERT_FALSE(bundle_.json.is_null());
  }

  std::vector<std::byte> blob_;
  std::optional<compiler::ReferenceRunner> reference_;
  Bundle bundle_;
};

std::string VariantName(const testing::TestParamInfo<InferenceTest::ParamType>& info) {
  std::string name = std::string(std::get<0>(info.param)) + "_" + std::get<1>(info.param);
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

std::vector<std::byte> ZooModel() { return ReadBytes(TINYRIG_ZOO "/digits_cnn.tflite"); }

TEST_P(InferenceTest, HelloTellsWhatWasLoaded) {
  Compile(ZooModel());
  ASSERT_FALSE(blob_.empty());
  const QemuImage image = MakeImage(bundle_, blob_);
  QemuBoard board(image);
  ASSERT_TRUE(board.alive());
  const Hello hello = ProtocolClient(board).SayHello(77);
  const nlohmann::json& json = bundle_.json;
  EXPECT_EQ(hello.magic, kHelloMagic);
  EXPECT_EQ(hello.protocol_version, kProtocolVersion);
  EXPECT_EQ(hello.struct_size, sizeof(Hello));
  EXPECT_EQ(hello.token, 77u);
  EXPECT_EQ(hello.mailbox_word, image.mailbox);
  EXPECT_EQ(0, std::memcmp(hello.mcu_uid, image.unique_id.data(), sizeof(hello.mcu_uid)));
  EXPECT_EQ(hello.code_size, json["firmware_size"]);
  EXPECT_EQ(hello.code_crc32c, json["firmware_crc32c"]);
  const std::vector<std::byte> code = ReadBytes(bundle_.bin_path);
  EXPECT_EQ(hello.code_size, code.size());
  EXPECT_EQ(hello.code_crc32c, Crc32c(code.data(), code.size()));
  EXPECT_EQ(hello.blob_size, blob_.size());
  EXPECT_EQ(hello.blob_crc32c, Crc32c(blob_.data(), blob_.size()));
  EXPECT_EQ(hello.arena_limit, json["arena_limit"]);
  EXPECT_EQ(hello.clock_hz, json["board_type"]["clock_hz"]);
  EXPECT_EQ(hello.counter_hz, json["board_type"]["counter_hz"]);
  EXPECT_EQ(hello.counter_kind, static_cast<uint8_t>(CounterKind::kVirtualInstructions));
  EXPECT_EQ(std::string(hello.port), port());
  EXPECT_EQ(std::string(hello.kernels), KernelsOf(variant()));
  std::string build_id;
  for (uint8_t byte : hello.build_id) {
    const char digits[] = "0123456789abcdef";
    build_id += {digits[byte >> 4], digits[byte & 15]};
  }
  EXPECT_EQ(build_id, json["build_id"]);
}

TEST_P(InferenceTest, ZooModelGivesTheHostsBytes) {
  Compile(ZooModel());
  ASSERT_FALSE(blob_.empty());
  QemuBoard board(MakeImage(bundle_, blob_));
  ASSERT_TRUE(board.alive());
  ProtocolClient client(board);
  const std::vector<std::byte> input = Pattern('B', reference_->input_bytes());
  const pb::Started started = client.Start(input.size(), 1, 3, true, false);
  EXPECT_EQ(started.arena_address(), bundle_.json["arena_address"].get<uint32_t>());
  const auto expected = reference_->Run(input);
  ASSERT_TRUE(expected.ok());
  EXPECT_EQ(started.output_bytes(), expected->bytes.size());
  const auto run = client.Run(0, input, 3);
  ASSERT_EQ(run.results.size(), 4u);
  for (const InferenceResult& result : run.results) {
    EXPECT_EQ(result.input_crc32c, Crc32c(input.data(), input.size()));
    EXPECT_EQ(result.output_crc32c, Crc32c(expected->bytes.data(), expected->bytes.size()));
    EXPECT_EQ(result.ticks, run.results[0].ticks);
  }
  ASSERT_EQ(run.output.size(), expected->bytes.size());
  EXPECT_EQ(0, std::memcmp(run.output.data(), expected->bytes.data(), run.output.size()));
}

/// Whether each byte of a region that was read from `address` on is still paint.
std::vector<bool> Painted(const std::vector<std::byte>& memory, uint32_t address, uint64_t nonce) {
  std::vector<bool> painted;
  for (const std::byte byte : memory) {
    painted.push_back(static_cast<uint8_t>(byte) == PaintByte(nonce, address++));
  }
  return painted;
}

TEST_P(InferenceTest, PaintShowsWhatWasUsed) {
  Compile(ZooModel());
  ASSERT_FALSE(blob_.empty());
  QemuBoard board(MakeImage(bundle_, blob_));
  ASSERT_TRUE(board.alive());
  ProtocolClient client(board);
  const std::vector<std::byte> input = Pattern('A', reference_->input_bytes());
  const pb::Started started = client.Start(input.size(), 0, 1, true, false);
  client.Run(0, input, 1);
  // The model stays inside its arena, the staged input inside its place, nothing beyond.
  const auto arena = Painted(board.ReadMemory(started.arena_address(), started.arena_limit()),
                             started.arena_address(), client.nonce());
  const auto at = [&arena](uint64_t offset) {
    return arena.begin() + static_cast<std::ptrdiff_t>(offset);
  };
  const uint64_t staged = StagedOffset(started.arena_bytes());
  EXPECT_EQ(std::find(at(started.arena_bytes()), at(staged), false), at(staged));
  EXPECT_EQ(std::find(at(staged + input.size()), arena.end(), false), arena.end());
  EXPECT_GT(std::count(arena.begin(), at(started.arena_bytes()), false), started.arena_bytes() / 2);

  const auto stack = Painted(board.ReadMemory(started.stack_low_address(), started.stack_bytes()),
                             started.stack_low_address(), client.nonce());
  const auto used = static_cast<size_t>(stack.end() - std::find(stack.begin(), stack.end(), false));
  std::cout << "  " << port() << ", " << variant() << ": " << used << " bytes of stack used\n";
  EXPECT_GT(used, 200u);
  EXPECT_LT(used, started.stack_bytes() / 2);
}

TEST_P(InferenceTest, KwsEveryOperatorMatchesTheGoldens) {
  TINYRIG_READ_TEST_DATA(model, "models/kws_ref_model.tflite");
  TINYRIG_READ_TEST_DATA(golden, "golden/kws.layers.json");
  Compile(model);
  ASSERT_FALSE(blob_.empty());
  const auto* text = reinterpret_cast<const char*>(golden.data());
  const auto layers = nlohmann::json::parse(text, text + golden.size());
  QemuBoard board(MakeImage(bundle_, blob_));
  ASSERT_TRUE(board.alive());
  ProtocolClient client(board);
  uint32_t index = 0;
  client.Start(reference_->input_bytes(), 0, 1, true, true);
  for (const char pattern : {'A', 'B'}) {
    TINYRIG_READ_TEST_DATA(output, std::string("golden/kws.") + pattern + ".out0.bin");
    const auto run = client.Run(index++, Pattern(pattern, reference_->input_bytes()), 1);
    ASSERT_EQ(run.output.size(), output.size());
    EXPECT_EQ(0, std::memcmp(run.output.data(), output.data(), output.size()));
    size_t matched = 0;
    for (const auto& layer : layers) {
      if (layer["pattern"] != std::string(1, pattern)) continue;
      ASSERT_LT(matched, run.layers.size());
      const LayerRecord& record = run.layers[matched++];
      EXPECT_EQ(record.tflite_index, layer["op"]);
      EXPECT_EQ(record.tensor_index, layer["tensor"]);
      EXPECT_EQ(record.bytes, layer["bytes"]);
      EXPECT_EQ(record.fnv1a32, std::stoul(layer["fnv1a32"].get<std::string>(), nullptr, 16))
          << "operator " << layer["op"] << ", pattern " << pattern;
      if (pattern == 'A') {
        std::cout << "  operator " << record.tflite_index << ": " << Instructions(record.ticks)
                  << " instructions\n";
      }
    }
    EXPECT_EQ(matched, 13u);
    EXPECT_EQ(run.layers.size(), matched);
  }
}

TEST_P(InferenceTest, KwsInstructionsAreTheSameOnEveryBoot) {
  TINYRIG_READ_TEST_DATA(model, "models/kws_ref_model.tflite");
  Compile(model);
  ASSERT_FALSE(blob_.empty());
  const std::vector<std::byte> input = Pattern('A', reference_->input_bytes());
  std::set<uint32_t> ticks, prepare_ticks;
  for (int boot = 0; boot < 5; ++boot) {
    QemuBoard board(MakeImage(bundle_, blob_));
    ASSERT_TRUE(board.alive());
    ProtocolClient client(board);
    prepare_ticks.insert(client.Start(input.size(), 1, 2, false, false).prepare_ticks());
    for (const InferenceResult& result : client.Run(0, input, 2).results) {
      ticks.insert(result.ticks);
    }
  }
  ASSERT_EQ(ticks.size(), 1u);
  ASSERT_EQ(prepare_ticks.size(), 1u);
  const uint64_t instructions = Instructions(*ticks.begin());
  std::cout << "  kws, " << port() << ", " << variant() << ": " << instructions
            << " instructions an inference, " << Instructions(*prepare_ticks.begin())
            << " to prepare, blob " << blob_.size() << " bytes\n";
  // TensorFlow Lite Micro's reference kernels take 43.04 M.
  EXPECT_LT(instructions, 43'040'000u);
  EXPECT_GT(instructions, 1'000'000u);
}

INSTANTIATE_TEST_SUITE_P(All, InferenceTest,
                         testing::Combine(testing::ValuesIn(kPorts),
                                          testing::Values("kernels=reference",
                                                          "kernels=dsp,weights=int8",
                                                          "kernels=dsp,weights=int16")),
                         VariantName);

class IdleBoardTest : public testing::TestWithParam<const char*> {};

TEST_P(IdleBoardTest, CostsItsHostNothing) {
  const Bundle bundle = ReadBundle(std::string(GetParam()) + "-reference");
  ASSERT_FALSE(bundle.json.is_null());
  QemuBoard board(MakeImage(bundle, {}));
  ASSERT_TRUE(board.alive());
  ProtocolClient client(board);
  client.SayHello(1);
  const auto before = board.CpuTime();
  EXPECT_FALSE(board.Receive(std::chrono::steady_clock::now() + std::chrono::seconds(2)));
  EXPECT_LT((board.CpuTime() - before).count(), 500);
  client.SayHello(2);
}

INSTANTIATE_TEST_SUITE_P(All, IdleBoardTest, testing::ValuesIn(kPorts),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace tinyrig::device
