#include "firmware/compiler/compile.h"

#include "firmware/compiler/arena.h"
#include "firmware/compiler/blob_writer.h"
#include "firmware/compiler/lowering/lower.h"
#include "firmware/compiler/tflite/reader.h"

namespace tinyrig::compiler {
namespace {

std::string NoteOf(const LoweredOp& op, bool shared) {
  if (!shared) return op.note;
  return op.sharing == Sharing::kView ? "a view: nothing is computed"
                                      : "output in place of the input";
}

PlannedOp Describe(const Graph& graph, const LoweredOp& op, bool shared) {
  PlannedOp planned{.name = op.name,
                    .tflite_op = op.tflite_op,
                    .input_shapes = {},
                    .output_shape = graph.tensors[op.output].shape,
                    .form = std::string(FormName(op.form)),
                    .macs = op.macs,
                    .scratch_bytes = op.scratch_bytes,
                    .note = NoteOf(op, shared)};
  for (uint32_t input : op.inputs) planned.input_shapes.push_back(graph.tensors[input].shape);
  for (const Constant& constant : op.constants) {
    if (constant.is_weights) planned.weights_bytes += constant.bytes.size();
  }
  return planned;
}

Status CheckInputs(const Graph& graph) {
  for (uint32_t input : graph.inputs) {
    const Tensor& tensor = graph.tensors[input];
    if (tensor.type != DataType::kInt8 || tensor.quantization.scale.size() != 1 ||
        tensor.shape.size() > runtime::kMaxRank) {
      return {Code::kUnimplemented,
              DescribeTensor(graph, static_cast<int32_t>(input)) + " (input of the model) is " +
                  std::string(DataTypeName(tensor.type)) +
                  ", not int8 with one scale and at most four dimensions; convert the model with "
                  "int8 inputs and outputs"};
    }
  }
  return OkStatus();
}

}  // namespace

Result<Compiled> Compile(const Graph& graph, const Variant& variant) {
  TRY_ASSIGN(const std::vector<LoweredOp> ops, Lower(graph, variant));
  TRY(CheckInputs(graph));
  TRY_ASSIGN(ArenaLayout layout, LayOutArena(graph, ops));
  Compiled compiled;
  TRY_ASSIGN(compiled.blob, WriteBlob(graph, ops, layout, variant));

  Plan& plan = compiled.plan;
  plan.variant = variant;
  plan.buffers = std::move(layout.buffers);
  plan.arena_bytes = layout.bytes;
  plan.arena_lower_bound_bytes = layout.lower_bound;
  plan.blob_bytes = compiled.blob.size();
  for (size_t i = 0; i < ops.size(); ++i) {
    plan.ops.push_back(Describe(graph, ops[i], layout.shared[i]));
    plan.macs += ops[i].macs;
    for (const Constant& constant : ops[i].constants) {
      (constant.is_weights ? plan.weights_bytes : plan.tables_bytes) += constant.bytes.size();
    }
  }
  for (uint32_t input : graph.inputs) plan.inputs.push_back(MakeTensorInfo(graph, input));
  for (uint32_t output : graph.outputs) plan.outputs.push_back(MakeTensorInfo(graph, output));
  return compiled;
}

Result<Compiled> Compile(std::span<const std::byte> tflite, const Variant& variant) {
  TRY_ASSIGN(const Graph graph, ReadTflite(tflite));
  return Compile(graph, variant);
}

}  // namespace tinyrig::compiler
