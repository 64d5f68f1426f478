#include "firmware/runtime/model.h"

#include "firmware/runtime/kernels/kernel.h"
#include "proto/device/crc32c.h"

namespace tinyrig::runtime {
namespace {

template <typename T>
bool SectionFits(const BlobHeader& header, uint32_t offset, uint32_t count) {
  return offset % 4 == 0 && offset >= sizeof(BlobHeader) && offset <= header.total_bytes &&
         uint64_t{count} * sizeof(T) <= header.total_bytes - offset;
}

bool IsAligned(const void* pointer, size_t alignment) {
  return reinterpret_cast<uintptr_t>(pointer) % alignment == 0;
}

bool PlaceFits(const OpCheck& check, const TensorRecord& tensor, uint64_t bytes) {
  switch (tensor.place) {
    case Place::kArena:
      return check.InArena(tensor.offset, bytes);
    case Place::kBlob:
      return check.InData(tensor.offset, bytes);
    case Place::kInner:
    case Place::kStreamed:
      return tensor.offset == 0;
  }
  return false;
}

/// Bytes of a tensor, or 0 when its record makes no sense.
uint64_t TensorBytes(const TensorRecord& tensor) {
  uint64_t bytes = ElementBytes(tensor.type);
  if (tensor.rank > kMaxRank || tensor.reserved != 0) return 0;
  for (size_t i = 0; i < kMaxRank; ++i) {
    if (i >= tensor.rank && tensor.dims[i] != 1) return 0;
    bytes *= tensor.dims[i];
    if (bytes > UINT32_MAX) return 0;
  }
  return bytes;
}

Code CheckHeader(std::span<const std::byte> blob, const BlobHeader& header) {
  if (header.magic != kBlobMagic) return Code::kInvalidArgument;
  if (header.version != kBlobVersion) return Code::kUnimplemented;
  if (header.header_bytes != sizeof(BlobHeader) || header.total_bytes < sizeof(BlobHeader) ||
      header.total_bytes % 4 != 0) {
    return Code::kInvalidArgument;
  }
  if (header.total_bytes > blob.size()) return Code::kDataLoss;
  if (device::Crc32c(blob.data() + kBlobCrcStart, header.total_bytes - kBlobCrcStart) !=
      header.crc32c) {
    return Code::kDataLoss;
  }
  if (header.fusion > 1 || header.synthesis != 0) return Code::kUnimplemented;
  const bool sections_fit =
      SectionFits<TensorRecord>(header, header.tensors_offset, header.tensor_count) &&
      SectionFits<OpRecord>(header, header.ops_offset, header.op_count) &&
      SectionFits<uint16_t>(header, header.io_offset,
                            uint32_t{header.input_count} + header.output_count) &&
      SectionFits<std::byte>(header, header.data_offset, 0);
  return sections_fit ? Code::kOk : Code::kInvalidArgument;
}

bool IndexOrNone(uint16_t index, const BlobHeader& header) {
  return index == kNoTensor || index < header.tensor_count;
}

/// Whether an operator's tensors are where it looks for them. What a fused phase computes may have
/// inner tensors; it says itself where their values are.
bool PlacesSuit(const OpCheck& check) {
  const bool fused = (check.op->flags & kOpIsFused) != 0;
  for (const uint16_t input : check.op->inputs) {
    if (input == kNoTensor || fused) continue;
    const Place place = check.tensors[input].place;
    const bool here = place == Place::kArena || place == Place::kBlob;
    if (!here && (place != Place::kStreamed || check.op->kind != OpKind::kFusedPhase)) return false;
  }
  return check.output().place == Place::kArena || (check.output().place == Place::kInner && fused);
}

Code CheckOp(const OpCheck& check, const BlobHeader& header, const KernelSet& kernels) {
  const OpRecord& op = *check.op;
  const bool sound = IndexOrNone(op.inputs[0], header) && IndexOrNone(op.inputs[1], header) &&
                     op.output < header.tensor_count && PlacesSuit(check) &&
                     (op.flags & ~(kOpIsPart | kOpIsFused)) == 0 &&
                     check.InArena(op.scratch_offset, op.scratch_bytes) &&
                     (op.params_bytes == 0 || check.InData(op.params_offset, op.params_bytes));
  if (!sound) return Code::kInvalidArgument;
  const Kernel* kernel = kernels.Find(op.kind, op.form);
  return kernel ? kernel->prepare(check) : Code::kUnimplemented;
}

}  // namespace

Code Model::Prepare(std::span<const std::byte> blob, std::span<std::byte> arena) {
  blob_ = nullptr;
  if (blob.size() < sizeof(BlobHeader) || !IsAligned(blob.data(), kBlobAlignment)) {
    return Code::kInvalidArgument;
  }
  const auto& header = *reinterpret_cast<const BlobHeader*>(blob.data());
  if (const Code code = CheckHeader(blob, header); code != Code::kOk) return code;
  if (header.kernel_set != kernels_->id) return Code::kFailedPrecondition;
  if (header.arena_bytes > arena.size()) return Code::kResourceExhausted;
  if (!IsAligned(arena.data(), kArenaAlignment)) return Code::kInvalidArgument;

  OpCheck check;
  check.blob = blob.data();
  check.arena = arena.data();
  check.kernels = kernels_;
  check.tensors = check.InBlob<TensorRecord>(header.tensors_offset);
  check.data_offset = header.data_offset;
  check.total_bytes = header.total_bytes;
  check.arena_bytes = header.arena_bytes;

  for (uint32_t i = 0; i < header.tensor_count; ++i) {
    const uint64_t bytes = TensorBytes(check.tensors[i]);
    if (bytes == 0 || !PlaceFits(check, check.tensors[i], bytes)) {
      return Code::kInvalidArgument;
    }
  }
  const auto* io = check.InBlob<uint16_t>(header.io_offset);
  for (uint32_t i = 0; i < uint32_t{header.input_count} + header.output_count; ++i) {
    if (io[i] >= header.tensor_count) return Code::kInvalidArgument;
    const Place place = check.tensors[io[i]].place;
    const bool streams = place == Place::kStreamed && i == 0 && header.input_count == 1;
    if (place != Place::kArena && !streams) return Code::kInvalidArgument;
  }
  for (uint32_t i = 0; i < header.tensor_count; ++i) {
    const bool is_input = header.input_count == 1 && io[0] == i;
    if (check.tensors[i].place == Place::kStreamed && !is_input) return Code::kInvalidArgument;
  }
  const auto* ops = check.InBlob<OpRecord>(header.ops_offset);
  check.first_op = ops;
  for (uint32_t i = 0; i < header.op_count; ++i) {
    check.op = ops + i;
    if (const Code code = CheckOp(check, header, *kernels_); code != Code::kOk) return code;
  }
  blob_ = blob.data();
  arena_ = arena.data();
  return Code::kOk;
}

void Model::Invoke(OpObserver* observer, uint64_t* fused_macs) {
  uint64_t counted = 0;
  uint64_t reported = 0;
  OpContext context;
  context.macs = observer != nullptr || fused_macs != nullptr ? &counted : nullptr;
  context.blob = blob_;
  context.arena = arena_;
  context.kernels = kernels_;
  context.stream = stream_;
  context.tensors = context.InBlob<TensorRecord>(header().tensors_offset);
  const auto* ops = context.InBlob<OpRecord>(header().ops_offset);
  for (uint16_t i = 0; i < header().op_count; ++i) {
    const OpRecord& op = ops[i];
    if ((op.flags & kOpIsFused) != 0) continue;
    context.op = &op;
    kernels_->Find(op.kind, op.form)->invoke(context);
    if (observer == nullptr || (op.flags & kOpIsPart) != 0) continue;
    const TensorRecord& output = context.output();
    const auto bytes = static_cast<size_t>(TensorBytes(output));
    observer->OnOp({i,
                    op.tflite_op,
                    output.tflite_tensor,
                    op.kind,
                    {arena_ + output.offset, bytes},
                    counted - reported});
    reported = counted;
  }
  if (fused_macs != nullptr) *fused_macs += counted;
}

const TensorRecord& Model::Record(size_t io_index) const {
  const uint16_t index = reinterpret_cast<const uint16_t*>(blob_ + header().io_offset)[io_index];
  return reinterpret_cast<const TensorRecord*>(blob_ + header().tensors_offset)[index];
}

TensorView Model::View(size_t io_index) const {
  const TensorRecord& tensor = Record(io_index);
  std::byte* data = tensor.place == Place::kStreamed ? stream_ : arena_ + tensor.offset;
  return {.data = {data, static_cast<size_t>(TensorBytes(tensor))},
          .type = tensor.type,
          .shape = {tensor.dims, tensor.rank},
          .scale = tensor.scale,
          .zero_point = tensor.zero_point,
          .tflite_tensor = tensor.tflite_tensor};
}

TensorView Model::Input(size_t index) const { return View(index); }

TensorView Model::Output(size_t index) const { return View(header().input_count + index); }

}  // namespace tinyrig::runtime
