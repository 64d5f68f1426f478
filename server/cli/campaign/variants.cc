#include "server/cli/campaign/variants.h"

#include <fmt/format.h>

#include <algorithm>

#include "firmware/compiler/variant.h"

namespace tinyrig::cli {
namespace {

/// The axis' values, or its default when there are none.
std::vector<std::string> AxisOrDefault(
    const google::protobuf::RepeatedPtrField<std::string>& values, const char* fallback) {
  if (values.empty()) return {fallback};
  return {values.begin(), values.end()};
}

bool Matches(const v1::Variant& pattern, const v1::Variant& variant) {
  const auto agrees = [](const std::string& wanted, const std::string& value) {
    return wanted.empty() || wanted == value;
  };
  return agrees(pattern.kernels(), variant.kernels()) &&
         agrees(pattern.weights(), variant.weights()) &&
         agrees(pattern.fusion(), variant.fusion()) &&
         agrees(pattern.synthesis(), variant.synthesis());
}

std::vector<std::pair<std::string, std::string>> SettingsOf(const v1::Variant& variant) {
  return {{"kernels", variant.kernels()},
          {"weights", variant.weights()},
          {"fusion", variant.fusion()},
          {"synthesis", variant.synthesis()}};
}

/// From the compiler's canonical text, "kernels=dsp,weights=int8".
v1::Variant FromCanonical(std::string_view text) {
  v1::Variant variant;
  variant.set_fusion("none");
  variant.set_synthesis("none");
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view setting = text.substr(0, comma);
    const std::string_view key = setting.substr(0, setting.find('='));
    const std::string value(setting.substr(std::min(setting.size(), key.size() + 1)));
    if (key == "kernels") variant.set_kernels(value);
    if (key == "weights") variant.set_weights(value);
    if (key == "fusion") variant.set_fusion(value);
    if (key == "synthesis") variant.set_synthesis(value);
    text.remove_prefix(std::min(text.size(), comma + 1));
  }
  return variant;
}

void AddOnce(const std::string& value, google::protobuf::RepeatedPtrField<std::string>& values) {
  if (std::ranges::find(values, value) == values.end()) values.Add(std::string(value));
}

}  // namespace

std::vector<v1::Variant> ExpandVariants(const v1::VariantMatrix& matrix) {
  std::vector<v1::Variant> variants;
  for (const auto& kernels : AxisOrDefault(matrix.kernels(), "dsp")) {
    for (const auto& weights : AxisOrDefault(matrix.weights(), "int8")) {
      for (const auto& fusion : AxisOrDefault(matrix.fusion(), "none")) {
        for (const auto& synthesis : AxisOrDefault(matrix.synthesis(), "none")) {
          v1::Variant variant;
          variant.set_kernels(kernels);
          variant.set_weights(weights);
          variant.set_fusion(fusion);
          variant.set_synthesis(synthesis);
          const bool excluded = std::ranges::any_of(
              matrix.exclude(),
              [&](const v1::Variant& pattern) { return Matches(pattern, variant); });
          if (!excluded) variants.push_back(variant);
        }
      }
    }
  }
  return variants;
}

Status CheckVariants(const v1::VariantMatrix& matrix) {
  const std::vector<v1::Variant> variants = ExpandVariants(matrix);
  if (variants.empty()) {
    return {Code::kInvalidArgument, "exclude removes every variant; remove an entry of it"};
  }
  for (const v1::Variant& variant : variants) {
    const Status status = compiler::MakeVariant(SettingsOf(variant)).status();
    if (!status.ok()) {
      return {status.code(),
              fmt::format("{}; exclude this combination: {{kernels: {}, weights: {}}}",
                          status.message(), variant.kernels(), variant.weights())};
    }
  }
  return OkStatus();
}

Status SetVariants(const std::vector<std::string>& texts, v1::VariantMatrix& matrix) {
  matrix.Clear();
  std::vector<std::string> wanted;
  for (const std::string& text : texts.empty() ? std::vector<std::string>{""} : texts) {
    TRY_ASSIGN(const compiler::Variant parsed, compiler::ParseVariant(text));
    const v1::Variant variant = FromCanonical(parsed.ToString());
    AddOnce(variant.kernels(), *matrix.mutable_kernels());
    AddOnce(variant.weights(), *matrix.mutable_weights());
    AddOnce(variant.fusion(), *matrix.mutable_fusion());
    AddOnce(variant.synthesis(), *matrix.mutable_synthesis());
    wanted.push_back(VariantText(variant));
  }
  for (const v1::Variant& variant : ExpandVariants(matrix)) {
    if (std::ranges::find(wanted, VariantText(variant)) == wanted.end()) {
      *matrix.add_exclude() = variant;
    }
  }
  return OkStatus();
}

Status SetFusion(const std::vector<std::string>& settings, v1::VariantMatrix& matrix) {
  matrix.clear_fusion();
  for (const std::string& setting : settings) {
    TRY(compiler::MakeVariant({{"fusion", setting}}).status());
    AddOnce(setting, *matrix.mutable_fusion());
  }
  for (v1::Variant& excluded : *matrix.mutable_exclude()) excluded.clear_fusion();
  return OkStatus();
}

std::string VariantText(const v1::Variant& variant) {
  std::string text;
  for (const auto& [key, value] : SettingsOf(variant)) {
    if (!value.empty() && value != "none")
      text += fmt::format("{}{}={}", text.empty() ? "" : ",", key, value);
  }
  return text;
}

std::string VariantLabel(const v1::Variant& variant) {
  std::string label = variant.kernels();
  for (const std::string& part : {variant.weights(), variant.fusion(), variant.synthesis()}) {
    if (!part.empty() && part != "none") label += "/" + part;
  }
  return label;
}

}  // namespace tinyrig::cli
