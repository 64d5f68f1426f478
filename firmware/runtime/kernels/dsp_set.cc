#include "firmware/runtime/kernels/add/add.h"
#include "firmware/runtime/kernels/average_pool/average_pool.h"
#include "firmware/runtime/kernels/conv/conv.h"
#include "firmware/runtime/kernels/depthwise_conv/depthwise_conv.h"
#include "firmware/runtime/kernels/fully_connected/fully_connected.h"
#include "firmware/runtime/kernels/kernel.h"
#include "firmware/runtime/kernels/max_pool/max_pool.h"
#include "firmware/runtime/kernels/reshape/reshape.h"
#include "firmware/runtime/kernels/softmax/softmax.h"

namespace tinyrig::runtime {
namespace {

constexpr WeightForm kPlain = WeightForm::kPlain;

// Plain forms stay: the compiler keeps them where a packed form would not be exact or is not defined.
constexpr Kernel kKernels[] = {
    {OpKind::kConv2D, kPlain, PrepareConvReference, ConvReference},
    {OpKind::kDepthwiseConv2D, kPlain, PrepareDepthwiseConvReference, DepthwiseConvReference},
    {OpKind::kFullyConnected, kPlain, PrepareFullyConnectedReference, FullyConnectedReference},
    {OpKind::kAveragePool2D, kPlain, PrepareAveragePool, AveragePool},
    {OpKind::kMaxPool2D, kPlain, PrepareMaxPool, MaxPool},
    {OpKind::kReshape, kPlain, PrepareReshape, Reshape},
    {OpKind::kSoftmax, kPlain, PrepareSoftmax, Softmax},
    {OpKind::kAdd, kPlain, PrepareAdd, Add},
};

constexpr KernelSet kSet = {KernelSetId::kDsp, kKernels};

}  // namespace

const KernelSet& DspKernels() { return kSet; }

}  // namespace tinyrig::runtime
