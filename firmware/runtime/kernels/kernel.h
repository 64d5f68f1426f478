#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "firmware/runtime/blob_format.h"
#include "proto/status/code.h"

/// What a kernel is and what it sees. One operator a folder; `<op>.h` declares its kernels,
/// `<op>_reference.cc` is the specification, `<op>_dsp.cc` the quick one. A set (reference_set.cc,
/// dsp_set.cc) lists those it is made of.
namespace tinyrig::runtime {

/// One operator of a blob in place. Pointers returned are valid as long as blob and arena.
struct OpContext {
  const std::byte* blob;
  std::byte* arena;
  const TensorRecord* tensors;
  const OpRecord* op;
  const struct KernelSet* kernels = nullptr;
  const std::byte* stream = nullptr;  ///< The input, where it is streamed.
  uint64_t* macs = nullptr;  ///< Where fused phases count what they multiply; usually nowhere.

  /// A struct or table in flash. REQUIRES: offset was checked by Prepare.
  template <typename T>
  const T* InBlob(uint32_t offset) const {
    return reinterpret_cast<const T*>(blob + offset);
  }
  template <typename Params>
  const Params& params() const {
    return *InBlob<Params>(op->params_offset);
  }
  const TensorRecord& input(int i = 0) const { return tensors[op->inputs[i]]; }
  const TensorRecord& output() const { return tensors[op->output]; }
  const int8_t* input_data(int i = 0) const {
    const TensorRecord& tensor = input(i);
    const std::byte* base = tensor.place == Place::kBlob ? blob : arena;
    return reinterpret_cast<const int8_t*>(base + tensor.offset);
  }
  int8_t* output_data() const { return reinterpret_cast<int8_t*>(arena + output().offset); }
  int16_t* scratch() const { return reinterpret_cast<int16_t*>(arena + op->scratch_offset); }
};

/// The same before it is trusted: the questions a kernel's prepare asks. Model::Prepare() has
/// checked that tensor indices are in range, tensors and scratch lie in the arena, and parameters
/// in the blob's data.
struct OpCheck : OpContext {
  const OpRecord* first_op;  ///< Records from it to `op` are checked.
  uint32_t data_offset;
  uint32_t total_bytes;
  uint32_t arena_bytes;

  /// Whether the parameters are of type Params and there are `count` inputs.
  template <typename Params>
  bool Has(int input_count) const {
    return op->params_bytes == sizeof(Params) && HasInputs(input_count);
  }
  bool HasInputs(int count) const;
  /// Whether [offset, offset + bytes) lies in the data section, at a multiple of 4.
  bool InData(uint32_t offset, uint64_t bytes) const;
  /// Whether [offset, offset + bytes) lies in the arena, at a multiple of kOffsetAlignment.
  bool InArena(uint32_t offset, uint64_t bytes) const;
};

/// The shift of a multiplier that MultiplyByQuantizedMultiplier() is defined for.
constexpr bool ShiftIsSound(int32_t shift) { return shift >= -31 && shift <= 30; }

/// Elements of a tensor; at most 2^32 for tensors that Model::Prepare() accepted.
uint64_t ElementCount(const TensorRecord& tensor);

struct PixelWindow;
struct SliceTask;

/// How one operator is computed from one weight form.
struct Kernel {
  OpKind kind;
  WeightForm form;
  /// Whether everything that `invoke` relies on holds: sizes, ranges, tables, scratch. kOk or
  /// kInvalidArgument.
  Code (*prepare)(const OpCheck& check);
  /// Computes the output. Reads and writes nothing but this operator's tensors, scratch and data.
  /// Null for forms that only fused phases have; their prepare wants kOpIsFused.
  void (*invoke)(const OpContext& context);
  /// As a layer of a fused phase: all channels of one output pixel, which is no part of the
  /// window's map. Null where phases cannot have it.
  void (*pixel)(const OpContext& layer, const PixelWindow& window, int8_t* out) = nullptr;
  /// As a sum in a fused phase: adds the pixel that has waited, which is input `operand` of the
  /// operator, to the one at `pixel`. Null where phases cannot have it.
  void (*sum)(const OpContext& add, int operand, const int8_t* waited, int8_t* pixel) = nullptr;
  /// As the last layer of a block in slices: computes all three layers up to the sums, and makes a
  /// pixel of its sums. Null where phases cannot have it.
  void (*slices)(const SliceTask& task) = nullptr;
  void (*slice_pixel)(const OpContext& project, const int32_t* sums, int8_t* out) = nullptr;
};

/// The kernels a program is linked with.
struct KernelSet {
  KernelSetId id;
  std::span<const Kernel> kernels;

  /// The kernel for an operator, or nullptr.
  const Kernel* Find(OpKind kind, WeightForm form) const;
};

const KernelSet& ReferenceKernels();
const KernelSet& DspKernels();
/// The set chosen at link time; defined by linked_reference.cc or linked_dsp.cc, never both.
const KernelSet& LinkedKernels();

}  // namespace tinyrig::runtime
