#include "firmware/zoo/nets/net_maker.h"

#include <fmt/format.h>

#include "firmware/compiler/compile.h"
#include "firmware/compiler/reference_run.h"
#include "firmware/zoo/nets/calibration.h"
#include "firmware/zoo/nets/images.h"
#include "firmware/zoo/nets/npz_writer.h"
#include "proto/vectors/patterns.h"

namespace tinyrig::zoo {
namespace {

using compiler::Chain;
using compiler::ModelSpec;

constexpr uint32_t kCalibrationImages = 3;

/// Pixels 0 to 255 as -1 to 1.
constexpr Quantised kPixels = {1.0f / 128, -1};

/// A projection: 1x1 right behind a depthwise layer.
bool IsLinear(const Chain& chain, int32_t layer) {
  return layer > 0 && chain.layer(layer).pointwise() &&
         chain.layer(layer - 1).kind == compiler::LayerKind::kDepthwise;
}

/// Images, and what jobs without vectors run.
Result<Values> CalibrationInputs(const Chain& chain) {
  Values values{{1, chain.Height(0), chain.Width(0), chain.Channels(0)}, kPixels, {}};
  const vectors::InputTensor tensor = {static_cast<size_t>(chain.MapBytes(0)), false};
  for (const char pattern : {'A', 'B'}) {
    TRY_ASSIGN(const std::vector<uint8_t> bytes,
               vectors::MakePattern(pattern, std::span(&tensor, 1)));
    values.vectors.emplace_back(bytes.begin(), bytes.end());
  }
  for (uint32_t i = 0; i < kCalibrationImages; ++i) {
    values.vectors.push_back(SeededImage(chain.Height(0), chain.Channels(0), 1000 + i));
  }
  return values;
}

class NetMaker {
 public:
  explicit NetMaker(const PublishedNet& net) : net_(net), chain_(net.chain()), random_(net.seed) {}

  Result<std::vector<std::byte>> Make() {
    TRY_ASSIGN(Values input, CalibrationInputs(chain_));
    tip_ = AppendInput(model_, input.shape, kPixels, "image");
    maps_.push_back({tip_, std::move(input)});
    for (int32_t layer = 0; layer < chain_.size(); ++layer) {
      TRY(AddLayer(layer));
      for (const compiler::Skip& skip : chain_.skips) {
        if (skip.to == layer + 1) TRY(AddSum(skip));
      }
    }
    TRY(AddClassifier());
    model_.outputs = {tip_};
    return compiler::BuildTflite(model_);
  }

 private:
  struct Map {
    int32_t tensor;
    Values values;
  };
  const Map& map(int32_t index) const { return maps_[static_cast<size_t>(index)]; }

  Status AddLayer(int32_t index) {
    const compiler::ChainLayer& layer = chain_.layer(index);
    const Map& input = map(index);
    TRY_ASSIGN(const LayerNumbers numbers,
               CalibrateLayer(layer, !IsLinear(chain_, index), input.values, random_));
    const std::string name = fmt::format("layer{}", index);
    TRY_ASSIGN(Values values, RunAlone({&input.values}, [&](ModelSpec& model, auto in) {
                 return AppendLayer(model, in[0], layer, numbers, name);
               }));
    tip_ = AppendLayer(model_, input.tensor, layer, numbers, name);
    maps_.push_back({tip_, std::move(values)});
    return OkStatus();
  }

  Status AddSum(const compiler::Skip& skip) {
    const Map& from = map(skip.from);
    const Map& to = map(skip.to);
    const Quantised quantised = CalibrateSum(from.values, to.values, random_);
    const std::string name = fmt::format("sum{}", skip.to - 1);
    TRY_ASSIGN(Values values, RunAlone({&from.values, &to.values}, [&](ModelSpec& model, auto in) {
                 return AppendSum(model, in[0], in[1], quantised, name);
               }));
    tip_ = AppendSum(model_, from.tensor, to.tensor, quantised, name);
    maps_.back() = {tip_, std::move(values)};
    return OkStatus();
  }

  Status AddClassifier() {
    TRY_ASSIGN(const Values means, RunAlone({&maps_.back().values}, [](ModelSpec& model, auto in) {
                 return AppendMean(model, in[0], "mean");
               }));
    TRY_ASSIGN(const LayerNumbers numbers, CalibrateDense(net_.classes, means, random_));
    tip_ = AppendDense(model_, AppendMean(model_, tip_, "mean"), numbers, "classes");
    return OkStatus();
  }

  const PublishedNet& net_;
  Chain chain_;
  Seeded random_;
  ModelSpec model_;
  std::vector<Map> maps_;
  int32_t tip_ = 0;
};

}  // namespace

Result<std::vector<std::byte>> MakeNet(const PublishedNet& net) { return NetMaker(net).Make(); }

Result<std::vector<uint8_t>> MakeVectors(const PublishedNet& net,
                                         const std::vector<std::byte>& model) {
  const Chain chain = net.chain();
  TRY_ASSIGN(const compiler::Variant variant, compiler::ParseVariant("kernels=reference"));
  TRY_ASSIGN(const compiler::Compiled compiled, compiler::Compile(model, variant));
  TRY_ASSIGN(compiler::ReferenceRunner runner, compiler::ReferenceRunner::Make(compiled.blob));
  NamedArray inputs{"x", {kVectors}, {}};
  for (const int32_t map_size : {chain.Height(0), chain.Width(0), chain.Channels(0)}) {
    inputs.shape.push_back(static_cast<uint64_t>(map_size));
  }
  NamedArray outputs{
      fmt::format("outputs.{}", net.name), {kVectors, static_cast<uint64_t>(net.classes)}, {}};
  for (uint32_t i = 0; i < kVectors; ++i) {
    const std::vector<int8_t> image = SeededImage(chain.Height(0), chain.Channels(0), i);
    TRY_ASSIGN(const compiler::ReferenceOutput out, runner.Run(std::as_bytes(std::span(image))));
    const auto* classes = reinterpret_cast<const int8_t*>(out.bytes.data());
    inputs.data.insert(inputs.data.end(), image.begin(), image.end());
    outputs.data.insert(outputs.data.end(), classes, classes + out.bytes.size());
  }
  return WriteNpz({std::move(inputs), std::move(outputs)});
}

}  // namespace tinyrig::zoo
