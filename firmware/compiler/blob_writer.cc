#include "firmware/compiler/blob_writer.h"

#include <algorithm>
#include <cstring>

#include "firmware/runtime/blob_format.h"
#include "proto/device/crc32c.h"

namespace tinyrig::compiler {
namespace {

using runtime::BlobHeader;
using runtime::ElementType;
using runtime::OpRecord;
using runtime::TensorRecord;

/// A growing blob; every piece starts at a multiple of 4.
class Writer {
 public:
  uint32_t Append(std::span<const std::byte> piece) {
    const auto offset = static_cast<uint32_t>(bytes_.size());
    bytes_.insert(bytes_.end(), piece.begin(), piece.end());
    bytes_.resize(runtime::RoundUp(bytes_.size(), 4));
    return offset;
  }
  template <typename T>
  uint32_t AppendRecords(const std::vector<T>& records) {
    return Append(std::as_bytes(std::span(records)));
  }
  void Overwrite(uint32_t offset, std::span<const std::byte> piece) {
    std::copy(piece.begin(), piece.end(), bytes_.begin() + offset);
  }
  std::vector<std::byte>& bytes() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

ElementType ToElementType(DataType type) {
  switch (type) {
    case DataType::kInt32:
      return ElementType::kInt32;
    case DataType::kFloat32:
      return ElementType::kFloat32;
    default:
      return ElementType::kInt8;
  }
}

/// Tensors that lie in the arena and constants that operators read as tensors; `index` maps from
/// the graph's numbers to the blob's.
struct TensorTable {
  std::vector<TensorRecord> records;
  std::vector<uint16_t> index;
};

std::vector<bool> FindOperands(const Graph& graph, const std::vector<LoweredOp>& ops) {
  std::vector<bool> is_operand(graph.tensors.size());
  for (const LoweredOp& op : ops) {
    for (uint32_t input : op.inputs) is_operand[input] = graph.tensors[input].constant.has_value();
  }
  return is_operand;
}

TensorTable MakeTensors(const Graph& graph, const std::vector<LoweredOp>& ops,
                        const ArenaLayout& layout) {
  TensorTable table;
  table.index.assign(graph.tensors.size(), runtime::kNoTensor);
  const std::vector<bool> is_operand = FindOperands(graph, ops);
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    const uint64_t offset = layout.tensor_offsets[i];
    const bool is_placed = offset != ArenaLayout::kUnplaced;
    if (!is_placed && !is_operand[i]) continue;
    const Tensor& tensor = graph.tensors[i];
    TensorRecord record{};
    // The place of a constant is known when it is written.
    record.place = offset == ArenaLayout::kInner      ? runtime::Place::kInner
                   : offset == ArenaLayout::kStreamed ? runtime::Place::kStreamed
                   : is_placed                        ? runtime::Place::kArena
                                                      : runtime::Place::kBlob;
    if (record.place == runtime::Place::kArena) {
      record.offset = static_cast<uint32_t>(layout.tensor_offsets[i]);
    }
    for (size_t d = 0; d < runtime::kMaxRank; ++d) {
      record.dims[d] = d < tensor.shape.size() ? tensor.shape[d] : 1;
    }
    if (tensor.type == DataType::kInt8 && !tensor.quantization.scale.empty()) {
      record.scale = tensor.quantization.scale[0];
      record.zero_point = static_cast<int16_t>(tensor.quantization.zero_point[0]);
    }
    record.tflite_tensor = static_cast<uint16_t>(i);
    record.type = ToElementType(tensor.type);
    record.rank = static_cast<uint8_t>(tensor.shape.size());
    table.index[i] = static_cast<uint16_t>(table.records.size());
    table.records.push_back(record);
  }
  return table;
}

/// Writes the constants that are operands.
void WriteOperands(Writer& writer, const Graph& graph, TensorTable& tensors) {
  for (TensorRecord& record : tensors.records) {
    if (record.place != runtime::Place::kBlob) continue;
    record.offset = writer.Append(*graph.tensors[record.tflite_tensor].constant);
  }
}

/// Writes the operator's constants, then its parameters with their offsets filled in.
OpRecord WriteOp(Writer& writer, const LoweredOp& op, uint64_t scratch_offset,
                 const TensorTable& tensors) {
  std::vector<std::byte> params = op.params;
  for (const Constant& constant : op.constants) {
    const uint32_t offset = writer.Append(constant.bytes);
    std::memcpy(params.data() + constant.patch_at, &offset, sizeof(offset));
  }
  OpRecord record{};
  record.kind = op.kind;
  record.form = op.form;
  record.tflite_op = static_cast<uint16_t>(op.tflite_op);
  for (size_t i = 0; i < std::size(record.inputs); ++i) {
    record.inputs[i] = i < op.inputs.size() ? tensors.index[op.inputs[i]] : runtime::kNoTensor;
  }
  record.output = tensors.index[op.output];
  record.params_bytes = static_cast<uint16_t>(params.size());
  record.params_offset = params.empty() ? 0 : writer.Append(params);
  record.scratch_offset = static_cast<uint32_t>(scratch_offset);
  record.scratch_bytes = static_cast<uint32_t>(op.scratch_bytes);
  if (op.is_part) record.flags |= runtime::kOpIsPart;
  if (op.is_fused) record.flags |= runtime::kOpIsFused;
  return record;
}

uint64_t EstimateBytes(const Graph& graph, const std::vector<LoweredOp>& ops) {
  uint64_t bytes = 0;
  for (const LoweredOp& op : ops) {
    for (uint32_t input : op.inputs) {
      if (graph.tensors[input].constant) bytes += graph.tensors[input].Bytes() + 4;
    }
    for (const Constant& constant : op.constants) bytes += constant.bytes.size() + 4;
  }
  return bytes;
}

}  // namespace

Result<std::vector<std::byte>> WriteBlob(const Graph& graph, const std::vector<LoweredOp>& ops,
                                         const ArenaLayout& layout, const Variant& variant) {
  if (EstimateBytes(graph, ops) > INT32_MAX) {
    return Status(Code::kResourceExhausted, "the model's weights exceed 2 GB; use a smaller model");
  }
  TensorTable tensors = MakeTensors(graph, ops, layout);
  std::vector<uint16_t> io;
  for (uint32_t input : graph.inputs) io.push_back(tensors.index[input]);
  for (uint32_t output : graph.outputs) io.push_back(tensors.index[output]);

  Writer writer;
  BlobHeader header{};
  writer.Append(std::as_bytes(std::span(&header, 1)));
  header.tensors_offset = writer.AppendRecords(tensors.records);
  std::vector<OpRecord> records(ops.size());
  header.ops_offset = writer.AppendRecords(records);
  header.io_offset = writer.AppendRecords(io);
  header.data_offset = static_cast<uint32_t>(writer.bytes().size());
  WriteOperands(writer, graph, tensors);
  writer.Overwrite(header.tensors_offset, std::as_bytes(std::span(tensors.records)));
  for (size_t i = 0; i < ops.size(); ++i) {
    records[i] = WriteOp(writer, ops[i], layout.scratch_offsets[i], tensors);
  }
  writer.Overwrite(header.ops_offset, std::as_bytes(std::span(records)));

  header.magic = runtime::kBlobMagic;
  header.version = runtime::kBlobVersion;
  header.header_bytes = sizeof(BlobHeader);
  header.total_bytes = static_cast<uint32_t>(writer.bytes().size());
  header.arena_bytes = static_cast<uint32_t>(layout.bytes);
  header.kernel_set = variant.kernels;
  header.weights = variant.kernels == runtime::KernelSetId::kReference ? runtime::WeightForm::kPlain
                                                                       : variant.weights;
  header.fusion = std::ranges::any_of(ops, &LoweredOp::is_fused) ? 1 : 0;
  header.tensor_count = static_cast<uint16_t>(tensors.records.size());
  header.op_count = static_cast<uint16_t>(ops.size());
  header.input_count = static_cast<uint16_t>(graph.inputs.size());
  header.output_count = static_cast<uint16_t>(graph.outputs.size());
  header.model_bytes = static_cast<uint32_t>(graph.file_bytes);
  header.model_crc32c = graph.file_crc32c;
  writer.Overwrite(0, std::as_bytes(std::span(&header, 1)));
  header.crc32c = device::Crc32c(writer.bytes().data() + runtime::kBlobCrcStart,
                                 writer.bytes().size() - runtime::kBlobCrcStart);
  writer.Overwrite(0, std::as_bytes(std::span(&header, 1)));
  return std::move(writer.bytes());
}

}  // namespace tinyrig::compiler
