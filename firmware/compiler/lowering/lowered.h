#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "firmware/runtime/blob_format.h"

/// Operators as the device will run them, before places in memory are known.
namespace tinyrig::compiler {

/// Bytes for the blob's data section, and where in the operator's parameters their offset belongs.
struct Constant {
  std::vector<std::byte> bytes;
  size_t patch_at = 0;      ///< Of a uint32_t in LoweredOp::params.
  bool is_weights = false;  ///< Counted as weights; else as tables.
};

/// Whether an operator's output may lie where an input does.
enum class Sharing : uint8_t {
  kNone,
  kView,     ///< Output is input 0 under another shape: sharing makes the operator free.
  kInPlace,  ///< The kernel reads all it needs of an input before it overwrites it.
};

struct LoweredOp {
  runtime::OpKind kind{};
  runtime::WeightForm form = runtime::WeightForm::kPlain;
  std::string name;              ///< "CONV_2D".
  uint32_t tflite_op = 0;        ///< Position in the model file.
  std::vector<uint32_t> inputs;  ///< Tensor indices of the graph, at most two: activations, and
                                 ///< constants that the kernel reads as such.
  uint32_t output = 0;
  bool is_part = false;           ///< A later operator completes the same output.
  bool is_fused = false;          ///< The fused phase after it computes it.
  std::vector<std::byte> params;  ///< The parameter struct of `kind`, offsets still 0.
  std::vector<Constant> constants;
  uint64_t scratch_bytes = 0;
  uint64_t macs = 0;
  Sharing sharing = Sharing::kNone;
  uint32_t overwritable = 3;  ///< kInPlace: bit i says that the output may lie on input i.
  std::string note;           ///< For people: why a slower form was taken. May be empty.
};

/// The bytes of a record or of an array of them.
template <typename T>
std::vector<std::byte> ToBytes(const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  const auto* first = reinterpret_cast<const std::byte*>(&value);
  return {first, first + sizeof(T)};
}
template <typename T>
std::vector<std::byte> ToBytes(const std::vector<T>& values) {
  static_assert(std::is_trivially_copyable_v<T>);
  const auto* first = reinterpret_cast<const std::byte*>(values.data());
  return {first, first + values.size() * sizeof(T)};
}

}  // namespace tinyrig::compiler
