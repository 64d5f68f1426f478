# Sources of the on-device runtime, for the host libraries and for cross builds alike. Paths are absolute.
#   TINYRIG_RUNTIME_CORE_SOURCES        executor and checks (target: -Os); needs proto/device/crc32c.cc beside it
#   TINYRIG_KERNELS_REFERENCE_SOURCES   the reference kernels (target: -O2)
#   TINYRIG_KERNELS_DSP_SOURCES         the dsp kernels (target: -O2); needs the reference kernels, which compute the
#                                       operators and forms that have no dsp kernel
#   TINYRIG_LINKED_{REFERENCE,DSP}_SOURCES  one file that names the set a program runs with: link exactly one
# An image with the reference set is CORE + KERNELS_REFERENCE + LINKED_REFERENCE; with the dsp set CORE +
# KERNELS_REFERENCE + KERNELS_DSP + LINKED_DSP. Sections are garbage-collected, so unused kernels cost nothing.

set(runtime_dir ${CMAKE_CURRENT_LIST_DIR})

set(TINYRIG_RUNTIME_CORE_SOURCES
    ${runtime_dir}/model.cc
    ${runtime_dir}/kernels/broadcast.cc
    ${runtime_dir}/kernels/kernel.cc
    ${runtime_dir}/kernels/walk.cc
    ${runtime_dir}/kernels/window.cc)

set(TINYRIG_KERNELS_REFERENCE_SOURCES
    ${runtime_dir}/fusion/fused_check.cc
    ${runtime_dir}/fusion/fused_phase.cc
    ${runtime_dir}/fusion/layer_window.cc
    ${runtime_dir}/fusion/patches.cc
    ${runtime_dir}/fusion/pixel.cc
    ${runtime_dir}/fusion/pool.cc
    ${runtime_dir}/fusion/slices.cc
    ${runtime_dir}/fusion/stream.cc
    ${runtime_dir}/fusion/tile.cc
    ${runtime_dir}/kernels/reference_set.cc
    ${runtime_dir}/kernels/add/add_reference.cc
    ${runtime_dir}/kernels/average_pool/average_pool_reference.cc
    ${runtime_dir}/kernels/conv/conv_reference.cc
    ${runtime_dir}/kernels/copy/copy.cc
    ${runtime_dir}/kernels/depthwise_conv/depthwise_conv_reference.cc
    ${runtime_dir}/kernels/fully_connected/fully_connected_reference.cc
    ${runtime_dir}/kernels/fully_connected/fully_connected_shapes.cc
    ${runtime_dir}/kernels/lookup/lookup.cc
    ${runtime_dir}/kernels/max_pool/max_pool_reference.cc
    ${runtime_dir}/kernels/mul/mul.cc
    ${runtime_dir}/kernels/quantize/quantize.cc
    ${runtime_dir}/kernels/reduce/reduce.cc
    ${runtime_dir}/kernels/reshape/reshape.cc
    ${runtime_dir}/kernels/resize_nearest/resize_nearest.cc
    ${runtime_dir}/kernels/softmax/softmax_reference.cc)

set(TINYRIG_KERNELS_DSP_SOURCES
    ${runtime_dir}/fusion/direct_conv.cc
    ${runtime_dir}/fusion/direct_depthwise.cc
    ${runtime_dir}/fusion/slices_dsp.cc
    ${runtime_dir}/kernels/dsp_set.cc
    ${runtime_dir}/kernels/add/add_dsp.cc
    ${runtime_dir}/kernels/conv/conv_dsp.cc
    ${runtime_dir}/kernels/depthwise_conv/depthwise_conv_dsp.cc
    ${runtime_dir}/kernels/depthwise_conv/plane_dsp.cc
    ${runtime_dir}/kernels/fully_connected/fully_connected_dsp.cc)

set(TINYRIG_LINKED_REFERENCE_SOURCES ${runtime_dir}/kernels/linked_reference.cc)
set(TINYRIG_LINKED_DSP_SOURCES ${runtime_dir}/kernels/linked_dsp.cc)
