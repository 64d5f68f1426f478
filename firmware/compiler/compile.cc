#include "firmware/compiler/compile.h"

#include "firmware/compiler/arena.h"
#include "firmware/compiler/blob_writer.h"
#include "firmware/compiler/fusion/fusion_json.h"
#include "firmware/compiler/lowering/fused.h"
#include "firmware/compiler/lowering/lower.h"
#include "firmware/compiler/lowering/op_lowering.h"
#include "firmware/compiler/order.h"
#include "firmware/compiler/tflite/reader.h"

namespace tinyrig::compiler {
namespace {

std::string NoteOf(const LoweredOp& op, bool shared) {
  if (!shared) return op.note;
  return op.sharing == Sharing::kView ? "a view: nothing is computed"
                                      : "output in place of the input";
}

uint64_t OperandBytes(const Graph& graph, const LoweredOp& op) {
  uint64_t bytes = 0;
  for (uint32_t input : op.inputs) {
    if (graph.tensors[input].constant) bytes += graph.tensors[input].Bytes();
  }
  return bytes;
}

PlannedOp Describe(const Graph& graph, const LoweredOp& op, bool shared) {
  PlannedOp planned{.name = op.name,
                    .tflite_op = op.tflite_op,
                    .input_shapes = {},
                    .output_shape = graph.tensors[op.output].shape,
                    .form = std::string(FormName(op.form)),
                    .macs = op.macs,
                    .scratch_bytes = op.scratch_bytes,
                    .note = NoteOf(op, shared),
                    .observed = !op.is_part && !op.is_fused};
  for (uint32_t input : op.inputs) planned.input_shapes.push_back(graph.tensors[input].shape);
  planned.weights_bytes = OperandBytes(graph, op);
  for (const Constant& constant : op.constants) {
    if (constant.is_weights) planned.weights_bytes += constant.bytes.size();
  }
  return planned;
}

Status CheckInputs(const Graph& graph) {
  for (uint32_t input : graph.inputs) {
    const auto index = static_cast<int32_t>(input);
    const Status status = CheckElements(graph, index, Elements::kAny);
    if (!status.ok()) return {status.code(), "the model's input " + status.message()};
  }
  return OkStatus();
}

/// What runs, and where everything lies.
struct Program {
  std::vector<LoweredOp> ops;
  ArenaLayout layout;
  std::optional<PlannedFusion> fusion;
};

PlannedFusion Describe(const FusionPlan& plan) {
  return {.blocks = BlocksText(plan),
          .macs = static_cast<uint64_t>(plan.macs),
          .macs_unfused = static_cast<uint64_t>(plan.macs_unfused),
          .peak_ram_without_io_bytes = static_cast<uint64_t>(plan.peak_ram_without_io_bytes)};
}

Result<Program> MakeProgram(const Graph& graph, const Variant& variant,
                            std::vector<PassNote>& notes) {
  Program program;
  if (variant.fuses()) {
    TRY_ASSIGN(FusedProgram fused, LowerFused(graph, variant));
    TRY(CheckInputs(graph));
    program.ops = std::move(fused.ops);
    program.layout = std::move(fused.layout);
    program.fusion = Describe(fused.plan);
    return program;
  }
  TRY_ASSIGN(program.ops, Lower(graph, variant));
  TRY(CheckInputs(graph));
  if (variant.folds()) program.ops = OrderForMemory(graph, std::move(program.ops), notes);
  TRY_ASSIGN(program.layout, LayOutArena(graph, program.ops));
  return program;
}

}  // namespace

Result<Compiled> Compile(const Graph& file_graph, const Variant& variant) {
  PassedGraph passed;
  if (variant.folds()) passed = RunPasses(file_graph);
  const Graph& graph = variant.folds() ? passed.graph : file_graph;
  TRY_ASSIGN(Program program, MakeProgram(graph, variant, passed.notes));
  const std::vector<LoweredOp>& ops = program.ops;
  ArenaLayout& layout = program.layout;
  Compiled compiled;
  TRY_ASSIGN(compiled.blob, WriteBlob(graph, ops, layout, variant));

  Plan& plan = compiled.plan;
  plan.variant = variant;
  plan.passes = std::move(passed.notes);
  plan.buffers = std::move(layout.buffers);
  plan.arena_bytes = layout.bytes;
  plan.arena_lower_bound_bytes = layout.lower_bound;
  plan.arena_without_io_bytes = program.fusion ? program.fusion->peak_ram_without_io_bytes
                                               : PeakWithoutIo(graph, ops, plan.buffers);
  plan.blob_bytes = compiled.blob.size();
  plan.fusion = std::move(program.fusion);
  for (size_t i = 0; i < ops.size(); ++i) {
    plan.ops.push_back(Describe(graph, ops[i], layout.shared[i]));
    plan.macs += ops[i].macs;
    plan.weights_bytes += OperandBytes(graph, ops[i]);
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
