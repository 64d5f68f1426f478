#include "server/planning/fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

namespace tinyrig::server {
namespace {

constexpr uint64_t kStagingAlignment = 8;

/// Operators that share a kernel, by folder.
constexpr std::pair<std::string_view, std::string_view> kShared[] = {
    {"CONCATENATION", "copy"},
    {"DEQUANTIZE", "quantize"},
    {"EXPAND_DIMS", "reshape"},
    {"HARD_SWISH", "lookup"},
    {"LEAKY_RELU", "lookup"},
    {"LOGISTIC", "lookup"},
    {"MEAN", "reduce"},
    {"PAD", "copy"},
    {"PADV2", "copy"},
    {"RELU", "lookup"},
    {"RELU6", "lookup"},
    {"RELU_N1_TO_1", "lookup"},
    {"RESIZE_NEAREST_NEIGHBOR", "resize_nearest"},
    {"SPLIT", "copy"},
    {"SQUEEZE", "reshape"},
    {"STRIDED_SLICE", "copy"},
    {"SUB", "add"},
    {"SUM", "reduce"},
    {"TANH", "lookup"},
    {"TRANSPOSE", "copy"},
};

// Other kernel folders are named after the operator: CONV_2D lives in conv.
std::string KernelFolder(std::string_view op) {
  for (const auto& [name, folder] : kShared) {
    if (name == op) return std::string(folder);
  }
  std::string folder(op);
  std::transform(folder.begin(), folder.end(), folder.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (folder.ends_with("_2d")) folder.resize(folder.size() - 3);
  return folder;
}

}  // namespace

Status AddCosts(const Bundle& bundle, PlanFacts* facts) {
  std::set<std::string> folders;
  for (const PlanOp& op : facts->ops) folders.insert(KernelFolder(op.name));
  uint64_t kernels = 0;
  for (const std::string& folder : folders) {
    const auto found = bundle.flash_kernels.find(folder);
    if (found == bundle.flash_kernels.end()) {
      return {Code::kInternal, fmt::format("firmware {} has no kernel '{}' although the compiler "
                                           "planned one; build firmware and server "
                                           "from the same source",
                                           bundle.Name(), folder)};
    }
    kernels += found->second;
  }
  facts->flash_model_bytes = facts->blob_bytes + bundle.flash_core + kernels;
  facts->flash_total_bytes = facts->blob_bytes + bundle.firmware_size;
  facts->ram_static_bytes = bundle.ram_runtime_static;
  facts->ram_rig_bytes = bundle.ram_rig;
  return {};
}

std::string CheckBoardFit(const Bundle& bundle, const PlanFacts& facts) {
  const std::string& type = bundle.board_type.name();
  if (facts.blob_bytes > bundle.blob_limit) {
    return fmt::format(
        "the packed model needs {} B of flash, {} has {} B for it; use a smaller model or "
        "weights=int8",
        facts.blob_bytes, type, bundle.blob_limit);
  }
  if (facts.flash_total_bytes > bundle.board_type.flash_bytes()) {
    return fmt::format(
        "model and firmware need {} B of flash, {} has {} B; use a smaller model or weights=int8",
        facts.flash_total_bytes, type, bundle.board_type.flash_bytes());
  }
  const uint64_t staged =
      (facts.arena_bytes + kStagingAlignment - 1) / kStagingAlignment * kStagingAlignment +
      facts.input_bytes;
  if (staged > bundle.arena_limit) {
    return fmt::format(
        "the arena of {} B and a staged input of {} B exceed the {} B that {} has for both; use a "
        "smaller model or a board type with more RAM",
        facts.arena_bytes, facts.input_bytes, bundle.arena_limit, type);
  }
  const uint64_t ram =
      facts.arena_bytes + bundle.ram_runtime_static + bundle.ram_stack_reserved + bundle.ram_rig;
  if (ram > bundle.board_type.ram_bytes()) {
    return fmt::format(
        "arena, stack and firmware need {} B of RAM, {} has {} B; use a smaller model or a board "
        "type "
        "with more RAM",
        ram, type, bundle.board_type.ram_bytes());
  }
  return {};
}

std::string CheckLimits(const v1::Limits& limits, const PlanFacts& facts) {
  if (limits.flash_model_bytes() != 0 && facts.flash_model_bytes > limits.flash_model_bytes()) {
    return fmt::format(
        "the variant needs {} B of flash, the campaign allows {} B; raise limits.flash_model_bytes "
        "or "
        "choose a smaller variant",
        facts.flash_model_bytes, limits.flash_model_bytes());
  }
  const uint64_t ram = facts.arena_bytes + facts.ram_static_bytes;
  if (limits.ram_model_bytes() != 0 && ram > limits.ram_model_bytes()) {
    return fmt::format(
        "the variant needs {} B of RAM before any stack, the campaign allows {} B; raise "
        "limits.ram_model_bytes or choose a smaller model",
        ram, limits.ram_model_bytes());
  }
  return {};
}

}  // namespace tinyrig::server
