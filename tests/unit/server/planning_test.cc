#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include "firmware/compiler/compile.h"
#include "proto/text/utf8.h"
#include "server/model/sha256.h"
#include "server/planning/expected.h"
#include "server/planning/fit.h"
#include "server/planning/planner.h"
#include "tests/unit/compiler/model_builder.h"

namespace tinyrig::server {
namespace {

std::vector<std::byte> ReadZoo(const std::string& name) {
  std::stringstream bytes;
  bytes << std::ifstream(TINYRIG_SOURCE_DIR "/firmware/zoo/" + name, std::ios::binary).rdbuf();
  const std::string text = bytes.str();
  EXPECT_FALSE(text.empty()) << name;
  const auto span = AsBytes(text);
  return {span.begin(), span.end()};
}

Bundle SomeBundle() {
  Bundle bundle;
  bundle.port = "virtual_m4";
  bundle.kernels = "dsp";
  bundle.build_id = "b1";
  bundle.firmware_size = 1000;
  bundle.firmware.assign(1000, std::byte{1});
  bundle.blob_address = 0x40000;
  bundle.blob_limit = 700'000;
  bundle.arena_limit = 200'000;
  bundle.board_type.set_name("virtual_m4");
  bundle.board_type.set_ram_bytes(262'144);
  bundle.board_type.set_flash_bytes(1'048'576);
  bundle.flash_core = 300;
  // Sixty-four pieces; a kernel of operator k and form f needs the piece of its operator and one of
  // its own.
  for (uint32_t i = 0; i < 64; ++i) bundle.kernel_parts.push_back(100 + i);
  for (uint8_t kind = 1; kind < 16; ++kind) {
    for (uint8_t form = 0; form < 3; ++form) {
      bundle.kernel_forms[{kind, form}] = {kind, uint32_t{16} * (form + 1u) + kind};
    }
  }
  bundle.ram_runtime_static = 5;
  bundle.ram_stack_reserved = 4096;
  bundle.ram_rig = 2000;
  return bundle;
}

v1::Variant Dsp(const std::string& weights = "int8") {
  v1::Variant variant;
  variant.set_kernels("dsp");
  variant.set_weights(weights);
  variant.set_fusion("none");
  variant.set_synthesis("none");
  return variant;
}

PlanFacts SmallFacts() {
  PlanFacts facts;
  facts.blob_bytes = 5000;
  facts.arena_bytes = 10'001;
  facts.input_bytes = 64;
  facts.ops = {{"CONV_2D", 0, 1}, {"CONV_2D", 1, 1}, {"SOFTMAX", 2, 0}};
  return facts;
}

TEST(Fit, CostsCountEachPieceThatIsUsedOnce) {
  PlanFacts facts = SmallFacts();
  const KernelId conv{1, 1}, conv_plain{1, 0}, softmax{7, 0};
  ASSERT_TRUE(AddCosts(SomeBundle(), std::vector{conv, softmax}, &facts).ok());
  EXPECT_EQ(facts.flash_model_bytes, 5000u + 300 + (101 + 133) + (107 + 123));
  EXPECT_EQ(facts.flash_total_bytes, 6000u);
  EXPECT_EQ(facts.ram_static_bytes, 5u);
  // Another form of an operator that is there adds its own piece only.
  const uint64_t before = facts.flash_model_bytes;
  ASSERT_TRUE(AddCosts(SomeBundle(), std::vector{conv, conv_plain, softmax}, &facts).ok());
  EXPECT_EQ(facts.flash_model_bytes, before + 117);
  EXPECT_EQ(AddCosts(SomeBundle(), std::vector{KernelId{0x80, 0}}, &facts).code(), Code::kInternal);
}

TEST(Fit, KernelsAreThoseTheBlobNames) {
  const auto model = compiler::BuildTflite(compiler::SmallModel());
  compiler::Variant variant;
  variant.kernels = runtime::KernelSetId::kReference;
  const auto compiled = compiler::Compile(model, variant);
  ASSERT_TRUE(compiled.ok()) << compiled.status().ToString();
  std::set<uint8_t> kinds;
  for (const KernelId& kernel : KernelsOf(compiled->blob)) {
    kinds.insert(kernel.kind);
    EXPECT_EQ(kernel.form, 0) << "the reference set has no packed weights";
  }
  // CONV_2D, FULLY_CONNECTED, RESHAPE, SOFTMAX
  EXPECT_EQ(kinds, (std::set<uint8_t>{1, 3, 6, 7}));
}

TEST(Fit, SaysWithNumbersWhatDoesNotFit) {
  Bundle bundle = SomeBundle();
  PlanFacts facts = SmallFacts();
  ASSERT_TRUE(AddCosts(bundle, {}, &facts).ok());
  EXPECT_EQ(CheckBoardFit(bundle, facts), "");
  // Exactly at the limit fits, one byte less does not.
  bundle.arena_limit = 10'072 + 64 + 64;  // arena and canary, rounded up; input; canary
  EXPECT_EQ(CheckBoardFit(bundle, facts), "");
  bundle.arena_limit -= 1;
  EXPECT_NE(CheckBoardFit(bundle, facts).find("10199 B"), std::string::npos);
  bundle = SomeBundle();
  bundle.blob_limit = 4999;
  EXPECT_NE(CheckBoardFit(bundle, facts).find("has 4999 B"), std::string::npos);
  bundle = SomeBundle();
  bundle.board_type.set_flash_bytes(5999);
  EXPECT_NE(CheckBoardFit(bundle, facts).find("5999 B"), std::string::npos);
  bundle = SomeBundle();
  bundle.board_type.set_ram_bytes(10'001 + 5 + 4096 + 2000);
  EXPECT_EQ(CheckBoardFit(bundle, facts), "");
  bundle.board_type.set_ram_bytes(10'001 + 5 + 4096 + 2000 - 1);
  EXPECT_NE(CheckBoardFit(bundle, facts), "");
}

TEST(Fit, CampaignLimits) {
  PlanFacts facts = SmallFacts();
  ASSERT_TRUE(AddCosts(SomeBundle(), {}, &facts).ok());
  v1::Limits limits;
  EXPECT_EQ(CheckLimits(limits, facts), "");
  limits.set_flash_model_bytes(5300);
  limits.set_ram_model_bytes(10'006);
  EXPECT_EQ(CheckLimits(limits, facts), "");
  limits.set_flash_model_bytes(5299);
  EXPECT_NE(CheckLimits(limits, facts).find("allows 5299 B"), std::string::npos);
  limits.set_flash_model_bytes(0);
  limits.set_ram_model_bytes(10'005);
  EXPECT_NE(CheckLimits(limits, facts).find("allows 10005 B"), std::string::npos);
}

class PlannerTest : public testing::Test {
 protected:
  ModelPlanner planner_ =
      ModelPlanner::Read("digits", std::string(64, 'a'), ReadZoo("digits_cnn.tflite")).value();
};

TEST_F(PlannerTest, PlansAnImageThatIsWhatItsHashSays) {
  const Bundle bundle = SomeBundle();
  const auto planned = planner_.Plan(Dsp(), bundle);
  ASSERT_TRUE(planned.ok()) << planned.status().ToString();
  ASSERT_TRUE(planned->record.feasible) << planned->record.reason;
  const v1::Image& image = planned->record.image;
  ASSERT_EQ(image.segments_size(), 2);
  EXPECT_EQ(image.segments(1).address(), 0x40000u);
  EXPECT_EQ(image.segments(1).artifact().sha256(), Sha256Hex(planned->blob));
  std::string all(4, '\0');
  all.append(bundle.firmware.size(), '\1');
  all += std::string("\0\0\4\0", 4);
  all += AsText(planned->blob);
  EXPECT_EQ(image.sha256(), Sha256Hex(AsBytes(all)));
  EXPECT_EQ(planned->record.facts.input_bytes, 64u);
  EXPECT_EQ(planned->record.facts.output_bytes, 10u);
  EXPECT_EQ(planned->record.facts.blob_bytes, planned->blob.size());
  EXPECT_FALSE(planned->record.detail.empty());
  PlanFacts again;
  ASSERT_TRUE(PlanFactsFromJson(PlanFactsToJson(planned->record.facts), &again));
  EXPECT_EQ(again.ops.size(), planned->record.facts.ops.size());
  EXPECT_EQ(again.flash_model_bytes, planned->record.facts.flash_model_bytes);
}

TEST_F(PlannerTest, WhatTheCompilerRefusesIsInfeasibleNotAnError) {
  v1::Variant variant = Dsp("int16");
  variant.set_kernels("reference");
  const auto planned = planner_.Plan(variant, SomeBundle());
  ASSERT_TRUE(planned.ok());
  EXPECT_FALSE(planned->record.feasible);
  EXPECT_FALSE(planned->record.reason.empty());
  EXPECT_TRUE(planned->blob.empty());
}

TEST_F(PlannerTest, NamesInAModelMayBeAnyBytes) {
  std::vector<std::byte> model = ReadZoo("digits_cnn.tflite");
  const std::string_view text = AsText(model);
  size_t broken = 0;
  for (size_t at = text.find("conv"); at != std::string_view::npos;
       at = text.find("conv", at + 1)) {
    model[at] = std::byte{0xff};
    ++broken;
  }
  ASSERT_GT(broken, 0u);
  const auto planner = ModelPlanner::Read("digits", std::string(64, 'a'), model);
  ASSERT_TRUE(planner.ok()) << planner.status().ToString();
  const auto planned = planner->Plan(Dsp(), SomeBundle());
  ASSERT_TRUE(planned.ok()) << planned.status().ToString();
  EXPECT_TRUE(planned->record.feasible);
  EXPECT_TRUE(IsUtf8(planned->record.detail));
}

TEST_F(PlannerTest, AFileThatIsNoModelIsAnErrorNamingIt) {
  const Status status = ModelPlanner::Read("notes.txt", "", ReadZoo("README.md")).status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find("notes.txt"), std::string::npos);
}

TEST_F(PlannerTest, ReferenceOutputsAreThoseOfTheModelsMaker) {
  v1::VectorSetRef ref;
  ref.mutable_npz()->set_name("digits_test.npz");
  const auto set = planner_.MakeVectors(ref, ReadZoo("digits_test.npz"));
  ASSERT_TRUE(set.ok()) << set.status().ToString();
  const auto expected = planner_.Expect(*set);
  ASSERT_TRUE(expected.ok()) << expected.status().ToString();
  EXPECT_EQ(expected->vector_count, 360u);
  EXPECT_EQ(expected->labels.size(), 360u);
  // The .npz carries what TensorFlow Lite's interpreter gave.
  const auto& published = set->outputs.find("digits_cnn")->second;
  ASSERT_EQ(published.data.size(), expected->outputs.size());
  EXPECT_EQ(std::memcmp(published.data.data(), expected->outputs.data(), expected->outputs.size()),
            0);
}

TEST(Planner, TheAgentCanMakeTheSamePatternsFromWhatItIsTold) {
  compiler::ModelSpec spec;
  for (const char* name : {"left", "right", "sum"}) {
    spec.tensors.push_back(compiler::Activation8(name, {1, 2, 3, 4}, 0.5f, 3));
  }
  compiler::OpSpec add;
  add.builtin = 0;  // ADD
  add.options = compiler::AddOptions{};
  add.inputs = {0, 1};
  add.outputs = {2};
  spec.ops = {add};
  spec.inputs = {0, 1};
  spec.outputs = {2};
  const auto planner = ModelPlanner::Read("add", "", compiler::BuildTflite(spec));
  ASSERT_TRUE(planner.ok()) << planner.status().ToString();
  v1::VectorSetRef ref;
  ref.set_patterns("AB");
  const auto set = planner->MakeVectors(ref, {});
  ASSERT_TRUE(set.ok()) << set.status().ToString();
  const auto planned = planner->Plan(Dsp(), SomeBundle());
  ASSERT_TRUE(planned.ok()) << planned.status().ToString();
  ASSERT_EQ(planned->record.facts.inputs.size(), 2u);
  std::vector<vectors::InputTensor> told;
  for (const PlanInput& input : planned->record.facts.inputs) {
    told.push_back({input.elements, input.is_float32});
  }
  EXPECT_EQ(vectors::MakePatternSet("AB", told)->Crc32c(), set->Crc32c());
  const vectors::InputTensor one_sequence{48, false};
  EXPECT_NE(vectors::MakePatternSet("AB", std::span(&one_sequence, 1))->Crc32c(), set->Crc32c());
}

TEST_F(PlannerTest, ExpectedSurvivesBeingStored) {
  v1::VectorSetRef ref;
  ref.set_patterns("AB");
  const auto expected = planner_.Expect(*planner_.MakeVectors(ref, {}));
  ASSERT_TRUE(expected.ok());
  const std::vector<std::byte> bytes = EncodeExpected(*expected);
  const auto again = DecodeExpected(bytes);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->outputs, expected->outputs);
  EXPECT_EQ(again->input_crc32c, expected->input_crc32c);
  EXPECT_EQ(again->names, (std::vector<std::string>{"A", "B"}));
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeExpected(std::span(bytes).first(size)).status().code(), Code::kDataLoss)
        << size;
  }
}

TEST_F(PlannerTest, VectorsOfAnotherModelAreRefused) {
  vectors::VectorSet set;
  set.count = 1;
  set.vector_bytes = 63;
  set.inputs.resize(63);
  const Status status = planner_.Expect(set).status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find("63 B"), std::string::npos);
}

}  // namespace
}  // namespace tinyrig::server
