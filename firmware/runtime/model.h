#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "firmware/runtime/blob_format.h"
#include "proto/status/code.h"

namespace tinyrig::runtime {

struct KernelSet;
/// The set chosen at link time; kernels/kernel.h.
const KernelSet& LinkedKernels();

/// An input or output of the model, in the arena.
struct TensorView {
  std::span<std::byte> data;
  ElementType type = ElementType::kInt8;
  std::span<const uint32_t> shape;
  float scale = 0;  ///< real = scale * (q - zero_point).
  int32_t zero_point = 0;
  uint16_t tflite_tensor = 0;
};

/// A tensor that has just been completed. `data` is valid until the observer returns.
struct OpResult {
  uint16_t op;             ///< Position of its last step in the order of execution, from 0.
  uint16_t tflite_op;      ///< Index of the operator in the model file.
  uint16_t tflite_tensor;  ///< Index of its output tensor in the model file.
  OpKind kind;
  std::span<const std::byte> data;
  uint64_t macs = 0;  ///< That fused phases did for it, counted as they ran.
};

/// Called once for each tensor that is computed, when it is complete. For layer hashes and
/// profiles; never in timed runs.
class OpObserver {
 public:
  virtual void OnOp(const OpResult& result) = 0;

 protected:
  ~OpObserver() = default;
};

/// A blob ready to run. Holds two pointers into memory of the caller: `blob` and `arena` must
/// outlive it and stay where they are. No heap, no I/O; stack below 600 bytes,
/// 2,400 with fused phases. Not thread safe; two models may share an arena, one at a time.
///
///   Model model;
///   if (model.Prepare(blob, arena) != Code::kOk) ...
///   memcpy(model.Input(0).data.data(), vector, n);
///   model.Invoke();
///   use(model.Output(0).data);
class Model {
 public:
  /// Runs with the kernel set this program was linked with (LinkedKernels()).
  Model() : Model(LinkedKernels()) {}
  /// Runs with `kernels`, for hosts that link several sets.
  explicit Model(const KernelSet& kernels) : kernels_(&kernels) {}

  /// Checks every number of the blob, so that Invoke() cannot fail and reads and writes nothing but
  /// blob and arena. The arena may be larger than needed; only its first arena_bytes() are used.
  /// Errors, with the model left unprepared:
  ///   kInvalidArgument     not a blob, blob or arena misaligned, or a number that makes no sense
  ///   kDataLoss            truncated, or the CRC differs
  ///   kFailedPrecondition  compiled for another kernel set
  ///   kUnimplemented       another format version, or an operator this set has no kernel for
  ///   kResourceExhausted   the arena is smaller than the blob's arena_bytes
  Code Prepare(std::span<const std::byte> blob, std::span<std::byte> arena);

  /// Whether the input is no part of the arena: StreamFrom() says where it is.
  bool streams_input() const { return input_count() == 1 && Record(0).place == Place::kStreamed; }

  /// Where the bytes of a streamed input are, as many as the input has. They stand for a link or a
  /// flash: rows or columns of them are copied when they are needed, some more than once.
  void StreamFrom(std::byte* input) { stream_ = input; }

  /// Runs all operators once on what lies in the inputs. Inputs are overwritten: fill them before
  /// every call (a streamed one stays). REQUIRES: Prepare() returned kOk. `fused_macs`, when given,
  /// grows by what fused phases multiply.
  void Invoke(OpObserver* observer = nullptr, uint64_t* fused_macs = nullptr);

  bool prepared() const { return blob_ != nullptr; }
  /// REQUIRES for all below: Prepare() returned kOk.
  const BlobHeader& header() const { return *reinterpret_cast<const BlobHeader*>(blob_); }
  uint32_t arena_bytes() const { return header().arena_bytes; }
  size_t input_count() const { return header().input_count; }
  size_t output_count() const { return header().output_count; }
  /// REQUIRES: index < input_count() or output_count().
  TensorView Input(size_t index) const;
  TensorView Output(size_t index) const;

 private:
  const TensorRecord& Record(size_t io_index) const;
  TensorView View(size_t io_index) const;

  const KernelSet* kernels_;
  const std::byte* blob_ = nullptr;
  std::byte* arena_ = nullptr;
  std::byte* stream_ = nullptr;
};

}  // namespace tinyrig::runtime
