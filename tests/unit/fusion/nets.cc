#include "tests/unit/fusion/nets.h"

#include <algorithm>
#include <random>

namespace tinyrig::compiler {

Chain RandomChain(uint32_t seed, int32_t layers) {
  std::mt19937 random(seed);
  const auto pick = [&](int32_t lo, int32_t hi) {
    return lo + static_cast<int32_t>(random() % static_cast<uint32_t>(hi - lo + 1));
  };
  ChainBuilder builder(pick(1, 17), pick(1, 17), pick(1, 4));
  const bool wide = pick(0, 3) == 0;  // Few skips otherwise: strides rule them out.
  for (int32_t i = 0; i < layers; ++i) {
    const int32_t kernel = pick(0, 2) == 0 ? 1 : 1 + 2 * pick(0, 3);
    const int32_t stride = wide || pick(0, 3) != 0 ? 1 : 2;
    switch (pick(0, 5)) {
      case 0:
      case 1:
        builder.Depthwise(kernel, stride);
        break;
      case 2:
        builder.Pool(std::max(kernel, 2) | 1, stride);
        break;
      default:
        builder.Conv(pick(1, 6), kernel, kernel == 1 ? 1 : stride);
    }
  }
  Chain chain = std::move(builder).Finish(pick(1, 4));
  for (int32_t to = 2; to <= layers; ++to) {
    const int32_t from = pick(0, to - 1);
    bool alike = chain.Height(from) == chain.Height(to) && chain.Width(from) == chain.Width(to) &&
                 chain.Channels(from) == chain.Channels(to);
    for (int32_t l = from; l < to; ++l) alike = alike && chain.layer(l).stride_h == 1;
    if (alike && pick(0, 1) == 0) chain.skips.push_back({from, to});
  }
  return chain;
}

}  // namespace tinyrig::compiler
