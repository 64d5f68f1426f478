#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "firmware/compiler/fusion/chain.h"

/// Networks on which the literature about fusion states its figures, as layer lists.
/// Source: the layer lists of msf-CNN's planner (github.com/TinyPART/msf-CNN) and of the .tflite
/// files of TinyEngine and the MCUNet model zoo (github.com/mit-han-lab); see ../README.md.
namespace tinyrig::zoo {

compiler::Chain MobileNetV2();  ///< Width 0.35, 144x144x3, 1000 classes, as msf-CNN has it.
compiler::Chain McuNetVww5();   ///< 80x80x3, two classes.
compiler::Chain McuNet320K();   ///< 176x176x3, 1000 classes.

struct PublishedNet {
  std::string_view name;  ///< Of its files, and what users type.
  compiler::Chain (*chain)();
  int32_t classes;
  uint32_t seed;  ///< Of its weights.
};
std::span<const PublishedNet> PublishedNets();

}  // namespace tinyrig::zoo
