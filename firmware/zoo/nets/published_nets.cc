#include "firmware/zoo/nets/published_nets.h"

#include <vector>

namespace tinyrig::zoo {
namespace {

using compiler::Chain;
using compiler::ChainBuilder;

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

std::span<const PublishedNet> PublishedNets() {
  static constexpr PublishedNet kNets[] = {{"mbv2-w0.35-r144", MobileNetV2, 1000, 35},
                                           {"mn2-vww5", McuNetVww5, 2, 5},
                                           {"mn2-320k", McuNet320K, 1000, 320}};
  return kNets;
}

}  // namespace tinyrig::zoo
