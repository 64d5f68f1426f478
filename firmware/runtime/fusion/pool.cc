#include "firmware/runtime/fusion/pool.h"

#include <cstring>

#include "firmware/runtime/fusion/pixel.h"
#include "firmware/runtime/kernels/requantize.h"

namespace tinyrig::runtime {
namespace {

OpContext PoolOf(const FusedPhase& phase) { return phase.Operator(phase.params.pool_op); }

bool PoolsChannels(const FusedPhase& phase) {
  return phase.blocks[phase.params.blocks - 1].order == FusedOrder::kPoolChannels;
}

}  // namespace

bool IsPool(const OpContext& op) {
  const TensorRecord& in = op.input();
  if (ElementCount(op.output()) != in.dims[3]) return false;
  if (op.op->kind == OpKind::kReduce) return true;
  if (op.op->kind != OpKind::kAveragePool2D) return false;
  const auto& params = op.params<PoolParams>();
  return params.kernel_h == in.dims[1] && params.kernel_w == in.dims[2];
}

int8_t PooledValue(const OpContext& op, int32_t sum) {
  if (op.op->kind == OpKind::kReduce) {
    const auto& params = op.params<ReduceParams>();
    const int32_t scaled = MultiplyByQuantizedMultiplier(WrappingAdd(sum, params.offset),
                                                         params.multiplier, params.shift);
    return static_cast<int8_t>(
        Clamp(WrappingAdd(scaled, op.output().zero_point), INT8_MIN, INT8_MAX));
  }
  const auto& params = op.params<PoolParams>();
  const int32_t count = int32_t{params.kernel_h} * params.kernel_w;
  const int32_t mean = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
  return static_cast<int8_t>(Clamp(mean, params.activation_min, params.activation_max));
}

void BeginPool(const FusedPhase& phase) {
  if (phase.params.pool_op == kNoPool || PoolsChannels(phase)) return;
  std::memset(phase.context.arena + phase.params.pool_offset, 0,
              size_t{PoolOf(phase).input().dims[3]} * sizeof(int32_t));
}

void FinishPool(const FusedPhase& phase) {
  if (phase.params.pool_op == kNoPool || PoolsChannels(phase)) return;
  const OpContext pool = PoolOf(phase);
  std::byte* place = phase.context.arena + phase.params.pool_offset;
  // A mean lies on sums that are done with.
  for (uint32_t c = 0; c < pool.input().dims[3]; ++c) {
    int32_t sum;
    std::memcpy(&sum, place + c * sizeof(sum), sizeof(sum));
    place[c] = static_cast<std::byte>(PooledValue(pool, sum));
  }
}

void PoolChannels(const FusedPhase& phase) {
  const OpContext op = phase.Operator(phase.layers[0].op);
  const OpContext pool = PoolOf(phase);
  const auto& params = op.params<ConvParams>();
  const auto* requant = op.InBlob<Requant>(params.requant_offset);
  const auto* weights = op.InBlob<int8_t>(params.weights_offset);
  const TensorRecord& map = op.input();
  const uint32_t depth = map.dims[3];
  const PixelMap input = MakePixelMap(phase.context.arena, phase.blocks[0].input, map, 0);
  auto* means = reinterpret_cast<int8_t*>(phase.context.arena + phase.params.pool_offset);
  for (uint32_t c = 0; c < op.output().dims[3]; ++c, weights += depth) {
    int32_t sum = 0;
    for (uint32_t y = 0; y < map.dims[1]; ++y) {
      const int8_t* values = input.At(static_cast<int32_t>(y), 0);
      for (uint32_t x = 0; x < map.dims[2]; ++x, values += depth) {
        const uint32_t acc = Dot(values, weights, depth, map.zero_point);
        sum += Requantize(static_cast<int32_t>(acc), requant[c], op.output().zero_point,
                          params.activation_min, params.activation_max);
      }
    }
    means[c] = PooledValue(pool, sum);
  }
  if (phase.context.macs != nullptr) {
    *phase.context.macs += PixelMacs(op) * map.dims[1] * map.dims[2];
  }
}

}  // namespace tinyrig::runtime
