#include "firmware/zoo/nets/calibration.h"

#include <algorithm>
#include <cmath>

#include "firmware/compiler/compile.h"
#include "firmware/compiler/reference_run.h"

namespace tinyrig::zoo {
namespace {

using compiler::ModelSpec;

/// Standard deviations that reach from the zero point to the end of int8: few values pass them.
constexpr double kReach = 4.5;
/// While measuring, where the estimate may be off.
constexpr double kProbeReach = 9;

double MeanSquare(const Values& values) {
  double sum = 0;
  double count = 0;
  for (const std::vector<int8_t>& vector : values.vectors) {
    for (const int8_t value : vector) {
      const double q = value - values.quantised.zero_point;
      sum += q * q;
    }
    count += static_cast<double>(vector.size());
  }
  return sum / count;
}

struct Spread {
  double mean = 0;
  double deviation = 0;
};

/// Of each channel (the last dimension), in steps of the quantisation.
std::vector<Spread> SpreadOfChannels(const Values& values) {
  const auto channels = static_cast<size_t>(values.shape.back());
  std::vector<double> sums(channels);
  std::vector<double> squares(channels);
  double count = 0;
  for (const std::vector<int8_t>& vector : values.vectors) {
    for (size_t i = 0; i < vector.size(); ++i) {
      const double q = vector[i] - values.quantised.zero_point;
      sums[i % channels] += q;
      squares[i % channels] += q * q;
    }
    count += static_cast<double>(vector.size() / channels);
  }
  std::vector<Spread> spreads;
  double all = 0;
  for (size_t c = 0; c < channels; ++c) {
    const double mean = sums[c] / count;
    const double variance = std::max(squares[c] / count - mean * mean, 0.0);
    spreads.push_back({mean, std::sqrt(variance)});
    all += variance;
  }
  // A channel that hardly moves on these inputs may do so on others.
  const double least = std::max(std::sqrt(all / static_cast<double>(channels)) / 4, 0.5);
  for (Spread& spread : spreads) spread.deviation = std::max(spread.deviation, least);
  return spreads;
}

/// What sums of products of random weights and these inputs deviate by, in steps.
double ExpectedDeviation(int32_t products, const Values& input) {
  return std::sqrt(products * MeanSquare(input) * kWeightVariance);
}

std::vector<int8_t> RandomWeights(size_t count, Seeded& random) {
  std::vector<int8_t> weights(count);
  for (int8_t& weight : weights) weight = random.Weight();
  return weights;
}

/// Numbers to look at the sums of products with: weights count in steps, no bias, no activation.
LayerNumbers ProbeOf(std::vector<int8_t> weights, int32_t units, size_t scales, double deviation,
                     const Values& input) {
  LayerNumbers probe;
  probe.weights = std::move(weights);
  probe.scales.assign(scales, 1.0f);
  probe.biases.assign(static_cast<size_t>(units), 0);
  probe.output.scale = static_cast<float>(input.quantised.scale * deviation * kProbeReach / 127.0);
  return probe;
}

}  // namespace

Result<Values> RunAlone(const std::vector<const Values*>& inputs, const Append& append) {
  ModelSpec model;
  std::vector<int32_t> tensors;
  for (const Values* input : inputs) {
    tensors.push_back(AppendInput(model, input->shape, input->quantised, "x"));
  }
  const int32_t output = append(model, tensors);
  model.outputs = {output};
  const compiler::TensorSpec& made = model.tensors[static_cast<size_t>(output)];
  Values values{made.shape, {made.scale[0], static_cast<int32_t>(made.zero_point[0])}, {}};
  TRY_ASSIGN(const compiler::Variant variant, compiler::ParseVariant("kernels=reference"));
  const std::vector<std::byte> file = compiler::BuildTflite(model);
  TRY_ASSIGN(const compiler::Compiled compiled, compiler::Compile(file, variant));
  TRY_ASSIGN(compiler::ReferenceRunner runner, compiler::ReferenceRunner::Make(compiled.blob));
  for (size_t i = 0; i < inputs.front()->vectors.size(); ++i) {
    std::vector<int8_t> bytes;
    for (const Values* input : inputs) {
      bytes.insert(bytes.end(), input->vectors[i].begin(), input->vectors[i].end());
    }
    TRY_ASSIGN(const compiler::ReferenceOutput out, runner.Run(std::as_bytes(std::span(bytes))));
    const auto* first = reinterpret_cast<const int8_t*>(out.bytes.data());
    values.vectors.emplace_back(first, first + out.bytes.size());
  }
  return values;
}

Result<LayerNumbers> CalibrateLayer(const compiler::ChainLayer& layer, bool relu6,
                                    const Values& input, Seeded& random) {
  const bool depthwise = layer.kind == compiler::LayerKind::kDepthwise;
  const int32_t products = layer.kernel_h * layer.kernel_w * (depthwise ? 1 : layer.in_c);
  const double expected = ExpectedDeviation(products, input);
  const auto channels = static_cast<size_t>(layer.out_c);
  LayerNumbers numbers = ProbeOf(RandomWeights(channels * static_cast<size_t>(products), random),
                                 layer.out_c, channels, expected, input);
  TRY_ASSIGN(const Values sums, RunAlone({&input}, [&](ModelSpec& model, auto in) {
               return AppendLayer(model, in[0], layer, numbers, "probe");
             }));
  const double step = expected * kProbeReach / 127.0;
  const std::vector<Spread> spreads = SpreadOfChannels(sums);
  for (size_t c = 0; c < channels; ++c) {
    const double deviation = spreads[c].deviation * step;
    const double wanted = relu6 ? random.Real(1.0, 1.5) : random.Real(0.7, 1.3);
    const double mean = relu6 ? random.Real(0.6, 1.5) : random.Real(-0.5, 0.5);
    numbers.scales[c] = static_cast<float>(wanted / (deviation * input.quantised.scale));
    numbers.biases[c] =
        static_cast<int32_t>(std::lround(mean * deviation / wanted - spreads[c].mean * step));
  }
  numbers.relu6 = relu6;
  numbers.output = relu6 ? Quantised{6.0f / 255, -128}
                         : Quantised{static_cast<float>(kReach * 1.1 / 127), random.In(-9, 9)};
  return numbers;
}

Result<LayerNumbers> CalibrateDense(int32_t units, const Values& input, Seeded& random) {
  const double expected = ExpectedDeviation(input.shape[1], input);
  LayerNumbers numbers = ProbeOf(
      RandomWeights(static_cast<size_t>(units) * static_cast<size_t>(input.shape[1]), random),
      units, 1, expected, input);
  TRY_ASSIGN(const Values sums, RunAlone({&input}, [&](ModelSpec& model, auto in) {
               return AppendDense(model, in[0], numbers, "probe");
             }));
  const double step = expected * kProbeReach / 127.0;
  const std::vector<Spread> spreads = SpreadOfChannels(sums);
  double variance = 0;
  for (size_t c = 0; c < spreads.size(); ++c) {
    numbers.biases[c] = static_cast<int32_t>(std::lround(-spreads[c].mean * step));
    variance += spreads[c].deviation * spreads[c].deviation / static_cast<double>(units);
  }
  const double deviation = std::sqrt(variance) * step * input.quantised.scale;
  numbers.scales[0] = static_cast<float>(1 / deviation);
  numbers.output = {static_cast<float>(kReach / 127), random.In(-9, 9)};
  return numbers;
}

Quantised CalibrateSum(const Values& a, const Values& b, Seeded& random) {
  double squares = 0;
  double count = 0;
  for (size_t i = 0; i < a.vectors.size(); ++i) {
    for (size_t j = 0; j < a.vectors[i].size(); ++j) {
      const double sum = a.quantised.scale * (a.vectors[i][j] - a.quantised.zero_point) +
                         b.quantised.scale * (b.vectors[i][j] - b.quantised.zero_point);
      squares += sum * sum;
    }
    count += static_cast<double>(a.vectors[i].size());
  }
  return {static_cast<float>(kReach * std::sqrt(squares / count) / 127), random.In(-9, 9)};
}

}  // namespace tinyrig::zoo
