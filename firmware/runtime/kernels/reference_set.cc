#include "firmware/runtime/fusion/fused_phase.h"
#include "firmware/runtime/fusion/pixel.h"
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

constexpr Kernel kKernels[] = {
    {OpKind::kConv2D, kPlain, PrepareConvReference, ConvReference, ConvPixel},
    {OpKind::kDepthwiseConv2D, kPlain, PrepareDepthwiseConvReference, DepthwiseConvReference,
     DepthwisePixel},
    {OpKind::kFullyConnected, kPlain, PrepareFullyConnectedReference, FullyConnectedReference},
    {OpKind::kAveragePool2D, kPlain, PrepareAveragePool, AveragePool, AveragePixel},
    {OpKind::kMaxPool2D, kPlain, PrepareMaxPool, MaxPool, MaxPixel},
    {OpKind::kReshape, kPlain, PrepareReshape, Reshape},
    {OpKind::kSoftmax, kPlain, PrepareSoftmax, Softmax},
    {OpKind::kAdd, kPlain, PrepareAdd, Add, nullptr, AddToPixel},
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

constexpr KernelSet kSet = {KernelSetId::kReference, kKernels};

}  // namespace

const KernelSet& ReferenceKernels() { return kSet; }

}  // namespace tinyrig::runtime
