#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

/// The model blob: what the compiler writes and the device executes. Freestanding; shared by both
/// ends.
///
/// A blob is position independent and read in place from flash: little-endian, every record at a
/// multiple of 4, the blob itself at a multiple of kBlobAlignment. All offsets count bytes from the
/// blob's first byte, arena offsets from the arena's first byte. Order of sections: header,
/// tensors, operators, input/output list, data (operator parameters, requantisation tables,
/// weights). README.md beside this file has a worked example in bytes. A change here is a change of
/// kBlobVersion and an entry in DECISIONS.md.
namespace tinyrig::runtime {

static_assert(std::endian::native == std::endian::little, "records are read in place");

inline constexpr uint32_t kBlobMagic = 0x424D5254;  ///< The bytes "TRMB".
inline constexpr uint16_t kBlobVersion = 2;
inline constexpr size_t kBlobAlignment = 8;    ///< Of the blob's address.
inline constexpr size_t kArenaAlignment = 8;   ///< Of the arena's address.
inline constexpr size_t kOffsetAlignment = 4;  ///< Of every offset in it.
inline constexpr size_t kMaxRank = 6;
inline constexpr uint16_t kNoTensor = 0xFFFF;

/// Which kernels must be linked to run the blob.
enum class KernelSetId : uint8_t {
  kReference = 1,  ///< Plain loops: the specification, least flash.
  kDsp = 2,        ///< Cortex-M4/M7 SIMD; portable elsewhere with the same bytes.
};

/// How weights lie in flash. One value a blob in the header, one an operator in OpRecord.
enum class WeightForm : uint8_t {
  kPlain = 0,        ///< int8 in TFLite's own order.
  kPackedInt8 = 1,   ///< int8, interleaved for the dsp kernels.
  kPackedInt16 = 2,  ///< Widened to int16: twice the flash, no unpacking at run time.
  kDirectInt8 = 3,   ///< In the order in which one pixel is computed from where it lies: layers of
                     ///< fused phases.
  kDirectInt16 = 4,  ///< The same, widened.
  kSlicedInt8 = 5,   ///< In the order in which slices of a fused phase are computed.
  kSlicedInt16 = 6,  ///< The same, widened.
};

enum class ElementType : uint8_t { kInt8 = 1, kInt32 = 2, kFloat32 = 3 };

/// Bytes of one element; 0 for a value that is no ElementType.
constexpr uint32_t ElementBytes(ElementType type) {
  switch (type) {
    case ElementType::kInt8:
      return 1;
    case ElementType::kInt32:
    case ElementType::kFloat32:
      return 4;
  }
  return 0;
}

/// What an operator computes. Numbers never change; 0x80 and up are about several layers at once.
enum class OpKind : uint8_t {
  kConv2D = 1,
  kDepthwiseConv2D = 2,
  kFullyConnected = 3,
  kAveragePool2D = 4,
  kMaxPool2D = 5,
  kReshape = 6,
  kSoftmax = 7,
  kAdd = 8,
  kSub = 9,
  kMul = 10,
  kCopy = 11,    ///< Moves elements: CONCATENATION, SPLIT, STRIDED_SLICE, TRANSPOSE, PAD...
  kLookup = 12,  ///< A value for each of the 256: LOGISTIC, TANH, RELU, QUANTIZE of int8...
  kReduce = 13,  ///< MEAN and SUM.
  kResizeNearest = 14,
  kQuantize = 15,      ///< float32 to int8.
  kDequantize = 16,    ///< int8 to float32.
  kFusedPhase = 0x80,  ///< The operators before it, rows at a time: fusion/fused_format.h.
  kMove = 0x81,        ///< Bytes of the arena to another place, which may overlap the old one.
};

/// First bytes of a blob.
struct BlobHeader {
  uint32_t magic;         ///< kBlobMagic.
  uint16_t version;       ///< kBlobVersion.
  uint16_t header_bytes;  ///< sizeof(BlobHeader).
  uint32_t total_bytes;   ///< Of the whole blob; a multiple of 4.
  uint32_t crc32c;        ///< CRC-32C of the bytes [16, total_bytes): all that follows this field.
  uint32_t arena_bytes;   ///< RAM for activations and scratch; nothing else is needed but stack.
  KernelSetId kernel_set;
  WeightForm weights;
  uint8_t fusion;     ///< 0 = none, 1 = may have kFusedPhase and kMove; other values are kept.
  uint8_t synthesis;  ///< 0 = none; other values are kept.
  uint16_t tensor_count;
  uint16_t op_count;
  uint16_t input_count;
  uint16_t output_count;
  uint32_t tensors_offset;  ///< TensorRecord[tensor_count].
  uint32_t ops_offset;      ///< OpRecord[op_count], in the order of execution.
  uint32_t io_offset;       ///< uint16_t[input_count + output_count]: tensor indices, inputs first.
  uint32_t data_offset;     ///< Parameters, tables and weights lie in [data_offset, total_bytes).
  uint32_t model_bytes;     ///< Size of the model file this was compiled from...
  uint32_t model_crc32c;    ///< ...and its CRC-32C: says which model is on a board.
  uint32_t reserved[2];     ///< 0.
};
inline constexpr size_t kBlobCrcStart = 16;

/// Where a tensor lies.
enum class Place : uint8_t {
  kArena = 0,
  kBlob = 1,      ///< A constant operand, in the data section. Weights are no tensors.
  kInner = 2,     ///< Nowhere as a whole: only operators of a fused phase make and read it.
  kStreamed = 3,  ///< Outside of the arena, where the caller has it: the model's only input, of
                  ///< which the first fused phase takes rows or columns when it needs them.
};

/// An activation, or a constant that an operator reads as one.
struct TensorRecord {
  uint32_t offset;  ///< In the arena, a multiple of kOffsetAlignment; tensors may share bytes when
                    ///< not live together. Of a constant: in the blob, a multiple of 4. Else 0.
  uint32_t dims[kMaxRank];  ///< Row-major; entries at `rank` and beyond are 1.
  float scale;              ///< real = scale * (q - zero_point); 0 when not quantised.
  int16_t zero_point;
  uint16_t tflite_tensor;  ///< Index in the model file.
  ElementType type;
  uint8_t rank;
  Place place;
  uint8_t reserved;  ///< 0.
};

/// Flags of an OpRecord.
inline constexpr uint16_t kOpIsPart = 1;   ///< A later record completes the same output tensor.
inline constexpr uint16_t kOpIsFused = 2;  ///< Not a step: the next kFusedPhase computes it.

/// One step of execution. An operator of the model may take several: one an input of CONCATENATION,
/// one an output of SPLIT.
struct OpRecord {
  OpKind kind;
  WeightForm form;  ///< Form of this operator's weights; selects the kernel together with `kind`.
  uint16_t tflite_op;     ///< Index in the model file of the operator whose output this computes.
  uint16_t inputs[2];     ///< Tensor indices; kNoTensor when absent.
  uint16_t output;        ///< Tensor index.
  uint16_t params_bytes;  ///< Size of the parameter struct of `kind`.
  uint32_t
      params_offset;  ///< Of that struct, in the data section; unused (0) when params_bytes is 0.
  uint32_t scratch_offset;  ///< In the arena, a multiple of kOffsetAlignment.
  uint32_t scratch_bytes;   ///< May be 0. What a kernel needs is said below.
  uint16_t flags;           ///< kOpIsPart, kOpIsFused; others are 0.
  uint16_t reserved;        ///< 0.
};

/// Requantisation of one output channel for WeightForm::kPlain, as TFLite defines it (rounded
/// twice): clamp(zero_point + MultiplyByQuantizedMultiplier(acc + bias, multiplier, shift)).
struct Requant {
  int32_t bias;
  int32_t multiplier;  ///< Q31, 0 or in [2^30, 2^31); negative where a scale is.
  int32_t shift;       ///< [-31, 30]; negative shifts right.
};

/// The same for packed forms, with what is known at compile time folded in. acc starts at `bias`:
///   high = round(acc * (2^32 + multiplier) / 2^32), halves up          (one SMMLAR)
///   q    = (high + (acc < 0 ? -1 : 0) + rounding) >> shift, saturated to int8
/// Usually multiplier = 2 * Requant.multiplier - 2^32, shift = -Requant.shift and
/// rounding = 2^(shift-1) + (output zero point << shift): equal to Requant for every acc for which
/// the sum stays in int32. A channel whose output cannot take more than two values over all inputs
/// may be a step instead: multiplier 0, the threshold in the bias. The compiler proves equality
/// from the weights and keeps WeightForm::kPlain where it cannot.
struct PackedRequant {
  int32_t bias;  ///< bias - input zero point * sum of the channel's weights.
  int32_t multiplier;
  int32_t rounding;
  int32_t shift;  ///< [1, 31].
};

/// CONV_2D and DEPTHWISE_CONV_2D; NHWC tensors of rank 4, shapes as in the tensor records.
///
/// CONV_2D, kPlain: weights [out_c][kernel_h][kernel_w][in_c]; no scratch.
/// CONV_2D, packed: a channel has depth = kernel_h * kernel_w * in_c values.
/// - depth is padded with zeros to a multiple of kDepthStep, channels (also in the table) to one of
///   kConvChannels.
/// - Pairs of channels a, b follow each other; within a pair, for depth d = 0, 2, 4...
///     kPackedInt8   int8   a[d] b[d] a[d+1] b[d+1]
///     kPackedInt16  int16  a[d] a[d+1] b[d] b[d+1]
/// - Scratch: ConvScratchBytes(depth, kConvPixels).
///
/// DEPTHWISE_CONV_2D, kPlain: weights [kernel_h][kernel_w][out_c]; no scratch.
/// DEPTHWISE_CONV_2D, packed: depth_multiplier 1, dilation 1.
/// - Channels (also in the table) are padded to a multiple of kDepthwiseChannels.
/// - A channel is kernel_h rows of kernel_w values, int8 or int16, each row padded with zeros to an
///   even number of values, the channel to a multiple of 4.
/// - Scratch: DepthwiseScratchBytes().
/// - When output row y is written, all input rows below y * stride_h + kernel_h - pad_top have been
///   read and are not read again: the output may lie on them.
///
/// Direct forms: only in fused phases, without scratch, depth_multiplier 1, dilation 1. Channels
/// (also in the PackedRequant table) are padded to a multiple of kDirectChannels.
/// - CONV_2D: depth is padded to a multiple of kDepthStep; a kernel of more than one tap has a
/// depth
///   of at most kMaxDirectDepth. For each four channels a, b, c, d and each four depths:
///     kDirectInt8   int8   a[0..3] b[0..3] c[0..3] d[0..3]
///     kDirectInt16  int16  a[0] a[2] a[1] a[3], then the same of b, c and d
/// - DEPTHWISE_CONV_2D: at most kMaxDirectTaps taps, padded to an even number. For each four
///   channels and each two taps s, t:
///     kDirectInt8   int8   s[a] s[b] t[a] t[b] s[c] s[d] t[c] t[d]
///     kDirectInt16  int16  s[a] t[a] s[b] t[b] s[c] t[c] s[d] t[d]
///   Behind the weights: the input's zero point, int8 a padded channel.
///
/// Sliced forms: only in fused phases, in blocks of slices whose first layer has a direct form.
/// - CONV_2D, 1x1: depth and channels (also in the table) are padded to multiples of four. For each
///   four depths and each channel
///     kSlicedInt8   int8   a[0..3]
///     kSlicedInt16  int16  a[0] a[2] a[1] a[3]
/// - DEPTHWISE_CONV_2D: kSlicedInt16, as kPackedInt16.
struct ConvParams {
  uint16_t kernel_h;
  uint16_t kernel_w;
  uint8_t stride_h;
  uint8_t stride_w;
  uint8_t dilation_h;
  uint8_t dilation_w;
  uint16_t pad_top;
  uint16_t pad_left;
  int8_t activation_min;
  int8_t activation_max;
  uint16_t depth_multiplier;  ///< DEPTHWISE_CONV_2D: output channels an input channel. CONV_2D: 1.
  uint32_t weights_offset;
  uint32_t weights_bytes;
  uint32_t requant_offset;  ///< Requant[out_c] or PackedRequant[padded out_c].
};

/// FULLY_CONNECTED: input [rows, depth], output [rows, units].
/// kPlain: weights [units][depth]; no scratch. Packed: as a 1x1 CONV_2D of `depth` input channels,
/// scratch ConvScratchBytes(depth, 1).
struct FullyConnectedParams {
  uint32_t rows;
  uint32_t depth;
  uint32_t units;
  int8_t activation_min;
  int8_t activation_max;
  uint16_t reserved;  ///< 0.
  uint32_t weights_offset;
  uint32_t weights_bytes;
  uint32_t requant_offset;  ///< Requant[units] or PackedRequant[padded units].
};

/// AVERAGE_POOL_2D and MAX_POOL_2D; input and output quantised alike. Padding does not count.
struct PoolParams {
  uint16_t kernel_h;
  uint16_t kernel_w;
  uint8_t stride_h;
  uint8_t stride_w;
  uint16_t pad_top;
  uint16_t pad_left;
  int8_t activation_min;
  int8_t activation_max;
};

/// SOFTMAX over the last dimension; output scale 1/256, zero point -128. TFLite's fixed-point
/// definition.
struct SoftmaxParams {
  uint32_t rows;
  uint32_t depth;
  int32_t multiplier;  ///< Q31 of beta * input scale * 2^26.
  int32_t left_shift;  ///< [0, 31].
  int32_t diff_min;    ///< Differences to the row's maximum below this give 0.
};

/// How the inputs of an operator on pairs of elements repeat: strides in elements, 0 along a
/// dimension that is repeated. Unused dimensions come first and are 1.
struct Broadcast {
  uint32_t dims[kMaxRank];  ///< Their product is the output's elements, in its order.
  uint32_t strides[2][kMaxRank];
};

/// ADD and SUB. TFLite: both inputs to a common scale after a left shift of 20, then requantised.
struct AddParams {
  int32_t multiplier[2];
  int32_t shift[2];  ///< <= 0.
  int32_t output_multiplier;
  int32_t output_shift;
  int8_t activation_min;
  int8_t activation_max;
  uint16_t reserved;          ///< 0.
  uint32_t broadcast_offset;  ///< Of a Broadcast; 0: both inputs have the output's elements.
};

/// MUL: the product of both inputs without their zero points, requantised.
struct MulParams {
  int32_t multiplier;
  int32_t shift;
  int8_t activation_min;
  int8_t activation_max;
  uint16_t reserved;          ///< 0.
  uint32_t broadcast_offset;  ///< As in AddParams.
};

/// COPY: element [i0, i1, ...] goes from in_offset + sum(i * in_strides) of the input to out_offset
/// + sum(i * out_strides) of the output; all in elements, any ElementType. Dimensions that are not
/// used come first and are 1.
struct CopyParams {
  uint32_t dims[kMaxRank];
  int32_t in_strides[kMaxRank];  ///< Negative where STRIDED_SLICE walks backwards.
  int32_t out_strides[kMaxRank];
  uint32_t in_offset;
  uint32_t out_offset;
  uint32_t fills;  ///< 1: the whole output takes the value `fill` first (PAD). Else 0.
  uint32_t fill;   ///< Bits of one element.
};

/// LOOKUP: int8 to int8.
struct LookupParams {
  uint32_t table_offset;  ///< int8[256]: outputs for the inputs 0 to 127, then -128 to -1.
};

/// REDUCE: output[k] = clamp(zero_point + scaled(offset + sum of the input over `reduced`)), int8
/// to int8. Strides count elements of the input. Unused dimensions come first and are 1.
struct ReduceParams {
  uint32_t kept_dims[kMaxRank];  ///< Their product is the output's elements, in its order.
  uint32_t kept_strides[kMaxRank];
  uint32_t reduced_dims[kMaxRank];
  uint32_t reduced_strides[kMaxRank];
  int32_t offset;  ///< -(input zero point) times the number of values in a sum.
  int32_t multiplier;
  int32_t shift;
};

/// RESIZE_NEAREST_NEIGHBOR: output pixel [y, x] is input pixel [rows[y], columns[x]].
struct ResizeNearestParams {
  uint32_t rows_offset;     ///< uint16_t[output height].
  uint32_t columns_offset;  ///< uint16_t[output width].
};

// RESHAPE, QUANTIZE and DEQUANTIZE have no parameters. A RESHAPE whose output and input share their
// place has nothing to do, else it is a copy.

static_assert(sizeof(BlobHeader) == 64);
static_assert(sizeof(TensorRecord) == 40);
static_assert(sizeof(OpRecord) == 28);
static_assert(sizeof(Requant) == 12);
static_assert(sizeof(PackedRequant) == 16);
static_assert(sizeof(ConvParams) == 28);
static_assert(sizeof(FullyConnectedParams) == 28);
static_assert(sizeof(PoolParams) == 12);
static_assert(sizeof(SoftmaxParams) == 20);
static_assert(sizeof(Broadcast) == 72);
static_assert(sizeof(AddParams) == 32);
static_assert(sizeof(MulParams) == 16);
static_assert(sizeof(CopyParams) == 88);
static_assert(sizeof(LookupParams) == 4);
static_assert(sizeof(ReduceParams) == 108);
static_assert(sizeof(ResizeNearestParams) == 8);

constexpr uint64_t RoundUp(uint64_t value, uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

inline constexpr uint32_t kDepthStep =
    4;  ///< Packed weights: a channel's depth is a multiple of this.
inline constexpr uint32_t kConvChannels = 2;       ///< Output channels computed together.
inline constexpr uint32_t kConvPixels = 3;         ///< Output pixels computed together.
inline constexpr uint32_t kDepthwiseChannels = 4;  ///< Channels of one group of planes.
inline constexpr uint32_t kDirectChannels = 4;     ///< Direct: channels computed together.
inline constexpr uint32_t kMaxDirectDepth = 256;   ///< Direct CONV_2D: bounds the stack.
inline constexpr uint32_t kMaxDirectTaps = 50;     ///< Direct DEPTHWISE: bounds the stack.

/// Packed CONV_2D: `pixels` patches widened to int16.
constexpr uint64_t ConvScratchBytes(uint64_t depth, uint64_t pixels) {
  return RoundUp(depth, kDepthStep) * sizeof(int16_t) * pixels;
}

/// Packed DEPTHWISE: values of one channel's weights.
constexpr uint64_t DepthwiseWeightValues(uint64_t kernel_h, uint64_t kernel_w) {
  return RoundUp(kernel_h * RoundUp(kernel_w, 2), 4);
}

/// Packed DEPTHWISE: the strip of the input that is widened at once, one plane a channel.
struct DepthwiseStrip {
  uint64_t out_rows;  ///< Output rows computed from one strip.
  uint64_t in_rows;   ///< Input rows in it, borders included.
  uint64_t row;       ///< int16 values of one row, borders included.
};

/// Narrow images take several output rows a strip, so that what is set up for a channel pays off.
constexpr DepthwiseStrip MakeDepthwiseStrip(uint64_t out_h, uint64_t out_w, uint64_t stride_h,
                                            uint64_t stride_w, uint64_t kernel_h,
                                            uint64_t kernel_w) {
  constexpr uint32_t kOutputs = 64;
  // Narrowed before the division: the device has none for 64 bits.
  const uint32_t wanted = out_w >= kOutputs ? 1 : (kOutputs - 1) / static_cast<uint32_t>(out_w) + 1;
  const uint64_t out_rows = wanted < out_h ? wanted : out_h;
  return {.out_rows = out_rows,
          .in_rows = (out_rows - 1) * stride_h + kernel_h,
          .row = RoundUp((RoundUp(out_w, 2) - 1) * stride_w + RoundUp(kernel_w, 2), 2)};
}

/// Packed DEPTHWISE: strips of kDepthwiseChannels channels, then these channels' weights as int16.
constexpr uint64_t DepthwiseScratchBytes(const DepthwiseStrip& strip, uint64_t kernel_h,
                                         uint64_t kernel_w) {
  return kDepthwiseChannels * sizeof(int16_t) *
         (strip.in_rows * strip.row + DepthwiseWeightValues(kernel_h, kernel_w));
}

}  // namespace tinyrig::runtime
