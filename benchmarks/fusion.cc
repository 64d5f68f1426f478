// Planning of fused blocks, by number of layers: one limit, and every plan that no other beats.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "firmware/compiler/fusion/fusion_search.h"

namespace {

using namespace tinyrig::compiler;

/// Inverted residual blocks over 96x96x3 with kernels 3, 5 and 7, halved in size three times.
Chain MakeChain(int32_t layers) {
  ChainBuilder builder(96, 96, 3);
  int32_t channels = 8;
  builder.Conv(channels, 3, 2);
  const int32_t period = std::max(1, (layers / 3 + 3) / 4);
  for (int32_t i = 0; builder.map() + 3 <= layers; ++i) {
    const bool halve = i % period == period - 1;
    if (halve) channels = std::min(96, channels * 2);
    builder.InvertedResidual(channels, 4, halve ? 2 : 1, 3 + 2 * (i % 3));
  }
  while (builder.map() < layers) builder.Conv(channels, 1, 1);
  return std::move(builder).Finish(10);
}

const CostRules& Rules() {
  static const CostRules rules = *CostPreset("exact");
  return rules;
}

/// Least RAM with 1.3 times the MACs.
void BM_LeastRam(benchmark::State& state, FamilyKind family) {
  const Chain chain = MakeChain(static_cast<int32_t>(state.range(0)));
  int64_t ram = 0;
  for (auto _ : state) {
    const auto plan = PlanLeastRam(chain, Rules(), family, chain.Macs() * 13 / 10);
    if (!plan) {
      state.SkipWithError("no plan");
      break;
    }
    ram = plan->ram;
  }
  state.counters["ram"] = static_cast<double>(ram);
}

void BM_Front(benchmark::State& state, FamilyKind family) {
  const Chain chain = MakeChain(static_cast<int32_t>(state.range(0)));
  size_t points = 0;
  for (auto _ : state) points = PlanFront(chain, Rules(), family).size();
  state.counters["points"] = static_cast<double>(points);
}

void Layers(benchmark::internal::Benchmark* b) {
  b->Arg(20)->Arg(50)->Arg(100)->Arg(200)->Unit(benchmark::kMillisecond)->Iterations(1);
}

BENCHMARK_CAPTURE(BM_LeastRam, msf, FamilyKind::kOneRow)->Apply(Layers);
BENCHMARK_CAPTURE(BM_LeastRam, tiny, FamilyKind::kFull)->Apply(Layers);
BENCHMARK_CAPTURE(BM_Front, msf, FamilyKind::kOneRow)->Apply(Layers);
BENCHMARK_CAPTURE(BM_Front, tiny, FamilyKind::kFull)->Apply(Layers);

}  // namespace
