#include "proto/vectors/vector_set.h"

#include "proto/device/crc32c.h"
#include "proto/vectors/npz.h"

namespace tinyrig::vectors {
namespace {

constexpr std::string_view kOutputPrefix = "outputs.";

Status Bad(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

Status TakeInputs(Array x, VectorSet& set) {
  const bool sendable = x.type == ElementType::kInt8 || x.type == ElementType::kUint8 ||
                        x.type == ElementType::kFloat32;
  if (!sendable) {
    return Bad("array 'x' is " + std::string(ElementTypeName(x.type)) +
               "; quantise it to int8 (or uint8) with the scale of the model's input");
  }
  if (x.shape.size() < 2 || x.shape[0] == 0 || x.data.empty()) {
    return Bad("array 'x' must have the shape [N, ...] with at least one vector and one element");
  }
  set.count = x.shape[0];
  set.vector_bytes = x.data.size() / set.count;
  set.inputs = std::move(x.data);
  for (size_t i = 0; i < set.count; ++i) set.names.push_back(std::to_string(i));
  return OkStatus();
}

Status TakeLabels(const Array& labels, VectorSet& set) {
  if (labels.type == ElementType::kFloat32 || labels.type == ElementType::kFloat64) {
    return Bad("array 'labels' must be integers; convert with .astype(numpy.int32)");
  }
  const bool flat = labels.shape.size() == 1 || (labels.shape.size() == 2 && labels.shape[1] == 1);
  if (!flat || labels.shape[0] != set.count) {
    return Bad("array 'labels' must have one label for each of the " + std::to_string(set.count) +
               " vectors of 'x': shape [" + std::to_string(set.count) + "]");
  }
  for (size_t i = 0; i < set.count; ++i) {
    const int64_t label = labels.IntegerAt(i);
    if (label < 0) {
      return Bad("label " + std::to_string(i) + " is " + std::to_string(label) +
                 "; classes count from 0");
    }
    set.labels.push_back(label);
  }
  return OkStatus();
}

Status TakeOutput(std::string_view name, Array output, VectorSet& set) {
  const std::string model(name.substr(kOutputPrefix.size()));
  if (model.empty()) return Bad("an array is called 'outputs.'; the model's name must follow");
  if (output.shape.empty() || output.shape[0] != set.count) {
    return Bad("array '" + std::string(name) + "' must have one row for each of the " +
               std::to_string(set.count) + " vectors of 'x'");
  }
  set.outputs.emplace(model, std::move(output));
  return OkStatus();
}

Result<VectorSet> FromArrays(ArrayMap arrays) {
  const auto x = arrays.find("x");
  if (x == arrays.end()) {
    return Bad("there is no array 'x' with the inputs; save it with numpy.savez(FILE, x=inputs)");
  }
  VectorSet set;
  TRY(TakeInputs(std::move(x->second), set));
  for (auto& [name, array] : arrays) {
    if (name == "labels") TRY(TakeLabels(array, set));
    if (name.starts_with(kOutputPrefix)) TRY(TakeOutput(name, std::move(array), set));
  }
  return set;
}

}  // namespace

uint32_t VectorSet::Crc32c() const { return device::Crc32c(inputs.data(), inputs.size()); }

Result<VectorSet> ReadVectorSet(std::span<const uint8_t> npz, std::string_view file, Parts parts) {
  const auto wanted = [parts](std::string_view name) {
    if (name == "x") return true;
    return parts == Parts::kAll && (name == "labels" || name.starts_with(kOutputPrefix));
  };
  TRY_ASSIGN(ArrayMap arrays, ReadNpz(npz, file, wanted));
  auto set = FromArrays(std::move(arrays));
  if (!set.ok()) return set.status().WithContext(file);
  return set;
}

Result<VectorSet> MakePatternSet(std::string_view letters, std::span<const InputTensor> inputs) {
  if (!IsPatternList(letters)) {
    return Bad(
        std::string("not a list of patterns; use A, B or AB: ").append(letters.substr(0, 20)));
  }
  VectorSet set;
  for (const char letter : letters) {
    TRY_ASSIGN(const std::vector<uint8_t> bytes, MakePattern(letter, inputs));
    if (bytes.empty()) return Bad("patterns need a model with at least one input element");
    set.vector_bytes = bytes.size();
    set.inputs.insert(set.inputs.end(), bytes.begin(), bytes.end());
    set.names.emplace_back(1, letter);
    ++set.count;
  }
  return set;
}

}  // namespace tinyrig::vectors
