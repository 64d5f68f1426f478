#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/compiler/graph.h"
#include "firmware/compiler/passes/passes.h"
#include "firmware/compiler/variant.h"
#include "firmware/runtime/blob_format.h"

/// What the compiler decided for a model and a variant: order, kernels, places in memory, cost. For
/// people and for the static check; the device only needs the blob.
namespace tinyrig::compiler {

/// An input or output of the model.
struct TensorInfo {
  std::string name;
  uint32_t tflite_tensor = 0;
  std::string type;  ///< "int8".
  std::vector<uint32_t> shape;
  uint64_t bytes = 0;
  float scale = 0;  ///< real = scale * (q - zero_point).
  int32_t zero_point = 0;
};

struct PlannedOp {
  std::string name;        ///< "CONV_2D".
  uint32_t tflite_op = 0;  ///< Position in the model file.
  std::vector<std::vector<uint32_t>> input_shapes;
  std::vector<uint32_t> output_shape;
  std::string form;  ///< "plain", "packed int8", "packed int16".
  uint64_t macs = 0;
  uint64_t scratch_bytes = 0;
  uint64_t weights_bytes = 0;  ///< As they lie in flash.
  std::string
      note;  ///< "output in place of the input", why a plain kernel was taken. May be empty.
  bool observed = true;  ///< Observers see its output: not a part of a step, not inside a phase.
};

/// What fusion has made of the layers that it covers.
struct PlannedFusion {
  std::string blocks;  ///< In the notation of fusion/notation.h.
  uint64_t macs = 0;
  uint64_t macs_unfused = 0;
  uint64_t peak_ram_without_io_bytes = 0;  ///< The network's input and output not counted.
};

/// One piece of the arena, with what it holds over time.
struct PlannedBuffer {
  std::string name;                      ///< Names of its tensors, or "scratch of operator 3".
  std::vector<uint32_t> tflite_tensors;  ///< Several when views or in-place operators share it.
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint32_t first_op = 0;  ///< Steps of execution, both included.
  uint32_t last_op = 0;
};

struct Plan {
  Variant variant;
  std::vector<PassNote> passes;  ///< What was changed before anything was planned.
  std::vector<PlannedOp> ops;
  std::vector<PlannedBuffer> buffers;
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  uint64_t arena_bytes = 0;
  uint64_t arena_lower_bound_bytes =
      0;  ///< The most that lives at one step; no placement needs less.
  uint64_t arena_without_io_bytes = 0;  ///< The network's input and output not counted.
  uint64_t blob_bytes = 0;
  uint64_t weights_bytes = 0;  ///< Of the blob.
  uint64_t tables_bytes = 0;   ///< Requantisation tables, of the blob.
  uint64_t macs = 0;
  std::optional<PlannedFusion> fusion;
};

/// What is known of a tensor; scale 0 where it is not quantised, the first of several.
TensorInfo MakeTensorInfo(const Graph& graph, uint32_t index);

/// "plain", "packed int8", "packed int16".
std::string_view FormName(runtime::WeightForm form);

}  // namespace tinyrig::compiler
