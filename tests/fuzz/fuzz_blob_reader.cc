#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include "firmware/runtime/kernels/kernel.h"
#include "firmware/runtime/model.h"
#include "proto/device/crc32c.h"

namespace {

using namespace tinyrig;

constexpr size_t kArenaBytes = 2048;
constexpr size_t kMaxOps = 6;

/// Memory of exactly `size` bytes at an aligned address, so that the sanitizer sees one byte too
/// many.
struct Exact {
  explicit Exact(size_t size)
      : words(static_cast<std::byte*>(std::aligned_alloc(8, size))), size(size) {}
  ~Exact() { std::free(words); }
  std::span<std::byte> span() { return {words, size}; }
  std::byte* words;
  size_t size;
};

}  // namespace

/// Any bytes as a blob, with size and CRC put right so that the rest is looked at: Prepare()
/// refuses, or Invoke() stays inside.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  size &= ~size_t{7};
  if (size < sizeof(runtime::BlobHeader)) return 0;
  Exact blob(size);
  std::memcpy(blob.words, data, size);
  auto& header = *reinterpret_cast<runtime::BlobHeader*>(blob.words);
  header.magic = runtime::kBlobMagic;
  header.version = runtime::kBlobVersion;
  header.total_bytes = static_cast<uint32_t>(size);
  header.crc32c =
      device::Crc32c(blob.words + runtime::kBlobCrcStart, size - runtime::kBlobCrcStart);
  const runtime::KernelSet& kernels = header.kernel_set == runtime::KernelSetId::kDsp
                                          ? runtime::DspKernels()
                                          : runtime::ReferenceKernels();
  Exact arena(kArenaBytes);
  std::memset(arena.words, 0x5A, arena.size);
  runtime::Model model(kernels);
  if (model.Prepare(blob.span(), arena.span()) != Code::kOk) return 0;
  for (size_t i = 0; i < model.input_count(); ++i) {
    const auto input = model.Input(i);
    std::memset(input.data.data(), 0x3C, input.data.size());
  }
  // Time is bounded by what an operator can do in this arena times their number.
  if (header.op_count <= kMaxOps) model.Invoke();
  return 0;
}
