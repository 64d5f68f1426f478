#include "firmware/compiler/plan.h"

namespace tinyrig::compiler {

TensorInfo MakeTensorInfo(const Graph& graph, uint32_t index) {
  const Tensor& tensor = graph.tensors[index];
  TensorInfo info{.name = tensor.name,
                  .tflite_tensor = index,
                  .type = std::string(DataTypeName(tensor.type)),
                  .shape = tensor.shape,
                  .bytes = tensor.Bytes()};
  if (!tensor.quantization.scale.empty()) {
    info.scale = tensor.quantization.scale[0];
    info.zero_point = tensor.quantization.zero_point[0];
  }
  return info;
}

std::string_view FormName(runtime::WeightForm form) {
  switch (form) {
    case runtime::WeightForm::kPlain:
      return "plain";
    case runtime::WeightForm::kPackedInt8:
      return "packed int8";
    case runtime::WeightForm::kPackedInt16:
      return "packed int16";
    case runtime::WeightForm::kDirectInt8:
      return "direct int8";
    case runtime::WeightForm::kDirectInt16:
      return "direct int16";
    case runtime::WeightForm::kSlicedInt8:
      return "sliced int8";
    case runtime::WeightForm::kSlicedInt16:
      return "sliced int16";
  }
  return "unknown";
}

}  // namespace tinyrig::compiler
