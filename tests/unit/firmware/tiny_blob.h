#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "firmware/runtime/blob_format.h"
#include "proto/device/crc32c.h"

namespace tinyrig::device {

/// A blob of the smallest model there is: one RESHAPE that copies `bytes` int8 values from its
/// input (arena offset 0) to its output behind it. Written by hand, so that tests of the session
/// need no compiler. Lies in a vector of 64-bit words to be aligned as a blob must be.
inline std::vector<uint64_t> TinyBlob(uint32_t bytes) {
  using namespace runtime;
  struct Layout {
    BlobHeader header;
    TensorRecord tensors[2];
    OpRecord op;
    uint16_t io[2];
  };
  static_assert(sizeof(Layout) % 4 == 0);
  const auto offset = static_cast<uint32_t>(RoundUp(bytes, kArenaAlignment));
  Layout blob{};
  blob.header.magic = kBlobMagic;
  blob.header.version = kBlobVersion;
  blob.header.header_bytes = sizeof(BlobHeader);
  blob.header.total_bytes = sizeof(Layout);
  blob.header.arena_bytes = 2 * offset;
  blob.header.kernel_set = KernelSetId::kReference;
  blob.header.tensor_count = 2;
  blob.header.op_count = 1;
  blob.header.input_count = 1;
  blob.header.output_count = 1;
  blob.header.tensors_offset = offsetof(Layout, tensors);
  blob.header.ops_offset = offsetof(Layout, op);
  blob.header.io_offset = offsetof(Layout, io);
  blob.header.data_offset = sizeof(Layout);
  for (uint16_t i = 0; i < 2; ++i) {
    TensorRecord& tensor = blob.tensors[i];
    tensor.offset = i * offset;
    for (uint32_t& dim : tensor.dims) dim = 1;
    tensor.dims[0] = bytes;
    tensor.scale = 1;
    tensor.tflite_tensor = static_cast<uint16_t>(7 + i);
    tensor.type = ElementType::kInt8;
    tensor.rank = 1;
  }
  blob.op.kind = OpKind::kReshape;
  blob.op.tflite_op = 3;
  blob.op.inputs[0] = 0;
  blob.op.inputs[1] = kNoTensor;
  blob.op.output = 1;
  blob.io[0] = 0;
  blob.io[1] = 1;
  const auto* start = reinterpret_cast<const std::byte*>(&blob);
  blob.header.crc32c = Crc32c(start + kBlobCrcStart, sizeof(blob) - kBlobCrcStart);
  std::vector<uint64_t> words((sizeof(blob) + 7) / 8);
  std::memcpy(words.data(), &blob, sizeof(blob));
  return words;
}

}  // namespace tinyrig::device
