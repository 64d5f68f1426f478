#include <cstring>

#include "firmware/runtime/fusion/direct_values.h"
#include "firmware/runtime/fusion/slice_steps.h"
#include "firmware/runtime/fusion/slices.h"
#include "firmware/runtime/kernels/depthwise_conv/plane.h"

namespace tinyrig::runtime {
namespace {

/// Values of one channel, or one of four that alternate.
struct PlaneView {
  const int8_t* values;
  uint32_t step;
};

template <WeightForm kForm>
class Slices {
 public:
  explicit Slices(const SliceTask& task) : task_(task) {
    const auto& params = task.depthwise.template params<ConvParams>();
    const TensorRecord& in = task.depthwise.input();
    const TensorRecord& out = task.depthwise.output();
    const auto height = static_cast<uint32_t>(task.output.count());
    const auto row =
        static_cast<uint32_t>(MakeDepthwiseStrip(height, out.dims[2], params.stride_h,
                                                 params.stride_w, params.kernel_h, params.kernel_w)
                                  .row);
    shape_ = {.row = row,
              .out_w = out.dims[2],
              .out_step = 4,
              .kernel_h = params.kernel_h,
              .kernel_w = params.kernel_w,
              .stride_h = params.stride_h,
              .stride_w = params.stride_w};
    plane_ = PlaneKernel(shape_);
    pixels_ = height * shape_.out_w;
    const uint32_t room = row > params.pad_left ? row - params.pad_left : 0;
    columns_ = in.dims[2] < room ? in.dims[2] : room;
    Share(static_cast<uint32_t>(task.expanded.count()) * in.dims[2] * 4);
    Fill(strip_, static_cast<int16_t>(in.zero_point), strip_in_rows() * row);
  }

  void Run() {
    BeginSums();
    const uint32_t channels = task_.project.input().dims[3];
    for (uint32_t c = 0; c < channels; c += 4) {
      const uint32_t count = channels - c < 4 ? channels - c : 4;
      if (count < 4) std::memset(made_, 0, pixels_ * 4);
      if (planes_ != nullptr) ExpandFour(c);
      for (uint32_t i = 0; i < count; ++i) {
        if (planes_ == nullptr) ExpandOne(c + i);
        const PlaneView view =
            planes_ != nullptr ? PlaneView{planes_ + i, 4} : PlaneView{task_.plane, 1};
        Depthwise(c + i, view, made_ + i);
      }
      const auto& params = task_.depthwise.template params<ConvParams>();
      ClampValues(made_, pixels_ * 4, params.activation_min, params.activation_max);
      Project(c);
    }
  }

 private:
  uint32_t strip_in_rows() const { return (strip_rows_ - 1) * shape_.stride_h + shape_.kernel_h; }

  /// Shares memory out: rows that are widened in own_, with as many as there is room for; outputs
  /// beside them or in the caller's scratch; and planes of four channels in the rest of that. Wide
  /// rows are in the scratch instead, outputs in own_.
  void Share(uint32_t planes_bytes) {
    const auto height = static_cast<uint32_t>(task_.output.count());
    const auto outputs = static_cast<uint32_t>(SliceOutputBytes(height, shape_.out_w));
    const uint32_t row = shape_.row * sizeof(int16_t);
    const uint32_t rows = shape_.kernel_h * row;
    const bool wide = rows > sizeof(own_);
    uint32_t room = (wide ? kSliceScratchBytes : sizeof(own_)) - rows;
    uint32_t scratch = wide ? 0 : kSliceScratchBytes;
    strip_ = reinterpret_cast<int16_t*>(wide ? task_.scratch : own_);
    if (wide) {
      made_ = own_;
    } else if (outputs <= room) {
      room -= outputs;
      made_ = own_ + sizeof(own_) - outputs;
    } else {
      scratch -= outputs;
      made_ = task_.scratch + scratch;
    }
    planes_ = planes_bytes <= scratch ? task_.scratch : nullptr;
    const uint32_t more = room / (shape_.stride_h * row);
    strip_rows_ = more + 1 < height ? more + 1 : height;
  }

  void BeginSums() const {
    const auto* requant = task_.project.template InBlob<PackedRequant>(
        task_.project.template params<ConvParams>().requant_offset);
    const uint32_t channels = task_.project.output().dims[3];
    int32_t* sum = task_.sums;
    for (uint32_t p = 0; p < pixels_; ++p) {
      for (uint32_t c = 0; c < channels; ++c) *sum++ = requant[c].bias;
    }
  }

  /// Calls use(values of the first pixel, number of the first pixel, pixels) for rows of the input
  /// that follow each other.
  template <typename Use>
  void ForEachRun(Use use) const {
    const PixelMap& input = task_.input;
    const uint32_t width = task_.expand.input().dims[2];
    const auto rows = static_cast<uint32_t>(task_.expanded.count());
    for (uint32_t done = 0; done < rows;) {
      const int32_t y = task_.expanded.lo + static_cast<int32_t>(done);
      const uint32_t until_wrap = input.row_slots - input.RowSlot(y);
      const uint32_t run = until_wrap < rows - done ? until_wrap : rows - done;
      use(input.At(y, 0), done * width, run * width);
      done += run;
    }
  }

  /// Weights of a channel of the first layer.
  const Word* ExpandWeights(uint32_t channel) const {
    const auto& params = task_.expand.template params<ConvParams>();
    const uint32_t groups = (task_.expand.input().dims[3] + 3) / 4;
    constexpr uint32_t kOne = kDirectWords<kForm> / 4;
    return task_.expand.template InBlob<Word>(params.weights_offset) +
           channel / 4 * groups * kDirectWords<kForm> + channel % 4 * kOne;
  }

  void ExpandFour(uint32_t channel) const {
    const auto& params = task_.expand.template params<ConvParams>();
    const auto* requant =
        task_.expand.template InBlob<PackedRequant>(params.requant_offset) + channel;
    const uint32_t depth = task_.expand.input().dims[3];
    ForEachRun([&](const int8_t* values, uint32_t first, uint32_t pixels) {
      int8_t* out = planes_ + 4 * first;
      const uint32_t whole = pixels - Remote(depth);
      if (whole != 0) {
        ConvPixels<kForm>(values, depth, ExpandWeights(channel), requant, out, whole);
      }
      for (uint32_t i = 0; i < 4 && whole != pixels; ++i) {
        LastPixel(channel + i, requant[i], values + whole * depth, out + 4 * whole + i);
      }
      ClampValues(out, 4 * pixels, params.activation_min, params.activation_max);
    });
  }

  void ExpandOne(uint32_t channel) const {
    const auto& params = task_.expand.template params<ConvParams>();
    const auto& requant =
        task_.expand.template InBlob<PackedRequant>(params.requant_offset)[channel];
    const uint32_t depth = task_.expand.input().dims[3];
    ForEachRun([&](const int8_t* values, uint32_t first, uint32_t pixels) {
      int8_t* out = task_.plane + first;
      const uint32_t fours = (pixels - Remote(depth)) / 4;
      if (fours != 0) ConvPlane<kForm>(values, depth, ExpandWeights(channel), &requant, out, fours);
      for (uint32_t i = 4 * fours; i < pixels; ++i) {
        LastPixel(channel, requant, values + i * depth, out + i);
      }
      ClampValues(out, pixels, params.activation_min, params.activation_max);
    });
  }

  /// Whether a run's last pixel is computed by itself, since what lies behind it may be no memory.
  static uint32_t Remote(uint32_t depth) { return depth % 4 == 0 ? 0 : 1; }

  /// One channel of a pixel, never reading more than it has.
  void LastPixel(uint32_t channel, const PackedRequant& requant, const int8_t* values,
                 int8_t* out) const {
    const uint32_t depth = task_.expand.input().dims[3];
    const Word* weights = ExpandWeights(channel);
    int32_t sum = requant.bias;
    for (uint32_t d = 0; d < depth; d += 4, weights += kDirectWords<kForm>) {
      const uint32_t word = LoadBytes(values + d, depth - d);
      sum = AddFourDepths<kForm>(ExtendEvenBytes(word), ExtendOddBytes(word), weights, sum);
    }
    *out = OutputOf(sum, requant);
  }

  void Depthwise(uint32_t channel, PlaneView plane, int8_t* out) const {
    const auto& params = task_.depthwise.template params<ConvParams>();
    const auto& requant =
        task_.depthwise.template InBlob<PackedRequant>(params.requant_offset)[channel];
    const auto* weights =
        task_.depthwise.template InBlob<int16_t>(params.weights_offset) +
        channel * static_cast<uint32_t>(DepthwiseWeightValues(shape_.kernel_h, shape_.kernel_w));
    for (int32_t y = task_.output.lo; y <= task_.output.hi;) {
      const auto left = static_cast<uint32_t>(task_.output.hi - y + 1);
      const uint32_t rows = left < strip_rows_ ? left : strip_rows_;
      const int32_t top = y * static_cast<int32_t>(shape_.stride_h) - params.pad_top;
      const uint32_t in_rows = (rows - 1) * shape_.stride_h + shape_.kernel_h;
      int16_t* to = strip_ + params.pad_left;
      for (uint32_t i = 0; i < in_rows; ++i, to += shape_.row) {
        WidenRow(top + static_cast<int32_t>(i), plane, to);
      }
      plane_(shape_, rows, strip_, weights, requant, out);
      out += rows * shape_.out_w * 4;
      y += static_cast<int32_t>(rows);
    }
  }

  void WidenRow(int32_t y, PlaneView plane, int16_t* to) const {
    const TensorRecord& map = task_.depthwise.input();
    if (y < 0 || y >= static_cast<int32_t>(map.dims[1])) {
      return Fill(to, static_cast<int16_t>(map.zero_point), columns_);
    }
    const auto row = static_cast<uint32_t>(y - task_.expanded.lo);
    const int8_t* from = plane.values + row * map.dims[2] * plane.step;
    if (plane.step == 1) return Widen(from, to, columns_);
    for (uint32_t x = 0; x < columns_; ++x, from += 4) to[x] = *from;
  }

  void Project(uint32_t channel) const {
    const auto& params = task_.project.template params<ConvParams>();
    const uint32_t channels = task_.project.output().dims[3];
    const Word* weights = task_.project.template InBlob<Word>(params.weights_offset) +
                          channel / 4 * RoundUp(channels, 4) * kSlicedWords<kForm>;
    if (channels % 4 == 0) {
      return AddProjections<kForm>(made_, task_.sums, weights, channels, pixels_);
    }
    const int8_t* values = made_;
    int32_t* sums = task_.sums;
    for (uint32_t p = 0; p < pixels_; ++p, values += 4) {
      const uint32_t word = LoadWord(values);
      const uint32_t even = ExtendEvenBytes(word);
      const uint32_t odd = ExtendOddBytes(word);
      for (uint32_t c = 0; c < channels; ++c, ++sums) {
        *sums = AddFourDepths<kForm>(even, odd, weights + c * kSlicedWords<kForm>, *sums);
      }
    }
  }

  const SliceTask& task_;
  PlaneShape shape_;
  PlaneFunction plane_;
  uint32_t pixels_;      ///< Of the output.
  uint32_t columns_;     ///< Of the expanded map that any window reads.
  uint32_t strip_rows_;  ///< Output rows that are made from what is widened at once.
  int8_t* made_;         ///< Four channels of the depthwise layer's output, pixel by pixel.
  int16_t* strip_;
  int8_t* planes_;  ///< Four expanded channels, pixel by pixel; or null: they are made one by one.
  alignas(4) int8_t own_[kSliceRowsBytes];
};

}  // namespace

Code PrepareSlicedConv(const OpCheck& check) {
  if (!ConvShapesAreSound(check)) return Code::kInvalidArgument;
  const auto& params = check.params<ConvParams>();
  const uint64_t width = check.op->form == WeightForm::kSlicedInt16 ? 2 : 1;
  const uint64_t bytes =
      RoundUp(check.input().dims[3], 4) * RoundUp(check.output().dims[3], 4) * width;
  const bool sound = params.kernel_h == 1 && params.kernel_w == 1 && DirectIsSound(check, bytes);
  return sound ? Code::kOk : Code::kInvalidArgument;
}

Code PrepareSlicedDepthwise(const OpCheck& check) {
  if (!ConvShapesAreSound(check)) return Code::kInvalidArgument;
  const auto& params = check.params<ConvParams>();
  const uint64_t channels = check.output().dims[3];
  const uint64_t bytes = RoundUp(channels, kDirectChannels) *
                         DepthwiseWeightValues(params.kernel_h, params.kernel_w) * sizeof(int16_t);
  const bool sound = check.input().dims[3] == channels && DirectIsSound(check, bytes);
  return sound ? Code::kOk : Code::kInvalidArgument;
}

void SlicesInt8(const SliceTask& task) { Slices<WeightForm::kDirectInt8>(task).Run(); }
void SlicesInt16(const SliceTask& task) { Slices<WeightForm::kDirectInt16>(task).Run(); }

void SlicePixel(const OpContext& project, const int32_t* sums, int8_t* out) {
  const auto& params = project.params<ConvParams>();
  const auto* requant = project.InBlob<PackedRequant>(params.requant_offset);
  const uint32_t channels = project.output().dims[3];
  for (uint32_t c = 0; c < channels; ++c) out[c] = OutputOf(sums[c], requant[c]);
  ClampValues(out, channels, params.activation_min, params.activation_max);
}

}  // namespace tinyrig::runtime
