#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "firmware/compiler/compile.h"
#include "firmware/compiler/model_info.h"
#include "firmware/compiler/reference_run.h"
#include "firmware/compiler/tflite/reader.h"

/// Any bytes as a .tflite file: it is refused with a message, or compiles to a blob that the
/// runtime accepts.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tinyrig;
  const auto file = std::as_bytes(std::span(data, size));
  const auto graph = compiler::ReadTflite(file);
  if (!graph.ok()) {
    if (graph.error().message().empty()) std::abort();
    return 0;
  }
  if (!compiler::DescribeModel(file).ok()) std::abort();
  for (const char* text : {"kernels=reference", "weights=int8", "weights=int16"}) {
    const auto compiled = compiler::Compile(*graph, *compiler::ParseVariant(text));
    if (!compiled.ok()) continue;
    const auto& plan = compiled->plan;
    if (plan.arena_bytes < plan.arena_lower_bound_bytes) std::abort();
    // Running is bounded: a small file may describe a large model.
    if (plan.arena_bytes > (1 << 20)) continue;
    auto runner = compiler::ReferenceRunner::Make(compiled->blob);
    if (!runner.ok()) std::abort();
    if (plan.macs > 1'000'000 || plan.arena_bytes > 65536) continue;
    const std::vector<std::byte> input(runner->input_bytes(), std::byte{0x5A});
    if (!runner->Run(input).ok()) std::abort();
  }
  return 0;
}
