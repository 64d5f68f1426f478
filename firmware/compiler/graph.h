#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/status/status.h"

/// A model as the compiler sees it: operators over tensors, checked, in the order of execution.
/// Importers make it, passes change it, lowering reads it. Constants are borrowed from the file's
/// bytes, which must outlive the graph. Move a graph; do not copy it.
namespace tinyrig::compiler {

/// Element types; the numbers are TensorFlow Lite's.
enum class DataType : uint8_t {
  kFloat32 = 0,
  kFloat16 = 1,
  kInt32 = 2,
  kUint8 = 3,
  kInt64 = 4,
  kString = 5,
  kBool = 6,
  kInt16 = 7,
  kComplex64 = 8,
  kInt8 = 9,
  kOther = 255,
};
std::string_view DataTypeName(DataType type);
/// Bytes of one element; 0 when elements have no fixed whole number of bytes.
size_t DataTypeBytes(DataType type);

/// real = scale * (q - zero_point). One entry for the whole tensor, or one a slice of dimension
/// `axis`.
struct Quantization {
  std::vector<float> scale;         ///< Finite; empty when not quantised.
  std::vector<int32_t> zero_point;  ///< As many as scales.
  uint32_t axis = 0;
};

struct Tensor {
  std::string name;
  DataType type = DataType::kOther;
  std::vector<uint32_t> shape;  ///< Row-major, no zero; at most kMaxTensorElements elements.
  Quantization quantization;
  /// Value of a constant (bytes as in the file, at any alignment); nothing for an activation.
  std::optional<std::span<const std::byte>> constant;

  uint64_t ElementCount() const;
  uint64_t Bytes() const { return ElementCount() * DataTypeBytes(type); }
};
inline constexpr uint64_t kMaxTensorElements = uint64_t{1} << 28;

enum class Padding : uint8_t { kSame = 0, kValid = 1 };
enum class Activation : uint8_t {
  kNone = 0,
  kRelu = 1,
  kReluN1To1 = 2,
  kRelu6 = 3,
  kTanh = 4,
  kSignBit = 5
};

struct ConvOptions {
  Padding padding = Padding::kValid;
  /// Zero points around the image, which `padding` then sees as part of it.
  uint32_t pad_top = 0;
  uint32_t pad_bottom = 0;
  uint32_t pad_left = 0;
  uint32_t pad_right = 0;
  uint32_t stride_h = 1;
  uint32_t stride_w = 1;
  uint32_t dilation_h = 1;
  uint32_t dilation_w = 1;
  uint32_t depth_multiplier = 1;
  Activation activation = Activation::kNone;
};
struct PoolOptions {
  Padding padding = Padding::kValid;
  uint32_t stride_h = 1;
  uint32_t stride_w = 1;
  uint32_t kernel_h = 1;
  uint32_t kernel_w = 1;
  Activation activation = Activation::kNone;
};
struct FullyConnectedOptions {
  Activation activation = Activation::kNone;
  bool keep_num_dims = false;  ///< Only says how the output's shape came about.
};
struct SoftmaxOptions {
  float beta = 1;
};
/// ADD, SUB and MUL.
struct AddOptions {
  Activation activation = Activation::kNone;
};
struct ConcatenationOptions {
  int32_t axis = 0;
  Activation activation = Activation::kNone;
};
/// MEAN and SUM.
struct ReduceOptions {
  bool keep_dims = false;
};
struct LeakyReluOptions {
  float alpha = 0;
};
struct ResizeNearestOptions {
  bool align_corners = false;
  bool half_pixel_centers = false;
};
/// Bit i of a mask is about dimension i.
struct StridedSliceOptions {
  uint32_t begin_mask = 0;
  uint32_t end_mask = 0;
  uint32_t ellipsis_mask = 0;
  uint32_t new_axis_mask = 0;
  uint32_t shrink_axis_mask = 0;
  bool offset = false;
};
/// monostate: the operator has none, or the importer does not know it.
using OpOptions = std::variant<std::monostate, ConvOptions, PoolOptions, FullyConnectedOptions,
                               SoftmaxOptions, AddOptions, ConcatenationOptions, ReduceOptions,
                               LeakyReluOptions, ResizeNearestOptions, StridedSliceOptions>;

/// Operators the compiler knows; numbers are TensorFlow Lite's builtin codes.
enum class Builtin : int32_t {
  kAdd = 0,
  kAveragePool2D = 1,
  kConcatenation = 2,
  kConv2D = 3,
  kDepthwiseConv2D = 4,
  kDequantize = 6,
  kFullyConnected = 9,
  kLogistic = 14,
  kMaxPool2D = 17,
  kMul = 18,
  kRelu = 19,
  kReluN1To1 = 20,
  kRelu6 = 21,
  kReshape = 22,
  kSoftmax = 25,
  kTanh = 28,
  kPad = 34,
  kTranspose = 39,
  kMean = 40,
  kSub = 41,
  kSqueeze = 43,
  kStridedSlice = 45,
  kSplit = 49,
  kPadV2 = 60,
  kExpandDims = 70,
  kSum = 74,
  kResizeNearestNeighbor = 97,
  kLeakyRelu = 98,
  kQuantize = 114,
  kHardSwish = 117,
};

struct Op {
  int32_t builtin = -1;  ///< TensorFlow Lite's builtin code, known to us or not.
  std::string name;      ///< "CONV_2D", or the custom operator's name.
  int32_t version = 1;
  uint32_t tflite_index = 0;     ///< Position in the file.
  std::vector<int32_t> inputs;   ///< Tensor indices; -1 = left out.
  std::vector<int32_t> outputs;  ///< Tensor indices; at least one.
  OpOptions options;

  /// "operator 3 (CONV_2D version 5)": how messages name it.
  std::string Describe() const;
};

struct Graph {
  std::vector<std::byte>
      storage;  ///< The file, when its bytes had to be moved to an aligned place.
  std::vector<Tensor> tensors;
  std::vector<Op>
      ops;  ///< Every input is a constant, a graph input or computed by an earlier operator.
  std::vector<uint32_t> inputs;
  std::vector<uint32_t> outputs;
  uint64_t file_bytes = 0;
  uint32_t file_crc32c = 0;

  const Tensor& tensor(int32_t index) const { return tensors[static_cast<size_t>(index)]; }
};

/// Checks what every importer and pass must keep: indices in range, each tensor computed at most
/// once and before use, constants never computed, inputs and outputs activations. Errors:
/// kInvalidArgument naming the operator and the tensor.
Status CheckGraph(const Graph& graph);

/// "tensor 12 'name'".
std::string DescribeTensor(const Graph& graph, int32_t index);

}  // namespace tinyrig::compiler
