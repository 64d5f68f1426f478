#include "tests/unit/fusion/nets.h"

#include <algorithm>
#include <random>

namespace tinyrig::compiler {
namespace {

struct Residual {
  int32_t out_c;
  int32_t expansion;
  int32_t stride;
  int32_t kernel;
};

void AppendAll(ChainBuilder& builder, const std::vector<Residual>& blocks) {
  for (const Residual& block : blocks) {
    builder.InvertedResidual(block.out_c, block.expansion, block.stride, block.kernel);
  }
}

/// The head that both MCUNets share.
ChainBuilder McuNetHead(int32_t size) {
  ChainBuilder builder(size, size, 3);
  builder.Conv(16, 3, 2);
  builder.Depthwise(3, 1);
  builder.Conv(8, 1, 1);
  return builder;
}

}  // namespace

Chain MobileNetV2() {
  ChainBuilder builder(144, 144, 3);
  builder.Conv(11, 3, 2);
  AppendAll(builder, {{5, 1, 1, 3},
                      {8, 6, 2, 3},
                      {8, 6, 1, 3},
                      {11, 6, 2, 3},
                      {11, 6, 1, 3},
                      {11, 6, 1, 3},
                      {22, 6, 2, 3},
                      {22, 6, 1, 3},
                      {22, 6, 1, 3},
                      {22, 6, 1, 3},
                      {33, 6, 1, 3},
                      {33, 6, 1, 3},
                      {33, 6, 1, 3},
                      {56, 6, 2, 3},
                      {56, 6, 1, 3},
                      {56, 6, 1, 3},
                      {112, 6, 1, 3}});
  builder.Conv(448, 1, 1);
  return std::move(builder).Finish(1000);
}

Chain McuNetVww5() {
  ChainBuilder builder = McuNetHead(80);
  AppendAll(builder, {{16, 6, 2, 3},
                      {16, 3, 1, 3},
                      {16, 3, 1, 3},
                      {24, 3, 2, 7},
                      {24, 6, 1, 3},
                      {24, 5, 1, 5},
                      {40, 6, 2, 7},
                      {40, 6, 1, 7},
                      {48, 6, 1, 3},
                      {48, 4, 1, 3},
                      {96, 5, 2, 5},
                      {96, 5, 1, 3},
                      {96, 4, 1, 3},
                      {160, 3, 1, 7}});
  return std::move(builder).Finish(2);
}

Chain McuNet320K() {
  ChainBuilder builder = McuNetHead(176);
  AppendAll(builder, {{16, 3, 2, 7},
                      {16, 5, 1, 3},
                      {16, 5, 1, 7},
                      {16, 4, 1, 5},
                      {24, 5, 2, 5},
                      {24, 5, 1, 5},
                      {24, 5, 1, 5},
                      {40, 5, 2, 3},
                      {40, 6, 1, 7},
                      {40, 4, 1, 5},
                      {48, 5, 1, 5},
                      {48, 5, 1, 7},
                      {48, 5, 1, 3},
                      {96, 6, 2, 3},
                      {96, 5, 1, 7},
                      {96, 4, 1, 3},
                      {160, 5, 1, 7}});
  return std::move(builder).Finish(1000);
}

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
