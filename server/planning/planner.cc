#include "server/planning/planner.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "firmware/compiler/compile.h"
#include "firmware/compiler/fusion/graph_chain.h"
#include "firmware/compiler/fusion/setting.h"
#include "firmware/compiler/passes/passes.h"
#include "firmware/compiler/plan_json.h"
#include "firmware/compiler/tflite/reader.h"
#include "proto/text/utf8.h"
#include "server/model/sha256.h"
#include "server/planning/expected.h"
#include "server/planning/fit.h"

namespace tinyrig::server {
namespace {

PlanFacts FactsOf(const compiler::Plan& plan, size_t blob_bytes) {
  PlanFacts facts;
  facts.macs = plan.macs;
  facts.blob_bytes = blob_bytes;
  facts.arena_bytes = plan.arena_bytes;
  facts.fused_peak_without_io_bytes = plan.arena_without_io_bytes;
  for (const compiler::TensorInfo& input : plan.inputs) {
    facts.input_bytes += static_cast<uint32_t>(input.bytes);
    const bool is_float32 = input.type == "float32";
    const size_t element_bytes = is_float32 ? sizeof(float) : 1;
    facts.inputs.push_back({static_cast<uint32_t>(input.bytes / element_bytes), is_float32});
  }
  for (const compiler::TensorInfo& output : plan.outputs) {
    facts.output_bytes += static_cast<uint32_t>(output.bytes);
  }
  facts.first_output_bytes = static_cast<uint32_t>(plan.outputs.at(0).bytes);
  const std::string& type = plan.outputs.at(0).type;
  facts.first_output_type = type == "int8"      ? OutputType::kInt8
                            : type == "float32" ? OutputType::kFloat32
                                                : OutputType::kOther;
  for (const compiler::PlannedOp& op : plan.ops) {
    if (!op.observed) continue;
    facts.ops.push_back({ToUtf8(op.name), op.tflite_op, op.macs, op.form, op.output_shape});
  }
  if (plan.fusion) {
    facts.fused_macs = plan.fusion->macs;
    facts.fused_macs_unfused = plan.fusion->macs_unfused;
  }
  return facts;
}

v1::Image MakeImage(const Bundle& bundle, std::span<const std::byte> blob,
                    const std::string& model_name) {
  v1::Image image;
  v1::Segment& firmware = *image.add_segments();
  firmware.set_address(bundle.load_address);
  *firmware.mutable_artifact() = bundle.firmware_artifact;
  firmware.set_role("firmware");
  v1::Segment& model = *image.add_segments();
  model.set_address(bundle.blob_address);
  model.mutable_artifact()->set_sha256(Sha256Hex(blob));
  model.mutable_artifact()->set_name(model_name + ".blob");
  model.mutable_artifact()->set_size_bytes(blob.size());
  model.set_role("model");
  image.set_build_id(bundle.build_id);
  image.set_port(bundle.port);
  image.set_kernels(bundle.kernels);
  image.set_mailbox_address(bundle.mailbox_address);
  image.set_rings_address(bundle.rings_address);
  image.set_sha256(ImageSha256(bundle.load_address, bundle.firmware, bundle.blob_address, blob));
  return image;
}

Result<compiler::Variant> CompilerVariant(const v1::Variant& variant) {
  return compiler::MakeVariant({{"kernels", variant.kernels()},
                                {"weights", variant.weights()},
                                {"fusion", variant.fusion()},
                                {"synthesis", variant.synthesis()}});
}

}  // namespace

std::string ImageSha256(uint32_t firmware_address, std::span<const std::byte> firmware,
                        uint32_t blob_address, std::span<const std::byte> blob) {
  Sha256 hash;
  const auto add = [&hash](uint32_t address, std::span<const std::byte> bytes) {
    std::byte head[4];
    for (int i = 0; i < 4; ++i) head[i] = static_cast<std::byte>(address >> (8 * i));
    hash.Update(head);
    hash.Update(bytes);
  };
  add(firmware_address, firmware);
  add(blob_address, blob);
  return hash.HexDigest();
}

Result<ModelPlanner> ModelPlanner::Read(std::string name, std::string sha256,
                                        std::vector<std::byte> tflite) {
  ModelPlanner planner;
  planner.tflite_ = std::make_unique<std::vector<std::byte>>(std::move(tflite));
  Result<compiler::Graph> graph = compiler::ReadTflite(*planner.tflite_);
  if (!graph.ok()) return graph.status().WithContext(name);
  planner.graph_ = std::move(*graph);
  planner.name_ = std::move(name);
  planner.sha256_ = std::move(sha256);
  return planner;
}

Result<PlannedVariant> ModelPlanner::Plan(const v1::Variant& variant, const Bundle& bundle) const {
  PlannedVariant planned;
  PlanRecord& record = planned.record;
  record.model_sha256 = sha256_;
  record.variant = variant;
  record.board_type = bundle.board_type.name();
  record.build_id = bundle.build_id;
  const Result<compiler::Variant> settings = CompilerVariant(variant);
  Result<compiler::Compiled> compiled = settings.ok()
                                            ? compiler::Compile(graph_, *settings)
                                            : Result<compiler::Compiled>(settings.status());
  if (!compiled.ok()) {
    if (compiled.status().code() == Code::kInternal) return compiled.status().WithContext(name_);
    record.reason = ToUtf8(compiled.status().message());
    return planned;
  }
  record.facts = FactsOf(compiled->plan, compiled->blob.size());
  record.detail = compiler::ToJson(compiled->plan)
                      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  TRY(AddCosts(bundle, KernelsOf(compiled->blob), &record.facts));
  record.reason = CheckBoardFit(bundle, record.facts);
  if (!record.reason.empty()) return planned;
  record.feasible = true;
  record.image = MakeImage(bundle, compiled->blob, name_);
  planned.blob = std::move(compiled->blob);
  return planned;
}

Result<std::vector<std::string>> ModelPlanner::PointsOfFront(const std::string& fusion) const {
  const compiler::PassedGraph passed = compiler::RunPasses(graph_);
  TRY_ASSIGN(const compiler::GraphChain trunk, compiler::FindChain(passed.graph));
  return compiler::SettingsOfFront(trunk.chain, fusion);
}

Status CheckFusion(const v1::VariantMatrix& matrix) {
  for (const std::string& fusion : matrix.fusion()) {
    const Status status = compiler::MakeVariant({{"fusion", fusion}}).status();
    if (!status.ok()) return {status.code(), "variants.fusion: " + status.message()};
  }
  return OkStatus();
}

Result<vectors::VectorSet> ModelPlanner::MakeVectors(const v1::VectorSetRef& ref,
                                                     std::span<const std::byte> npz) const {
  if (ref.has_npz()) {
    const auto* first = reinterpret_cast<const uint8_t*>(npz.data());
    return vectors::ReadVectorSet(std::span(first, npz.size()), ref.npz().name());
  }
  std::vector<vectors::InputTensor> inputs;
  for (uint32_t index : graph_.inputs) {
    const compiler::Tensor& tensor = graph_.tensors[index];
    inputs.push_back(
        {static_cast<size_t>(tensor.ElementCount()), tensor.type == compiler::DataType::kFloat32});
  }
  return vectors::MakePatternSet(ref.patterns(), inputs);
}

Result<Expected> ModelPlanner::Expect(const vectors::VectorSet& set) const {
  compiler::Variant reference;
  reference.kernels = runtime::KernelSetId::kReference;
  reference.fusion = "file";  // as the file says it, whatever passes a variant went through
  TRY_ASSIGN(const compiler::Compiled compiled, compiler::Compile(graph_, reference));
  Result<Expected> expected = ComputeExpected(compiled.blob, set);
  if (!expected.ok()) return expected.status().WithContext(name_);
  return expected;
}

}  // namespace tinyrig::server
