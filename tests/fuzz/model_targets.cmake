# The compiler and the runtime, all sources instrumented.
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
include(${CMAKE_SOURCE_DIR}/firmware/runtime/sources.cmake)
include(${CMAKE_SOURCE_DIR}/firmware/compiler/sources.cmake)

set(runtime_sources
    ${TINYRIG_RUNTIME_CORE_SOURCES} ${TINYRIG_KERNELS_REFERENCE_SOURCES} ${TINYRIG_KERNELS_DSP_SOURCES}
    ${TINYRIG_LINKED_DSP_SOURCES} ${CMAKE_SOURCE_DIR}/proto/device/crc32c.cc)

tinyrig_fuzzer(blob_reader SOURCES ${runtime_sources})
tinyrig_fuzzer(
  tflite_reader
  SOURCES ${TINYRIG_COMPILER_SOURCES} ${TINYRIG_SCHEMA_HEADER} ${runtime_sources}
          ${CMAKE_SOURCE_DIR}/proto/status/status.cc
  LIBS fmt::fmt nlohmann_json::nlohmann_json)

# Makes tests/fuzz/seeds/{tflite_reader,blob_reader} anew; run it when the blob format changes.
add_executable(make_model_seeds EXCLUDE_FROM_ALL
  make_model_seeds.cc ${CMAKE_SOURCE_DIR}/firmware/compiler/tflite/writer.cc
  ${CMAKE_SOURCE_DIR}/tests/unit/compiler/model_builder.cc
  ${CMAKE_SOURCE_DIR}/tests/unit/compiler/random_net.cc
  ${CMAKE_SOURCE_DIR}/tests/unit/compiler/random_net_moves.cc
  ${CMAKE_SOURCE_DIR}/tests/unit/compiler/random_net_steps.cc
  ${TINYRIG_COMPILER_SOURCES} ${TINYRIG_SCHEMA_HEADER} ${runtime_sources}
  ${CMAKE_SOURCE_DIR}/proto/status/status.cc)
target_link_libraries(make_model_seeds PRIVATE fmt::fmt nlohmann_json::nlohmann_json)
