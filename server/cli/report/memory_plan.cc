#include <fmt/format.h>

#include <algorithm>

#include "server/cli/report/memory_of.h"
#include "server/cli/text/shape.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

using compiler::Plan;
using compiler::PlannedBuffer;
using compiler::TensorInfo;

constexpr size_t kLabelName = 24;
constexpr size_t kTitleName = 60;

bool Holds(const PlannedBuffer& buffer, const std::vector<TensorInfo>& tensors) {
  return std::ranges::any_of(tensors, [&](const TensorInfo& tensor) {
    return std::ranges::count(buffer.tflite_tensors, tensor.tflite_tensor) > 0;
  });
}

MemoryPart PartOf(const Plan& plan, const PlannedBuffer& buffer, size_t last_step) {
  const bool tensor = !buffer.tflite_tensors.empty();
  const MemoryKind kind = !tensor                       ? MemoryKind::kCache
                          : Holds(buffer, plan.inputs)  ? MemoryKind::kInput
                          : Holds(buffer, plan.outputs) ? MemoryKind::kOutput
                                                        : MemoryKind::kTensor;
  const std::string bytes = FormatCount(buffer.bytes);
  const std::string name = Shorten(buffer.name, kLabelName);
  MemoryPart part = {.kind = kind,
                     .first = std::min<size_t>(buffer.first_op, last_step),
                     .last = std::min<size_t>(buffer.last_op, last_step),
                     .offset = static_cast<int64_t>(buffer.offset),
                     .bytes = static_cast<int64_t>(buffer.bytes),
                     .what = buffer.name,
                     .labels = {name + ", " + bytes + " B", bytes + " B", bytes}};
  if (tensor) part.what += fmt::format(" (tensors {})", fmt::join(buffer.tflite_tensors, ", "));
  return part;
}

/// The first step at which something reaches the arena's end.
size_t PeakStep(const MemoryPicture& picture) {
  const auto highest = std::ranges::max_element(picture.parts, {}, [](const MemoryPart& part) {
    return std::pair(part.offset + part.bytes, -static_cast<int64_t>(part.first));
  });
  return highest == picture.parts.end() ? 0 : highest->first;
}

}  // namespace

MemoryPicture MemoryOf(const std::string& model, const Plan& plan) {
  MemoryPicture picture;
  picture.title =
      fmt::format("{}: memory as {}", Shorten(model, kTitleName), plan.variant.ToString());
  for (size_t i = 0; i < plan.ops.size(); ++i) {
    const compiler::PlannedOp& op = plan.ops[i];
    picture.steps.push_back(
        {std::to_string(i), op.name,
         fmt::format("step {}: operator {} {}, output {}, {} MAC{}{}", i, op.tflite_op, op.name,
                     ShapeText(op.output_shape), FormatCount(op.macs), op.note.empty() ? "" : "\n",
                     op.note)});
    picture.groups.push_back({i, i, "", ""});
  }
  if (plan.ops.empty()) picture.steps.push_back({"-", "no operators", "nothing to compute"});
  for (const PlannedBuffer& buffer : plan.buffers) {
    picture.parts.push_back(PartOf(plan, buffer, picture.steps.size() - 1));
  }
  const size_t peak = PeakStep(picture);
  picture.peak_group = peak;
  picture.peak = {static_cast<int64_t>(plan.arena_bytes),
                  fmt::format("peak {} B", FormatCount(plan.arena_bytes))};
  picture.notes = {
      fmt::format("Peak {} B, first at step {} ({}); the most that lives at one step is {} B, no "
                  "placement needs less.",
                  FormatCount(plan.arena_bytes), peak, picture.steps[peak].detail,
                  FormatCount(plan.arena_lower_bound_bytes)),
      fmt::format("{} MAC: every operator by itself, the factor is 1.", FormatCount(plan.macs)),
      "Counted: the arena, with the network's input and output, tensors and the scratch of kernels "
      "in it."};
  constexpr std::pair<MemoryKind, const char*> kNames[] = {
      {MemoryKind::kInput, "the network's input"},
      {MemoryKind::kOutput, "the network's output"},
      {MemoryKind::kTensor, "tensors between operators"},
      {MemoryKind::kCache, "scratch of a kernel"}};
  for (const auto& [kind, name] : kNames) {
    if (std::ranges::count(picture.parts, kind, &MemoryPart::kind) > 0) {
      picture.legend.emplace_back(kind, name);
    }
  }
  return picture;
}

}  // namespace tinyrig::cli
