# Sources of the compiler, for the library and for the fuzzers alike. Paths are absolute.
set(compiler_dir ${CMAKE_CURRENT_LIST_DIR})

set(TINYRIG_COMPILER_SOURCES
    ${compiler_dir}/arena.cc
    ${compiler_dir}/blob_writer.cc
    ${compiler_dir}/compile.cc
    ${compiler_dir}/fusion/block.cc
    ${compiler_dir}/fusion/budget.cc
    ${compiler_dir}/fusion/candidates.cc
    ${compiler_dir}/fusion/chain.cc
    ${compiler_dir}/fusion/cost.cc
    ${compiler_dir}/fusion/edge_search.cc
    ${compiler_dir}/fusion/fusion_json.cc
    ${compiler_dir}/fusion/fusion_plan.cc
    ${compiler_dir}/fusion/fusion_search.cc
    ${compiler_dir}/fusion/graph_chain.cc
    ${compiler_dir}/fusion/graph_layer.cc
    ${compiler_dir}/fusion/notation.cc
    ${compiler_dir}/fusion/patch.cc
    ${compiler_dir}/fusion/phase.cc
    ${compiler_dir}/fusion/phase_search.cc
    ${compiler_dir}/fusion/rows.cc
    ${compiler_dir}/fusion/setting.cc
    ${compiler_dir}/graph.cc
    ${compiler_dir}/memory_planner.cc
    ${compiler_dir}/model_info.cc
    ${compiler_dir}/order.cc
    ${compiler_dir}/passes/fold_pad.cc
    ${compiler_dir}/passes/fuse_activations.cc
    ${compiler_dir}/passes/passes.cc
    ${compiler_dir}/passes/readers.cc
    ${compiler_dir}/plan.cc
    ${compiler_dir}/plan_json.cc
    ${compiler_dir}/reference_run.cc
    ${compiler_dir}/variant.cc
    ${compiler_dir}/lowering/arithmetic.cc
    ${compiler_dir}/lowering/conv.cc
    ${compiler_dir}/lowering/copy.cc
    ${compiler_dir}/lowering/fully_connected.cc
    ${compiler_dir}/lowering/fused.cc
    ${compiler_dir}/lowering/fused_tables.cc
    ${compiler_dir}/lowering/hard_swish.cc
    ${compiler_dir}/lowering/lower.cc
    ${compiler_dir}/lowering/op_lowering.cc
    ${compiler_dir}/lowering/packing.cc
    ${compiler_dir}/lowering/quantize.cc
    ${compiler_dir}/lowering/reduce.cc
    ${compiler_dir}/lowering/resize.cc
    ${compiler_dir}/lowering/section.cc
    ${compiler_dir}/lowering/simple_ops.cc
    ${compiler_dir}/lowering/strided_slice.cc
    ${compiler_dir}/lowering/tables.cc
    ${compiler_dir}/tflite/builtin_names.cc
    ${compiler_dir}/tflite/options.cc
    ${compiler_dir}/tflite/reader.cc)

# Generates firmware/compiler/tflite/schema_generated.h below the build directory; TINYRIG_SCHEMA_HEADER names it.
find_program(FLATC flatc REQUIRED)
set(TINYRIG_SCHEMA_HEADER ${CMAKE_BINARY_DIR}/firmware/compiler/tflite/schema_generated.h)
add_custom_command(
  OUTPUT ${TINYRIG_SCHEMA_HEADER}
  COMMAND ${FLATC} --cpp --cpp-std c++17 -o ${CMAKE_BINARY_DIR}/firmware/compiler/tflite ${compiler_dir}/tflite/schema.fbs
  DEPENDS ${compiler_dir}/tflite/schema.fbs
  VERBATIM)
