#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "firmware/compiler/fusion/chain.h"
#include "firmware/compiler/tflite/writer.h"

/// Operators as a converter writes them, behind a tensor of a model that is being made. Each
/// returns the tensor of its output.
namespace tinyrig::zoo {

struct Quantised {
  float scale = 1;
  int32_t zero_point = 0;
};

/// The numbers of one layer with weights.
struct LayerNumbers {
  std::vector<int8_t> weights;
  std::vector<float> scales;  ///< One an output channel; one alone for a dense layer.
  std::vector<int32_t> biases;
  bool relu6 = false;
  Quantised output;
};

/// A convolution with padding of k/2 on all sides: PAD comes before it where SAME would do
/// otherwise.
int32_t AppendLayer(compiler::ModelSpec& model, int32_t input, const compiler::ChainLayer& layer,
                    const LayerNumbers& numbers, const std::string& name);
int32_t AppendSum(compiler::ModelSpec& model, int32_t a, int32_t b, const Quantised& output,
                  const std::string& name);
/// The mean over rows and columns.
int32_t AppendMean(compiler::ModelSpec& model, int32_t input, const std::string& name);
int32_t AppendDense(compiler::ModelSpec& model, int32_t input, const LayerNumbers& numbers,
                    const std::string& name);
int32_t AppendInput(compiler::ModelSpec& model, const std::vector<int32_t>& shape,
                    const Quantised& quantised, const std::string& name);

}  // namespace tinyrig::zoo
