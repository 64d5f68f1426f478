#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "firmware/compiler/compile.h"
#include "firmware/compiler/plan_json.h"
#include "server/cli/campaign/variants.h"
#include "server/cli/campaign/zoo.h"
#include "server/cli/commands/command.h"
#include "server/cli/commands/plan_fusion.h"
#include "server/cli/commands/plan_picture.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/report/memory_of.h"
#include "server/cli/service/paths.h"
#include "server/cli/text/bytes.h"
#include "server/cli/text/file.h"
#include "server/cli/text/shape.h"
#include "server/cli/text/table.h"
#include "server/planning/planner.h"

namespace tinyrig::cli {
namespace {

struct PlanOptions {
  std::string path;
  std::string variant;
  std::string board_type;
  bool no_fold = false;
  FusionOptions fusion;
  PictureFiles pictures;
};

std::string Size(uint64_t bytes) { return FormatBytesShort(static_cast<double>(bytes)); }

void PrintPlannedOps(const compiler::Plan& plan) {
  Table table({{"step", Align::kRight},
               {"op", Align::kRight},
               {"operator"},
               {"output"},
               {"kernel"},
               {"MAC", Align::kRight},
               {"weights", Align::kRight},
               {"scratch", Align::kRight},
               {"note"}});
  for (size_t step = 0; step < plan.ops.size(); ++step) {
    const compiler::PlannedOp& op = plan.ops[step];
    table.AddRow({std::to_string(step), std::to_string(op.tflite_op), op.name,
                  ShapeText(op.output_shape), op.form, op.macs == 0 ? "" : FormatCount(op.macs),
                  op.weights_bytes == 0 ? "" : Size(op.weights_bytes),
                  op.scratch_bytes == 0 ? "" : Size(op.scratch_bytes), op.note});
  }
  fmt::print("{}", table.Render());
}

/// The arena over time: one line a buffer, '#' in the steps it lives.
void PrintBuffers(const compiler::Plan& plan) {
  Table table(
      {{"offset", Align::kRight}, {"bytes", Align::kRight}, {"lives in steps"}, {"buffer"}});
  std::vector<compiler::PlannedBuffer> buffers = plan.buffers;
  std::ranges::stable_sort(buffers, {}, &compiler::PlannedBuffer::offset);
  const bool drawn = plan.ops.size() <= 64;
  for (const compiler::PlannedBuffer& buffer : buffers) {
    std::string life = fmt::format("{}-{}", buffer.first_op, buffer.last_op);
    if (drawn) {
      life = std::string(plan.ops.size(), '.');
      for (size_t i = buffer.first_op; i <= buffer.last_op && i < life.size(); ++i) life[i] = '#';
    }
    table.AddRow(
        {FormatCount(buffer.offset), FormatCount(buffer.bytes), life, Shorten(buffer.name, 48)});
  }
  fmt::print("{}", table.Render());
}

void PrintPlan(const std::string& path, const compiler::Plan& plan) {
  fmt::print("{} as {}\n", path, plan.variant.ToString());
  fmt::print("arena  {} B planned; no placement needs less than {} B\n",
             FormatCount(plan.arena_bytes), FormatCount(plan.arena_lower_bound_bytes));
  fmt::print("blob   {} B, of it weights {} B and tables {} B\n", FormatCount(plan.blob_bytes),
             FormatCount(plan.weights_bytes), FormatCount(plan.tables_bytes));
  fmt::print("work   {} MAC\n\n", FormatCount(plan.macs));
  PrintPlannedOps(plan);
  for (const compiler::PassNote& note : plan.passes) {
    fmt::print("{:<16}  {}\n", note.pass, note.text);
  }
  fmt::print("\n");
  PrintBuffers(plan);
}

/// What the static check of the server would say, from the firmware beside this program.
Result<server::PlanRecord> FitOf(const PlanOptions& options, const std::string& tflite,
                                 const v1::Variant& variant) {
  const std::string name = fmt::format("{}-{}", options.board_type, variant.kernels());
  const auto path = FindBesidePrograms("share/tinyrig/firmware/" + name + ".json");
  if (!path.ok()) {
    return Status(Code::kNotFound,
                  fmt::format("there is no firmware for board type '{}' with kernels {}: {}",
                              options.board_type, variant.kernels(), path.status().message()));
  }
  TRY_ASSIGN(const std::string json, ReadFile(*path, 1 << 20));
  TRY_ASSIGN(const server::Bundle bundle, server::ParseBundle(json));
  const auto bytes = std::as_bytes(std::span(tflite));
  TRY_ASSIGN(const server::ModelPlanner planner,
             server::ModelPlanner::Read(options.path, "", {bytes.begin(), bytes.end()}));
  TRY_ASSIGN(server::PlannedVariant planned, planner.Plan(variant, bundle));
  return std::move(planned.record);
}

Json FitJson(const server::PlanRecord& fit) {
  Json json = {{"board_type", fit.board_type},
               {"feasible", fit.feasible},
               {"flash_model_bytes", fit.facts.flash_model_bytes},
               {"flash_total_bytes", fit.facts.flash_total_bytes},
               {"ram_static_bytes", fit.facts.ram_static_bytes},
               {"ram_rig_bytes", fit.facts.ram_rig_bytes}};
  if (!fit.feasible) json["reason"] = fit.reason;
  return json;
}

void PrintFit(const server::PlanRecord& fit) {
  fmt::print(
      "\non {}: flash of the model {} B, of the whole image {} B; RAM {} B for the arena, {} B "
      "static, "
      "{} B for the rig, stack beside\n",
      fit.board_type, FormatCount(fit.facts.flash_model_bytes),
      FormatCount(fit.facts.flash_total_bytes), FormatCount(fit.facts.arena_bytes),
      FormatCount(fit.facts.ram_static_bytes), FormatCount(fit.facts.ram_rig_bytes));
  fmt::print("{}\n", fit.feasible ? "it fits" : "infeasible: " + Printable(fit.reason));
}

Result<int> ShowPlan(PlanOptions options, bool json) {
  if (options.no_fold) options.variant += options.variant.empty() ? "fusion=file" : ",fusion=file";
  TRY_ASSIGN(options.path, FindModel(options.path));
  TRY_ASSIGN(const std::string bytes, ReadFile(options.path, kMaxModelBytes));
  if (!options.fusion.setting.empty()) {
    return ShowFusionPlan(options.path, std::as_bytes(std::span(bytes)), options.fusion,
                          options.pictures, json);
  }
  TRY_ASSIGN(const compiler::Variant variant, compiler::ParseVariant(options.variant));
  const auto compiled = compiler::Compile(std::as_bytes(std::span(bytes)), variant);
  if (!compiled.ok()) return compiled.status().WithContext(options.path);
  std::optional<server::PlanRecord> fit;
  if (!options.board_type.empty()) {
    v1::VariantMatrix matrix;
    TRY(SetVariants({options.variant}, matrix));
    TRY_ASSIGN(fit, FitOf(options, bytes, ExpandVariants(matrix).front()));
  }
  if (!options.pictures.to_stdout() && json) {
    Json document = compiler::ToJson(compiled->plan);
    if (fit) document["fit"] = FitJson(*fit);
    fmt::print("{}", Dump(document));
  } else if (!options.pictures.to_stdout()) {
    PrintPlan(options.path, compiled->plan);
    if (fit) PrintFit(*fit);
  }
  if (options.pictures.any()) {
    TRY(WritePictures(options.pictures, MemoryOf(ModelName(options.path), compiled->plan)));
  }
  return fit && !fit->feasible ? kExitInfeasible : kExitOk;
}

}  // namespace

Runner DefinePlan(CLI::App& app) {
  auto options = std::make_shared<PlanOptions>();
  app.add_option("MODEL", options->path, "A .tflite file, or its name in the zoo")->required();
  app.add_option("--variant", options->variant,
                 "Settings of the variant (default: kernels=dsp,weights=int8)")
      ->type_name("K=V[,K=V]");
  app.add_flag("--no-fold", options->no_fold,
               "Keep the file's own operators and their order (fusion=file)");
  app.add_option("--board-type", options->board_type, "Check whether it fits this board type")
      ->type_name("TYPE");
  auto* fusion =
      app.add_option("--fusion", options->fusion.setting,
                     "Plan the layers in fused blocks instead: none, head_patch, head_stream, "
                     "msf:GOAL, tiny:GOAL with GOAL f_max=1.3, ram=32kB, min_ram or front, or a "
                     "block list like '[0-6h4 ~ 7-9] [10]'; then, if wanted, "
                     ":input=outside|resident|rows|slabs:output=outside|resident|pooled")
          ->type_name("SETTING")
          ->excludes("--variant")
          ->excludes("--no-fold")
          ->excludes("--board-type");
  app.add_option("--fusion-cost", options->fusion.cost,
                 "What counts: exact (all that a device needs), or as the literature has it: "
                 "published, derived")
      ->type_name("PRESET")
      ->needs(fusion);
  app.add_option("--svg", options->pictures.svg,
                 "Draw what lies where in the arena, step by step (- : that alone, to standard "
                 "output)")
      ->type_name("FILE");
  app.add_option("--html", options->pictures.html,
                 "The same drawing in a page, with a table of all parts")
      ->type_name("FILE");
  return [options](const Common& common) -> Result<int> {
    const PictureFiles& pictures = options->pictures;
    const int streams = (pictures.svg == "-") + (pictures.html == "-") + common.json;
    if (pictures.to_stdout() && streams > 1) {
      return Status(Code::kInvalidArgument,
                    "only one document fits on standard output; give files for the others");
    }
    return ShowPlan(*options, common.json);
  };
}

}  // namespace tinyrig::cli
