// Fronts of many points: what `tinyrig pareto --all` waits for.
#include <benchmark/benchmark.h>

#include <random>

#include "server/results/front_facts.h"

namespace {

using namespace tinyrig::server;

enum Kind : int {
  kScattered,  ///< The front is small.
  kPlane,      ///< Better on one axis is worse on another: every point is on the front.
  kIntervals,  ///< Scattered, with uncertainty.
};

FrontPoints Make(size_t count, size_t axes, int kind) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> unit(0, 1);
  FrontPoints points(axes);
  std::vector<Interval> point(axes);
  for (size_t i = 0; i < count; ++i) {
    double sum = 0;
    for (Interval& axis : point) {
      axis.lo = unit(random);
      axis.hi = axis.lo + (kind == kIntervals ? 0.001 * unit(random) : 0);
      sum += axis.lo;
    }
    if (kind == kPlane) {
      point[0].lo += static_cast<double>(axes) - sum;
      point[0].hi = point[0].lo;
    }
    points.Add(point);
  }
  return points;
}

void BM_Front(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(2));
  const FrontPoints points =
      Make(count, static_cast<size_t>(state.range(1)), static_cast<int>(state.range(0)));
  std::vector<bool> front;
  for (auto _ : state) benchmark::DoNotOptimize(front = FindFront(points));
  state.counters["front"] = static_cast<double>(std::count(front.begin(), front.end(), true));
  state.SetItemsProcessed(state.iterations() * state.range(2));
}

/// Ties, knee and hypervolume of a front that holds every point.
void BM_Facts(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  const FrontPoints points = Make(count, 3, kPlane);
  const std::vector<bool> front = FindFront(points);
  for (auto _ : state) benchmark::DoNotOptimize(DescribeFront(points, front));
}

BENCHMARK(BM_Front)
    ->ArgNames({"kind", "axes", "points"})
    ->ArgsProduct({{kScattered, kPlane, kIntervals}, {2, 3}, {10'000, 100'000, 1'000'000}})
    ->ArgsProduct({{kScattered}, {4}, {10'000, 100'000, 1'000'000}})
    ->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Facts)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

}  // namespace
