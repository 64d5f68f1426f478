// The kernels in their portable form on this host, one operator a model: MAC/s per kind and set.
// Board instructions are another matter; `tinyrig profile` counts those.
#include <benchmark/benchmark.h>

#include "benchmarks/models.h"
#include "firmware/compiler/compile.h"
#include "firmware/compiler/reference_run.h"

namespace {

using namespace tinyrig;

struct Operator {
  const char* name;
  compiler::ModelSpec model;
};

std::vector<Operator> Operators() {
  return {{"conv_1x1", bench::ConvModel({16, 64, 64, 1})},
          {"conv_3x3", bench::ConvModel({16, 32, 32, 3})},
          {"conv_first", bench::ConvModel({32, 3, 16, 3})},
          {"depthwise_3x3", bench::DepthwiseModel({16, 64, 64, 3})},
          {"fully_connected", bench::FullyConnectedModel(1024, 64)}};
}

void Run(benchmark::State& state, const compiler::ModelSpec& model, const std::string& variant) {
  const auto settings = compiler::ParseVariant(variant);
  const auto compiled = compiler::Compile(compiler::BuildTflite(model), *settings);
  if (!compiled.ok()) return state.SkipWithError(compiled.status().message().c_str());
  auto runner = compiler::ReferenceRunner::Make(compiled->blob);
  if (!runner.ok()) return state.SkipWithError(runner.status().message().c_str());
  const std::vector<std::byte> input(runner->input_bytes(), std::byte{17});
  for (auto _ : state) benchmark::DoNotOptimize(runner->Run(input));
  state.counters["MAC/s"] = benchmark::Counter(
      static_cast<double>(compiled->plan.macs) * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate);
}

const bool kRegistered = [] {
  for (const char* variant :
       {"kernels=reference", "kernels=dsp,weights=int8", "kernels=dsp,weights=int16"}) {
    for (const Operator& op : Operators()) {
      const std::string name = std::string(op.name) + "/" + variant;
      benchmark::RegisterBenchmark(
          name.c_str(),
          [model = op.model, variant](benchmark::State& state) { Run(state, model, variant); });
    }
  }
  return true;
}();

}  // namespace
