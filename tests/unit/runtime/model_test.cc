#include "firmware/runtime/model.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "firmware/compiler/compile.h"
#include "firmware/runtime/kernels/kernel.h"
#include "proto/device/crc32c.h"
#include "tests/unit/compiler/model_builder.h"

namespace tinyrig::runtime {
namespace {

class ModelTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto bytes = compiler::BuildTflite(compiler::SmallModel());
    const auto compiled = compiler::Compile(bytes, compiler::Variant{});
    ASSERT_TRUE(compiled.ok()) << compiled.status().ToString();
    storage_.resize(compiled->blob.size() / 8 + 2);
    std::memcpy(storage_.data(), compiled->blob.data(), compiled->blob.size());
    size_ = compiled->blob.size();
    arena_.resize(compiled->plan.arena_bytes / 8 + 2);
  }

  std::span<std::byte> blob() { return std::as_writable_bytes(std::span(storage_)).first(size_); }
  std::span<std::byte> arena() { return std::as_writable_bytes(std::span(arena_)); }
  BlobHeader& header() { return *reinterpret_cast<BlobHeader*>(storage_.data()); }
  void FixCrc() {
    header().crc32c =
        device::Crc32c(blob().data() + kBlobCrcStart, header().total_bytes - kBlobCrcStart);
  }

  std::vector<uint64_t> storage_;
  size_t size_ = 0;
  std::vector<uint64_t> arena_;
  Model model_;  // Linked with the dsp kernels.
};

TEST_F(ModelTest, PreparesAndTells) {
  ASSERT_EQ(model_.Prepare(blob(), arena()), Code::kOk);
  EXPECT_TRUE(model_.prepared());
  ASSERT_EQ(model_.input_count(), 1u);
  ASSERT_EQ(model_.output_count(), 1u);
  const TensorView input = model_.Input(0);
  EXPECT_EQ(input.data.size(), 32u);
  EXPECT_EQ(std::vector<uint32_t>(input.shape.begin(), input.shape.end()),
            (std::vector<uint32_t>{1, 4, 4, 2}));
  EXPECT_EQ(input.scale, 0.02f);
  EXPECT_EQ(input.zero_point, -5);
  EXPECT_EQ(model_.Output(0).data.size(), 2u);
  EXPECT_EQ(model_.Output(0).tflite_tensor, 8);
}

TEST_F(ModelTest, ExactArenaIsEnoughAndOneByteLessIsNot) {
  const size_t needed = header().arena_bytes;
  EXPECT_EQ(model_.Prepare(blob(), arena().first(needed)), Code::kOk);
  EXPECT_EQ(model_.Prepare(blob(), arena().first(needed - 1)), Code::kResourceExhausted);
  EXPECT_FALSE(model_.prepared());
}

TEST_F(ModelTest, RefusesMisalignedMemory) {
  EXPECT_EQ(model_.Prepare(blob(), arena().subspan(4)), Code::kInvalidArgument);
  std::memmove(blob().data() + 4, blob().data(), size_ - 4);
  EXPECT_EQ(model_.Prepare(blob().subspan(4), arena()), Code::kInvalidArgument);
}

TEST_F(ModelTest, RefusesAnotherKernelSet) {
  Model reference(ReferenceKernels());
  EXPECT_EQ(reference.Prepare(blob(), arena()), Code::kFailedPrecondition);
}

TEST_F(ModelTest, RefusesEveryShorterBlob) {
  for (size_t size = 0; size < size_; ++size) {
    EXPECT_NE(model_.Prepare(blob().first(size), arena()), Code::kOk) << size;
  }
}

TEST_F(ModelTest, NoticesEveryFlippedBit) {
  for (size_t byte = 0; byte < size_; ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      blob()[byte] ^= static_cast<std::byte>(1 << bit);
      EXPECT_NE(model_.Prepare(blob(), arena()), Code::kOk) << byte << "." << bit;
      blob()[byte] ^= static_cast<std::byte>(1 << bit);
    }
  }
}

TEST_F(ModelTest, SaysWhyAHeaderIsRefused) {
  const BlobHeader good = header();
  const auto prepare = [&](auto change) {
    header() = good;
    change(header());
    FixCrc();
    return model_.Prepare(blob(), arena());
  };
  EXPECT_EQ(prepare([](BlobHeader&) {}), Code::kOk);
  EXPECT_EQ(prepare([](BlobHeader& h) { h.magic ^= 1; }), Code::kInvalidArgument);
  EXPECT_EQ(prepare([](BlobHeader& h) { h.version = 1; }), Code::kUnimplemented);
  EXPECT_EQ(prepare([](BlobHeader& h) { h.fusion = 2; }), Code::kUnimplemented);
  EXPECT_EQ(prepare([](BlobHeader& h) { h.tensors_offset = 2; }), Code::kInvalidArgument);
  EXPECT_EQ(prepare([](BlobHeader& h) { h.ops_offset = h.total_bytes - 8; }),
            Code::kInvalidArgument);
  EXPECT_EQ(prepare([](BlobHeader& h) { h.op_count = 60000; }), Code::kInvalidArgument);
  EXPECT_EQ(prepare([](BlobHeader& h) { h.arena_bytes -= 8; }), Code::kInvalidArgument);
  EXPECT_EQ(prepare([](BlobHeader& h) { h.arena_bytes = 1 << 20; }), Code::kResourceExhausted);
}

class Collector : public OpObserver {
 public:
  void OnOp(const OpResult& result) override {
    ops.push_back(result.op);
    tflite_ops.push_back(result.tflite_op);
    tensors.push_back(result.tflite_tensor);
    bytes.push_back(result.data.size());
  }
  std::vector<int> ops, tflite_ops, tensors;
  std::vector<size_t> bytes;
};

TEST_F(ModelTest, ObserverSeesEveryOperatorInOrder) {
  ASSERT_EQ(model_.Prepare(blob(), arena()), Code::kOk);
  Collector collector;
  model_.Invoke(&collector);
  EXPECT_EQ(collector.ops, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(collector.tflite_ops, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(collector.tensors, (std::vector<int>{3, 4, 7, 8}));
  EXPECT_EQ(collector.bytes, (std::vector<size_t>{48, 48, 2, 2}));
}

TEST_F(ModelTest, InvokeDependsOnNothingButTheInput) {
  ASSERT_EQ(model_.Prepare(blob(), arena()), Code::kOk);
  std::vector<std::vector<std::byte>> outputs;
  for (const int fill : {0x00, 0xFF, 0x5A}) {
    std::memset(arena().data(), fill, arena().size());
    std::memset(model_.Input(0).data.data(), 42, model_.Input(0).data.size());
    model_.Invoke();
    const auto data = model_.Output(0).data;
    outputs.emplace_back(data.begin(), data.end());
  }
  EXPECT_EQ(outputs[0], outputs[1]);
  EXPECT_EQ(outputs[0], outputs[2]);
}

}  // namespace
}  // namespace tinyrig::runtime
