#include "firmware/runtime/fusion/direct.h"
#include "firmware/runtime/fusion/fused_phase.h"
#include "firmware/runtime/fusion/pixel.h"
#include "firmware/runtime/fusion/slices.h"
#include "firmware/runtime/kernels/add/add.h"
#include "firmware/runtime/kernels/average_pool/average_pool.h"
#include "firmware/runtime/kernels/conv/conv.h"
#include "firmware/runtime/kernels/copy/copy.h"
#include "firmware/runtime/kernels/depthwise_conv/depthwise_conv.h"
#include "firmware/runtime/kernels/fully_connected/fully_connected.h"
#include "firmware/runtime/kernels/kernel.h"
#include "firmware/runtime/kernels/lookup/lookup.h"
#include "firmware/runtime/kernels/max_pool/max_pool.h"
#include "firmware/runtime/kernels/mul/mul.h"
#include "firmware/runtime/kernels/quantize/quantize.h"
#include "firmware/runtime/kernels/reduce/reduce.h"
#include "firmware/runtime/kernels/reshape/reshape.h"
#include "firmware/runtime/kernels/resize_nearest/resize_nearest.h"
#include "firmware/runtime/kernels/softmax/softmax.h"

namespace tinyrig::runtime {
namespace {

constexpr WeightForm kPlain = WeightForm::kPlain;
constexpr WeightForm kInt8 = WeightForm::kPackedInt8;
constexpr WeightForm kInt16 = WeightForm::kPackedInt16;
constexpr WeightForm kDirect8 = WeightForm::kDirectInt8;
constexpr WeightForm kDirect16 = WeightForm::kDirectInt16;

// Plain forms stay: the compiler keeps them where a packed form would not be exact or is not
// defined.
constexpr Kernel kKernels[] = {
    {OpKind::kConv2D, kDirect8, PrepareDirectConv, nullptr, DirectConvPixelInt8},
    {OpKind::kConv2D, kDirect16, PrepareDirectConv, nullptr, DirectConvPixelInt16},
    {OpKind::kDepthwiseConv2D, kDirect8, PrepareDirectDepthwise, nullptr, DirectDepthwisePixelInt8},
    {OpKind::kDepthwiseConv2D, kDirect16, PrepareDirectDepthwise, nullptr,
     DirectDepthwisePixelInt16},
    {OpKind::kConv2D, WeightForm::kSlicedInt8, PrepareSlicedConv, nullptr, nullptr, nullptr,
     SlicesInt8, SlicePixel},
    {OpKind::kConv2D, WeightForm::kSlicedInt16, PrepareSlicedConv, nullptr, nullptr, nullptr,
     SlicesInt16, SlicePixel},
    {OpKind::kDepthwiseConv2D, WeightForm::kSlicedInt16, PrepareSlicedDepthwise, nullptr},
    {OpKind::kConv2D, kInt8, PrepareConvDsp, ConvDspInt8},
    {OpKind::kConv2D, kInt16, PrepareConvDsp, ConvDspInt16},
    {OpKind::kDepthwiseConv2D, kInt8, PrepareDepthwiseConvDsp, DepthwiseConvDspInt8},
    {OpKind::kDepthwiseConv2D, kInt16, PrepareDepthwiseConvDsp, DepthwiseConvDspInt16},
    {OpKind::kFullyConnected, kInt8, PrepareFullyConnectedDsp, FullyConnectedDspInt8},
    {OpKind::kFullyConnected, kInt16, PrepareFullyConnectedDsp, FullyConnectedDspInt16},
    {OpKind::kConv2D, kPlain, PrepareConvReference, ConvReference, ConvPixel},
    {OpKind::kDepthwiseConv2D, kPlain, PrepareDepthwiseConvReference, DepthwiseConvReference,
     DepthwisePixel},
    {OpKind::kFullyConnected, kPlain, PrepareFullyConnectedReference, FullyConnectedReference},
    {OpKind::kAveragePool2D, kPlain, PrepareAveragePool, AveragePool, AveragePixel},
    {OpKind::kMaxPool2D, kPlain, PrepareMaxPool, MaxPool, MaxPixel},
    {OpKind::kReshape, kPlain, PrepareReshape, Reshape},
    {OpKind::kSoftmax, kPlain, PrepareSoftmax, Softmax},
    {OpKind::kAdd, kPlain, PrepareAdd, AddDsp, nullptr, AddToPixelDsp},
    {OpKind::kSub, kPlain, PrepareAdd, Sub},
    {OpKind::kMul, kPlain, PrepareMul, Mul},
    {OpKind::kCopy, kPlain, PrepareCopy, Copy},
    {OpKind::kLookup, kPlain, PrepareLookup, Lookup},
    {OpKind::kReduce, kPlain, PrepareReduce, Reduce},
    {OpKind::kResizeNearest, kPlain, PrepareResizeNearest, ResizeNearest},
    {OpKind::kQuantize, kPlain, PrepareQuantize, Quantize},
    {OpKind::kDequantize, kPlain, PrepareDequantize, Dequantize},
    {OpKind::kFusedPhase, kPlain, PrepareFusedPhase, RunFusedPhase},
    {OpKind::kMove, kPlain, PrepareMove, Move},
};

constexpr KernelSet kSet = {KernelSetId::kDsp, kKernels};

}  // namespace

const KernelSet& DspKernels() { return kSet; }

}  // namespace tinyrig::runtime
