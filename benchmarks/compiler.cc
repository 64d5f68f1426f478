// Import and planning, by number of operators: what submitting a campaign waits for.
#include <benchmark/benchmark.h>

#include "benchmarks/models.h"
#include "firmware/compiler/compile.h"
#include "firmware/compiler/tflite/reader.h"

namespace {

using namespace tinyrig;

using Make = compiler::ModelSpec (*)(int32_t operators);

void BM_Import(benchmark::State& state, Make make) {
  const auto file = compiler::BuildTflite(make(static_cast<int32_t>(state.range(0))));
  for (auto _ : state) {
    auto graph = compiler::ReadTflite(file);
    if (!graph.ok()) state.SkipWithError(graph.status().message().c_str());
    benchmark::DoNotOptimize(graph);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

/// Lowering, packing of weights, memory plan and blob.
void BM_Plan(benchmark::State& state, Make make) {
  const auto file = compiler::BuildTflite(make(static_cast<int32_t>(state.range(0))));
  const auto graph = compiler::ReadTflite(file);
  if (!graph.ok()) return state.SkipWithError(graph.status().message().c_str());
  uint64_t arena = 0, bound = 0;
  for (auto _ : state) {
    auto compiled = compiler::Compile(*graph, compiler::Variant());
    if (!compiled.ok()) {
      state.SkipWithError(compiled.status().message().c_str());
      break;
    }
    arena = compiled->plan.arena_bytes;
    bound = compiled->plan.arena_lower_bound_bytes;
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["arena"] = static_cast<double>(arena);
  state.counters["bound"] = static_cast<double>(bound);
}

void Sizes(benchmark::internal::Benchmark* b) {
  b->Arg(10)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(BM_Import, chain, bench::Chain)->Apply(Sizes);
BENCHMARK_CAPTURE(BM_Import, branches, bench::Branches)->Apply(Sizes);
BENCHMARK_CAPTURE(BM_Plan, chain, bench::Chain)->Apply(Sizes);
BENCHMARK_CAPTURE(BM_Plan, branches, bench::Branches)->Apply(Sizes);

}  // namespace
