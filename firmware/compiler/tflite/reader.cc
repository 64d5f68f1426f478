#include "firmware/compiler/tflite/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "firmware/compiler/tflite/options.h"
#include "proto/device/crc32c.h"

namespace tinyrig::compiler {
namespace {

constexpr size_t kMaxRank = 8;
constexpr size_t kMaxCount =
    65535;  // Of tensors and of operators: indices are 16 bit on the device.

Status Invalid(std::string message, std::string_view remedy = "convert the model again") {
  return {Code::kInvalidArgument, fmt::format("{}; {}", message, remedy)};
}

/// A name from the file, short and printable.
std::string CleanName(const flatbuffers::String* name) {
  constexpr size_t kMaxName = 96;
  if (name == nullptr) return {};
  std::string text(name->c_str(), std::min<size_t>(name->size(), kMaxName));
  for (char& c : text) {
    if (c < 0x20 || c > 0x7E) c = '?';
  }
  return text;
}

DataType ToDataType(int8_t type) {
  const bool known = type >= 0 && type <= static_cast<int8_t>(DataType::kInt8);
  return known ? static_cast<DataType>(type) : DataType::kOther;
}

std::vector<int32_t> ToVector(const flatbuffers::Vector<int32_t>* source) {
  if (source == nullptr) return {};
  return {source->begin(), source->end()};
}

/// Element of a vector of 64-bit numbers; the verifier does not look at their alignment.
int64_t At(const flatbuffers::Vector<int64_t>& vector, flatbuffers::uoffset_t index) {
  int64_t value;
  std::memcpy(&value, vector.Data() + index * sizeof(value), sizeof(value));
  return value;
}

Result<Quantization> ReadQuantization(const fbs::QuantizationParameters* source,
                                      const Tensor& tensor) {
  Quantization quantization;
  if (source == nullptr || source->scale() == nullptr || source->scale()->size() == 0) {
    return quantization;
  }
  const auto& scale = *source->scale();
  const auto* zero_point = source->zero_point();
  if (zero_point != nullptr && zero_point->size() != 0 && zero_point->size() != scale.size()) {
    return Invalid(
        fmt::format("has {} scales but {} zero points", scale.size(), zero_point->size()));
  }
  const int32_t axis = source->quantized_dimension();
  if (scale.size() > 1) {
    if (axis < 0 || static_cast<size_t>(axis) >= tensor.shape.size()) {
      return Invalid(fmt::format("is quantised along dimension {}, but has {} dimensions", axis,
                                 tensor.shape.size()));
    }
    if (tensor.shape[static_cast<size_t>(axis)] != scale.size()) {
      return Invalid(fmt::format("has {} scales for dimension {} of size {}", scale.size(), axis,
                                 tensor.shape[static_cast<size_t>(axis)]));
    }
    quantization.axis = static_cast<uint32_t>(axis);
  }
  for (flatbuffers::uoffset_t i = 0; i < scale.size(); ++i) {
    // Converters leave odd scales on biases; those that are used are checked again where they are.
    if (!std::isfinite(scale[i])) {
      return Invalid(fmt::format("has scale {}, not a finite number", scale[i]));
    }
    const int64_t zero = zero_point && zero_point->size() ? At(*zero_point, i) : 0;
    if (zero < INT32_MIN || zero > INT32_MAX ||
        (tensor.type == DataType::kInt8 && (zero < INT8_MIN || zero > INT8_MAX))) {
      return Invalid(fmt::format("has zero point {}, outside its type", zero));
    }
    quantization.scale.push_back(scale[i]);
    quantization.zero_point.push_back(static_cast<int32_t>(zero));
  }
  return quantization;
}

Status ReadShape(const fbs::Tensor& source, Tensor& tensor) {
  uint64_t count = 1;
  for (int32_t dim : ToVector(source.shape())) {
    if (dim < 1) {
      return Invalid(fmt::format("has a dimension of {}", dim),
                     "fix all dimensions (batch 1) when converting");
    }
    tensor.shape.push_back(static_cast<uint32_t>(dim));
    count *= static_cast<uint32_t>(dim);
    if (count > kMaxTensorElements || tensor.shape.size() > kMaxRank) {
      return Invalid(
          fmt::format("has more than {} elements or {} dimensions", kMaxTensorElements, kMaxRank));
    }
  }
  return OkStatus();
}

Status ReadConstant(const fbs::Model& model, uint32_t index, Tensor& tensor) {
  if (index == 0 || model.buffers() == nullptr) return OkStatus();
  if (index >= model.buffers()->size()) {
    return Invalid(fmt::format("uses buffer {}, but there are {}", index, model.buffers()->size()));
  }
  const auto* buffer = model.buffers()->Get(index);
  if (buffer->size() > 1 || buffer->offset() > 1) {
    return {
        Code::kUnimplemented,
        "keeps its value outside the flatbuffer; convert a model below 2 GB without that option"};
  }
  if (buffer->data() == nullptr || buffer->data()->size() == 0) return OkStatus();
  if (DataTypeBytes(tensor.type) != 0 && tensor.Bytes() != buffer->data()->size()) {
    return Invalid(fmt::format("needs {} bytes, but its buffer has {}", tensor.Bytes(),
                               buffer->data()->size()));
  }
  tensor.constant = std::as_bytes(std::span(buffer->data()->data(), buffer->data()->size()));
  return OkStatus();
}

Result<Tensor> ReadTensor(const fbs::Model& model, const fbs::Tensor& source) {
  Tensor tensor;
  tensor.name = CleanName(source.name());
  tensor.type = ToDataType(source.type());
  TRY(ReadShape(source, tensor));
  TRY_ASSIGN(tensor.quantization, ReadQuantization(source.quantization(), tensor));
  if (source.sparsity() != nullptr) {
    return Status(Code::kUnimplemented, "is sparse; convert the model without sparsity");
  }
  TRY(ReadConstant(model, source.buffer(), tensor));
  return tensor;
}

Result<Op> ReadOp(const fbs::Model& model, const fbs::Operator& source, uint32_t index,
                  flatbuffers::Verifier& verifier) {
  Op op;
  op.tflite_index = index;
  const auto* codes = model.operator_codes();
  if (codes == nullptr || source.opcode_index() >= codes->size()) {
    return Invalid(fmt::format("operator {} has code index {}, but there are {} codes", index,
                               source.opcode_index(), codes ? codes->size() : 0));
  }
  const auto* code = codes->Get(source.opcode_index());
  // Old files only have the byte; new ones repeat small numbers in both.
  op.builtin = std::max<int32_t>(code->deprecated_builtin_code(), code->builtin_code());
  op.version = code->version();
  op.name = code->custom_code() ? "custom '" + CleanName(code->custom_code()) + "'"
                                : BuiltinName(op.builtin);
  op.inputs = ToVector(source.inputs());
  op.outputs = ToVector(source.outputs());
  TRY(ReadOptions(source, verifier, op));
  return op;
}

/// Vectors of a flatbuffer may be shared by many tables: what they unpack to is bounded by the
/// file's size, so that a small hostile file cannot fill the memory.
Status CheckUnpacked(uint64_t unpacked, const Graph& graph) {
  if (unpacked <= graph.file_bytes) return OkStatus();
  return Invalid("the tables of the file share vectors beyond its own size");
}

Status ReadSubGraph(const fbs::Model& model, const fbs::SubGraph& source,
                    flatbuffers::Verifier& verifier, Graph& graph) {
  const size_t tensor_count = source.tensors() ? source.tensors()->size() : 0;
  const size_t op_count = source.operators() ? source.operators()->size() : 0;
  if (tensor_count > kMaxCount - 1 || op_count > kMaxCount) {
    return Invalid(fmt::format("the model has {} tensors and {} operators, more than {}",
                               tensor_count, op_count, kMaxCount),
                   "split it");
  }
  uint64_t unpacked = 0;
  for (uint32_t i = 0; i < tensor_count; ++i) {
    Result<Tensor> tensor = ReadTensor(model, *source.tensors()->Get(i));
    if (!tensor.ok()) {
      const std::string name = CleanName(source.tensors()->Get(i)->name());
      return {tensor.error().code(),
              fmt::format("tensor {} '{}' {}", i, name, tensor.error().message())};
    }
    graph.tensors.push_back(*std::move(tensor));
    unpacked += graph.tensors.back().quantization.scale.size() * sizeof(float);
    TRY(CheckUnpacked(unpacked, graph));
  }
  for (uint32_t i = 0; i < op_count; ++i) {
    TRY_ASSIGN(Op op, ReadOp(model, *source.operators()->Get(i), i, verifier));
    unpacked += (op.inputs.size() + op.outputs.size()) * sizeof(int32_t);
    TRY(CheckUnpacked(unpacked, graph));
    graph.ops.push_back(std::move(op));
  }
  for (int32_t input : ToVector(source.inputs()))
    graph.inputs.push_back(static_cast<uint32_t>(input));
  for (int32_t output : ToVector(source.outputs())) {
    graph.outputs.push_back(static_cast<uint32_t>(output));
  }
  if (graph.inputs.empty() || graph.outputs.empty() || graph.inputs.size() > kMaxCount ||
      graph.outputs.size() > kMaxCount) {
    return Invalid(fmt::format("the model has {} inputs and {} outputs", graph.inputs.size(),
                               graph.outputs.size()));
  }
  return OkStatus();
}

}  // namespace

Result<Graph> ReadTflite(std::span<const std::byte> file) {
  constexpr size_t kAlignment = 16;
  Graph graph;
  graph.file_bytes = file.size();
  graph.file_crc32c = device::Crc32c(file.data(), file.size());
  if (reinterpret_cast<uintptr_t>(file.data()) % kAlignment != 0) {
    graph.storage.assign(file.begin(), file.end());
    file = graph.storage;
  }
  if (file.size() < 8 || std::memcmp(file.data() + 4, fbs::ModelIdentifier(), 4) != 0) {
    return Invalid("not a TensorFlow Lite model (no \"TFL3\" at byte 4)",
                   "give a .tflite file as the converter wrote it");
  }
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(file.data()), file.size());
  if (!fbs::VerifyModelBuffer(verifier)) {
    return Invalid(fmt::format("the .tflite file is truncated or damaged ({} bytes)", file.size()),
                   "copy it again and compare its size and hash");
  }
  const fbs::Model& model = *fbs::GetModel(file.data());
  if (model.version() != 3) {
    return Status(Code::kUnimplemented,
                  fmt::format("the file has schema version {}, not 3; convert the model with "
                              "TensorFlow 2",
                              model.version()));
  }
  const size_t subgraphs = model.subgraphs() ? model.subgraphs()->size() : 0;
  if (subgraphs != 1) {
    return Status(Code::kUnimplemented,
                  fmt::format("the file has {} subgraphs, not 1; convert a model without control "
                              "flow and with one signature",
                              subgraphs));
  }
  TRY(ReadSubGraph(model, *model.subgraphs()->Get(0), verifier, graph));
  TRY(CheckGraph(graph));
  return graph;
}

}  // namespace tinyrig::compiler
