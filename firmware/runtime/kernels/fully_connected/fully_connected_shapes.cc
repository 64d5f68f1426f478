#include "firmware/runtime/kernels/fully_connected/fully_connected.h"

namespace tinyrig::runtime {

bool FullyConnectedShapesAreSound(const OpCheck& check) {
  if (!check.Has<FullyConnectedParams>(1)) return false;
  const auto& params = check.params<FullyConnectedParams>();
  return check.input().type == ElementType::kInt8 && check.output().type == ElementType::kInt8 &&
         params.rows > 0 && params.depth > 0 && params.units > 0 &&
         uint64_t{params.rows} * params.depth == ElementCount(check.input()) &&
         uint64_t{params.rows} * params.units == ElementCount(check.output()) &&
         params.activation_min <= params.activation_max;
}

}  // namespace tinyrig::runtime
