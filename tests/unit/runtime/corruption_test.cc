#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "firmware/compiler/compile.h"
#include "firmware/runtime/kernels/kernel.h"
#include "firmware/runtime/model.h"
#include "proto/device/crc32c.h"
#include "tests/unit/compiler/model_builder.h"
#include "tests/unit/compiler/random_net.h"
#include "tests/unit/fusion/random_trunk.h"

/// Blobs with wrong numbers and a right CRC: Prepare() refuses them, or Invoke() stays inside blob
/// and arena.
namespace tinyrig::runtime {
namespace {

constexpr size_t kGuard = 64;
constexpr std::byte kCanary{0xA5};

/// Memory between canaries, aligned as blobs and arenas must be.
class Guarded {
 public:
  explicit Guarded(size_t size) : size_(size), words_((size + 2 * kGuard + 7) / 8 + 1) {
    std::memset(words_.data(), static_cast<int>(kCanary), words_.size() * 8);
  }
  std::span<std::byte> span() { return all().subspan(kGuard, size_); }
  bool Intact() {
    for (std::byte byte : all().first(kGuard)) {
      if (byte != kCanary) return false;
    }
    for (std::byte byte : all().subspan(kGuard + size_)) {
      if (byte != kCanary) return false;
    }
    return true;
  }

 private:
  std::span<std::byte> all() { return std::as_writable_bytes(std::span(words_)); }
  size_t size_;
  std::vector<uint64_t> words_;
};

void FixCrc(std::span<std::byte> blob) {
  auto& header = *reinterpret_cast<BlobHeader*>(blob.data());
  if (header.total_bytes < sizeof(BlobHeader) || header.total_bytes > blob.size()) return;
  header.crc32c = device::Crc32c(blob.data() + kBlobCrcStart, header.total_bytes - kBlobCrcStart);
}

/// What became of all the corruptions of one blob.
struct Tally {
  int refused = 0;
  int ran = 0;
};

/// The arena is as large as the sound blob wants, so that a wrong blob cannot ask for more.
void Try(const KernelSet& kernels, std::span<std::byte> blob, size_t arena_bytes, Tally& tally) {
  const std::vector<std::byte> before(blob.begin(), blob.end());
  Guarded arena(arena_bytes);
  Model model(kernels);
  if (model.Prepare(blob, arena.span()) != Code::kOk) {
    ++tally.refused;
  } else {
    model.Invoke();
    ++tally.ran;
  }
  ASSERT_TRUE(arena.Intact());
  ASSERT_EQ(std::memcmp(blob.data(), before.data(), blob.size()), 0) << "the blob was written";
}

/// Each byte of a model's blob that is no weight, wrong in eleven ways.
void CorruptAll(const std::vector<std::byte>& tflite, const compiler::Variant& variant,
                Tally& tally) {
  const KernelSet& kernels =
      variant.kernels == KernelSetId::kDsp ? DspKernels() : ReferenceKernels();
  const auto compiled = compiler::Compile(tflite, variant);
  ASSERT_TRUE(compiled.ok()) << compiled.status().message();
  BlobHeader header;
  std::memcpy(&header, compiled->blob.data(), sizeof(header));
  Guarded memory(compiled->blob.size());
  const auto blob = memory.span();
  // All structure, and the first bytes of data: what lies further are weights, which cannot do
  // harm. Tables of fused phases lie everywhere.
  const size_t data = header.fusion != 0 ? 768 : 256;
  const size_t structure = std::min<size_t>(blob.size(), header.data_offset + data);
  const auto corrupt = [&](size_t at, auto change) {
    std::memcpy(blob.data(), compiled->blob.data(), blob.size());
    change(blob[at]);
    FixCrc(blob);
    Try(kernels, blob, header.arena_bytes, tally);
  };
  for (size_t at = 0; at < structure; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      corrupt(at, [bit](std::byte& byte) { byte ^= static_cast<std::byte>(1 << bit); });
    }
    corrupt(at, [](std::byte& byte) { byte = std::byte{0}; });
    corrupt(at, [](std::byte& byte) { byte = std::byte{0xFF}; });
    corrupt(at, [](std::byte& byte) { byte = std::byte{0x7F}; });
  }
  ASSERT_TRUE(memory.Intact());
}

class CorruptionTest : public testing::TestWithParam<const char*> {};

TEST_P(CorruptionTest, WrongNumbersNeverLeaveBlobAndArena) {
  const auto variant = compiler::ParseVariant(GetParam());
  ASSERT_TRUE(variant.ok());
  Tally tally;
  constexpr uint32_t kChains = 12;  // The rest are nets of all operators.
  for (uint32_t seed = 0; seed < kChains + 24; ++seed) {
    const auto spec = seed == 0        ? compiler::SmallModel()
                      : seed < kChains ? compiler::RandomModel(seed)
                                       : compiler::RandomNet(seed);
    CorruptAll(compiler::BuildTflite(spec), *variant, tally);
  }
  // Both ways must have been taken for the test to mean something.
  EXPECT_GT(tally.refused, 1000);
  EXPECT_GT(tally.ran, 1000);
}

/// Fused phases: their tables lie among the weights.
TEST(FusedCorruptionTest, WrongTablesNeverLeaveBlobAndArena) {
  Tally tally;
  for (uint32_t seed = 1; seed <= 5; ++seed) {
    for (const char* text : {"fusion=tiny:min_ram:input=resident:output=resident",
                             "kernels=reference,fusion=head_stream"}) {
      const auto variant = compiler::ParseVariant(text);
      ASSERT_TRUE(variant.ok());
      const auto tflite = compiler::BuildTflite(compiler::RandomTrunk(seed));
      if (!compiler::Compile(tflite, *variant).ok()) continue;
      CorruptAll(tflite, *variant, tally);
    }
  }
  EXPECT_GT(tally.refused, 1000);
  EXPECT_GT(tally.ran, 1000);
}

INSTANTIATE_TEST_SUITE_P(Variants, CorruptionTest,
                         testing::Values("kernels=reference", "weights=int8", "weights=int16"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) {
                             if (c == '=') c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace tinyrig::runtime
