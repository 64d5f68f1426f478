#include "server/planning/fit.h"

#include <fmt/format.h>

#include <cstring>
#include <set>

#include "firmware/runtime/blob_format.h"
#include "proto/device/paint.h"

namespace tinyrig::server {

std::vector<KernelId> KernelsOf(std::span<const std::byte> blob) {
  runtime::BlobHeader header;
  std::memcpy(&header, blob.data(), sizeof(header));
  std::set<KernelId> kernels;
  for (uint32_t i = 0; i < header.op_count; ++i) {
    runtime::OpRecord op;
    std::memcpy(&op, blob.data() + header.ops_offset + i * sizeof(op), sizeof(op));
    kernels.insert({static_cast<uint8_t>(op.kind), static_cast<uint8_t>(op.form)});
  }
  return {kernels.begin(), kernels.end()};
}

Status AddCosts(const Bundle& bundle, std::span<const KernelId> kernels, PlanFacts* facts) {
  std::set<uint32_t> parts;
  for (const KernelId& kernel : kernels) {
    const auto found = bundle.kernel_forms.find(kernel);
    if (found == bundle.kernel_forms.end()) {
      return {Code::kInternal,
              fmt::format("firmware {} has no kernel for operator kind {} with weight form {} "
                          "although the compiler planned one; build firmware and server from the "
                          "same source",
                          bundle.Name(), kernel.kind, kernel.form)};
    }
    parts.insert(found->second.begin(), found->second.end());
  }
  uint64_t kernel_bytes = 0;
  for (const uint32_t part : parts) kernel_bytes += bundle.kernel_parts[part];
  facts->flash_model_bytes = facts->blob_bytes + bundle.flash_core + kernel_bytes;
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
  // The compiler keeps arenas below 2 GB.
  const uint64_t need =
      device::ArenaNeed(static_cast<uint32_t>(facts.arena_bytes), facts.input_bytes);
  if (need > bundle.arena_limit) {
    return fmt::format(
        "the arena of {} B and a staged input of {} B, with canaries {} B, exceed the {} B that {} "
        "has for them; use a smaller model or a board type with more RAM",
        facts.arena_bytes, facts.input_bytes, need, bundle.arena_limit, type);
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
