#include "firmware/compiler/tflite/options.h"

#include <fmt/format.h>

#include <cmath>

namespace tinyrig::compiler {
namespace {

// Type bytes of the options union.
constexpr uint8_t kConv2DOptions = 1;
constexpr uint8_t kDepthwiseConv2DOptions = 2;
constexpr uint8_t kPool2DOptions = 5;
constexpr uint8_t kFullyConnectedOptions = 8;
constexpr uint8_t kSoftmaxOptions = 9;
constexpr uint8_t kConcatenationOptions = 10;
constexpr uint8_t kAddOptions = 11;
constexpr uint8_t kMulOptions = 21;
constexpr uint8_t kReducerOptions = 27;
constexpr uint8_t kSubOptions = 28;
constexpr uint8_t kStridedSliceOptions = 32;
constexpr uint8_t kSplitOptions = 35;
constexpr uint8_t kResizeNearestNeighborOptions = 74;
constexpr uint8_t kLeakyReluOptions = 75;

/// Collects the first complaint while fields are read one after the other.
class FieldReader {
 public:
  explicit FieldReader(const Op& op) : op_(op) {}

  uint32_t Positive(std::string_view field, int32_t value) {
    constexpr int32_t kMax = 65535;
    if (value < 1 || value > kMax) {
      Complain(fmt::format("{} is {}, not in [1, {}]", field, value, kMax));
      return 1;
    }
    return static_cast<uint32_t>(value);
  }
  Padding ReadPadding(int8_t value) {
    if (value != 0 && value != 1) Complain(fmt::format("padding is {}, not SAME or VALID", value));
    return value == 0 ? Padding::kSame : Padding::kValid;
  }
  Activation ReadActivation(int8_t value) {
    if (value < 0 || value > 5) {
      Complain(fmt::format("fused activation is {}, not in [0, 5]", value));
      return Activation::kNone;
    }
    return static_cast<Activation>(value);
  }
  void Complain(std::string_view what) {
    if (status_.ok()) {
      status_ = {Code::kInvalidArgument,
                 fmt::format("{}: {}; convert the model again", op_.Describe(), what)};
    }
  }
  const Status& status() const { return status_; }

 private:
  const Op& op_;
  Status status_;
};

/// The options as a T, or nullptr with a complaint.
template <typename T>
const T* OptionsAs(const fbs::Operator& source, uint8_t type, flatbuffers::Verifier& verifier,
                   FieldReader& reader) {
  if (source.builtin_options_type() != type || source.builtin_options() == nullptr) {
    reader.Complain(
        fmt::format("its options are of type {}, not {}", source.builtin_options_type(), type));
    return nullptr;
  }
  const auto* options = reinterpret_cast<const T*>(source.builtin_options());
  if (!options->Verify(verifier)) {
    reader.Complain("its options table is broken");
    return nullptr;
  }
  return options;
}

template <typename T>
ConvOptions ReadConv(const T& table, FieldReader& reader) {
  return {.padding = reader.ReadPadding(table.padding()),
          .pad_top = 0,
          .pad_bottom = 0,
          .pad_left = 0,
          .pad_right = 0,
          .stride_h = reader.Positive("stride_h", table.stride_h()),
          .stride_w = reader.Positive("stride_w", table.stride_w()),
          .dilation_h = reader.Positive("dilation_h", table.dilation_h()),
          .dilation_w = reader.Positive("dilation_w", table.dilation_w()),
          .depth_multiplier = 1,
          .activation = reader.ReadActivation(table.fused_activation())};
}

uint8_t ArithmeticOptionsType(Builtin builtin) {
  if (builtin == Builtin::kMul) return kMulOptions;
  return builtin == Builtin::kSub ? kSubOptions : kAddOptions;
}

StridedSliceOptions ReadStridedSlice(const fbs::StridedSliceOptions& table) {
  return {.begin_mask = static_cast<uint32_t>(table.begin_mask()),
          .end_mask = static_cast<uint32_t>(table.end_mask()),
          .ellipsis_mask = static_cast<uint32_t>(table.ellipsis_mask()),
          .new_axis_mask = static_cast<uint32_t>(table.new_axis_mask()),
          .shrink_axis_mask = static_cast<uint32_t>(table.shrink_axis_mask()),
          .offset = table.offset()};
}

/// Operators without weights or windows. Those that are not listed have no options, or their
/// tensors say it all.
void ReadSimpleOptions(const fbs::Operator& source, flatbuffers::Verifier& verifier, Op& op,
                       FieldReader& reader) {
  const auto builtin = static_cast<Builtin>(op.builtin);
  switch (builtin) {
    case Builtin::kAdd:
    case Builtin::kSub:
    case Builtin::kMul:
      if (const auto* table = OptionsAs<fbs::AddOptions>(source, ArithmeticOptionsType(builtin),
                                                         verifier, reader)) {
        op.options = AddOptions{.activation = reader.ReadActivation(table->fused_activation())};
      }
      break;
    case Builtin::kConcatenation:
      if (const auto* table = OptionsAs<fbs::ConcatenationOptions>(source, kConcatenationOptions,
                                                                   verifier, reader)) {
        op.options = ConcatenationOptions{
            .axis = table->axis(), .activation = reader.ReadActivation(table->fused_activation())};
      }
      break;
    case Builtin::kMean:
    case Builtin::kSum:
      if (const auto* table =
              OptionsAs<fbs::ReducerOptions>(source, kReducerOptions, verifier, reader)) {
        op.options = ReduceOptions{.keep_dims = table->keep_dims()};
      }
      break;
    case Builtin::kStridedSlice:
      if (const auto* table =
              OptionsAs<fbs::StridedSliceOptions>(source, kStridedSliceOptions, verifier, reader)) {
        op.options = ReadStridedSlice(*table);
      }
      break;
    case Builtin::kSplit:
      if (const auto* table =
              OptionsAs<fbs::SplitOptions>(source, kSplitOptions, verifier, reader)) {
        const auto parts = static_cast<int64_t>(op.outputs.size());
        if (table->num_splits() != parts) {
          reader.Complain(
              fmt::format("makes {} parts, but has {} outputs", table->num_splits(), parts));
        }
      }
      break;
    case Builtin::kResizeNearestNeighbor:
      if (const auto* table = OptionsAs<fbs::ResizeNearestNeighborOptions>(
              source, kResizeNearestNeighborOptions, verifier, reader)) {
        op.options = ResizeNearestOptions{.align_corners = table->align_corners(),
                                          .half_pixel_centers = table->half_pixel_centers()};
      }
      break;
    case Builtin::kLeakyRelu:
      if (const auto* table =
              OptionsAs<fbs::LeakyReluOptions>(source, kLeakyReluOptions, verifier, reader)) {
        if (!std::isfinite(table->alpha())) {
          reader.Complain(fmt::format("alpha is {}, not a number", table->alpha()));
        }
        op.options = LeakyReluOptions{.alpha = table->alpha()};
      }
      break;
    default:
      break;
  }
}

}  // namespace

Status ReadOptions(const fbs::Operator& source, flatbuffers::Verifier& verifier, Op& op) {
  FieldReader reader(op);
  switch (static_cast<Builtin>(op.builtin)) {
    case Builtin::kConv2D:
      if (const auto* table =
              OptionsAs<fbs::Conv2DOptions>(source, kConv2DOptions, verifier, reader)) {
        op.options = ReadConv(*table, reader);
      }
      break;
    case Builtin::kDepthwiseConv2D:
      if (const auto* table = OptionsAs<fbs::DepthwiseConv2DOptions>(
              source, kDepthwiseConv2DOptions, verifier, reader)) {
        ConvOptions options = ReadConv(*table, reader);
        // Some converters write 0 and mean "as the shapes say"; lowering derives it from them
        // anyway.
        options.depth_multiplier =
            table->depth_multiplier() == 0
                ? 0
                : reader.Positive("depth_multiplier", table->depth_multiplier());
        op.options = options;
      }
      break;
    case Builtin::kAveragePool2D:
    case Builtin::kMaxPool2D:
      if (const auto* table =
              OptionsAs<fbs::Pool2DOptions>(source, kPool2DOptions, verifier, reader)) {
        op.options = PoolOptions{.padding = reader.ReadPadding(table->padding()),
                                 .stride_h = reader.Positive("stride_h", table->stride_h()),
                                 .stride_w = reader.Positive("stride_w", table->stride_w()),
                                 .kernel_h = reader.Positive("filter_height", table->filter_h()),
                                 .kernel_w = reader.Positive("filter_width", table->filter_w()),
                                 .activation = reader.ReadActivation(table->fused_activation())};
      }
      break;
    case Builtin::kFullyConnected:
      if (const auto* table = OptionsAs<fbs::FullyConnectedOptions>(source, kFullyConnectedOptions,
                                                                    verifier, reader)) {
        if (table->weights_format() != 0) {
          reader.Complain("its weights are shuffled, a format of other runtimes");
        }
        op.options =
            FullyConnectedOptions{.activation = reader.ReadActivation(table->fused_activation()),
                                  .keep_num_dims = table->keep_num_dims()};
      }
      break;
    case Builtin::kSoftmax:
      if (const auto* table =
              OptionsAs<fbs::SoftmaxOptions>(source, kSoftmaxOptions, verifier, reader)) {
        if (!std::isfinite(table->beta()) || table->beta() <= 0) {
          reader.Complain(fmt::format("beta is {}, not a positive number", table->beta()));
        }
        op.options = SoftmaxOptions{.beta = table->beta()};
      }
      break;
    default:
      ReadSimpleOptions(source, verifier, op, reader);
  }
  return reader.status();
}

}  // namespace tinyrig::compiler
