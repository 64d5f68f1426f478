#pragma once

#include "firmware/compiler/tflite/writer.h"

/// Models for tests and fuzz seeds.
namespace tinyrig::compiler {

/// A small sound model: CONV_2D 3x3 over [1, 4, 4, 2] to three channels, RESHAPE, FULLY_CONNECTED
/// to 2, SOFTMAX.
ModelSpec SmallModel();

/// A random chain of two to six operators over odd shapes, with branches joined by ADD now and
/// then. The same seed gives the same model on every host.
ModelSpec RandomModel(uint32_t seed);

}  // namespace tinyrig::compiler
