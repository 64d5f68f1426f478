#include "firmware/compiler/variant.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "firmware/compiler/fusion/setting.h"

namespace tinyrig::compiler {
namespace {

using runtime::KernelSetId;
using runtime::WeightForm;

constexpr std::string_view kKernelNames[] = {"reference", "dsp"};
constexpr std::string_view kWeightNames[] = {"int8", "int16"};
constexpr std::string_view kFusionNames[] = {"none", "file"};
constexpr std::string_view kOnlyNone[] = {"none"};

struct Key {
  std::string_view name;
  std::span<const std::string_view> values;
  void (*set)(Variant&, std::string_view value);
};

constexpr Key kKeys[] = {
    {"kernels", kKernelNames,
     [](Variant& variant, std::string_view value) {
       variant.kernels = value == "dsp" ? KernelSetId::kDsp : KernelSetId::kReference;
     }},
    {"weights", kWeightNames,
     [](Variant& variant, std::string_view value) {
       variant.weights = value == "int16" ? WeightForm::kPackedInt16 : WeightForm::kPackedInt8;
     }},
    {"fusion", kFusionNames,
     [](Variant& variant, std::string_view value) { variant.fusion = std::string(value); }},
    {"synthesis", kOnlyNone,
     [](Variant& variant, std::string_view value) { variant.synthesis = std::string(value); }},
};

Status Invalid(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

}  // namespace

std::string Variant::ToString() const {
  std::string text =
      fmt::format("kernels={},weights={}", kKernelNames[kernels == KernelSetId::kDsp ? 1 : 0],
                  kWeightNames[weights == WeightForm::kPackedInt16 ? 1 : 0]);
  if (fusion != "none") text += ",fusion=" + fusion;
  if (synthesis != "none") text += ",synthesis=" + synthesis;
  return text;
}

Result<Variant> MakeVariant(const std::vector<std::pair<std::string, std::string>>& settings) {
  Variant variant;
  std::vector<std::string_view> seen;
  for (const auto& [name, value] : settings) {
    const auto* key = std::find_if(std::begin(kKeys), std::end(kKeys),
                                   [&wanted = name](const Key& key) { return key.name == wanted; });
    if (key == std::end(kKeys)) {
      return Invalid(fmt::format(
          "unknown variant key '{}'; keys are kernels, weights, fusion, synthesis", name));
    }
    if (std::find(seen.begin(), seen.end(), key->name) != seen.end()) {
      return Invalid(fmt::format("variant key '{}' is given twice; give it once", name));
    }
    seen.push_back(key->name);
    if (std::find(key->values.begin(), key->values.end(), value) == key->values.end()) {
      const auto setting = name == "fusion" ? ParseFusionSetting(value)
                                            : Result<FusionSetting>(Invalid("no setting"));
      if (setting.ok()) {
        variant.fusion = value;
        continue;
      }
      std::string message = fmt::format("variant key '{}' has no value '{}'; values are {}", name,
                                        value, fmt::join(key->values, ", "));
      if (name == "fusion")
        message += fmt::format(", or a setting: {}", setting.status().message());
      return Invalid(std::move(message));
    }
    key->set(variant, value);
  }
  if (variant.kernels == KernelSetId::kReference && variant.weights == WeightForm::kPackedInt16) {
    return Invalid("weights=int16 needs kernels=dsp; use weights=int8 with kernels=reference");
  }
  return variant;
}

Result<Variant> ParseVariant(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> settings;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos) {
      return Invalid(
          fmt::format("'{}' is no variant setting; write key=value, e.g. kernels=dsp", item));
    }
    settings.emplace_back(item.substr(0, equals), item.substr(equals + 1));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    if (comma != std::string_view::npos && text.empty()) {
      return Invalid("the variant ends with a comma; remove it");
    }
  }
  return MakeVariant(settings);
}

}  // namespace tinyrig::compiler
