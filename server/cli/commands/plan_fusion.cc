#include "server/cli/commands/plan_fusion.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "firmware/compiler/compile.h"
#include "firmware/compiler/fusion/fusion_json.h"
#include "firmware/compiler/fusion/graph_chain.h"
#include "firmware/compiler/fusion/notation.h"
#include "firmware/compiler/fusion/setting.h"
#include "firmware/compiler/passes/passes.h"
#include "firmware/compiler/tflite/reader.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/report/memory_of.h"
#include "server/cli/text/bytes.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

std::string FactorText(const compiler::FusionPlan& plan) {
  return fmt::format("{:.3f}",
                     static_cast<double>(plan.macs) / static_cast<double>(plan.macs_unfused));
}

void PrintPhases(const compiler::Chain& chain, const compiler::FusionPlan& plan) {
  Table table({{"RAM", Align::kRight},
               {"maps", Align::kRight},
               {"rings", Align::kRight},
               {"caches", Align::kRight},
               {"skips", Align::kRight},
               {"in/out", Align::kRight},
               {"scratch", Align::kRight},
               {"MAC", Align::kRight},
               {"factor", Align::kRight},
               {"blocks"}});
  for (const compiler::PlannedPhase& phase : plan.phases) {
    const compiler::RamByPart ram = compiler::RamOf(chain, phase);
    int64_t unfused = 0;
    for (int32_t l = phase.begin; l < phase.end; ++l) unfused += chain.layer(l).Macs();
    const auto bytes = [&](int64_t value) {
      return value == 0 || !plan.has_places ? std::string() : FormatCount(value);
    };
    table.AddRow({FormatCount(phase.ram), bytes(ram.maps), bytes(ram.rings), bytes(ram.caches),
                  bytes(ram.skips), bytes(ram.io), bytes(ram.scratch), FormatCount(phase.macs),
                  unfused == 0 ? ""
                               : fmt::format("{:.3f}", static_cast<double>(phase.macs) /
                                                           static_cast<double>(unfused)),
                  compiler::ToString(phase.blocks)});
  }
  fmt::print("{}", table.Render());
}

void PrintOne(const compiler::Chain& chain, const compiler::FusionPlan& plan) {
  fmt::print("arena  {} B\n", FormatCount(plan.arena_bytes));
  fmt::print("RAM    {} B with the network's input and output, {} B without\n",
             FormatCount(plan.peak_ram_bytes), FormatCount(plan.peak_ram_without_io_bytes));
  fmt::print("work   {} MAC, {} times the {} of the layers one by one\n\n", FormatCount(plan.macs),
             FactorText(plan), FormatCount(plan.macs_unfused));
  PrintPhases(chain, plan);
}

void PrintFront(const std::vector<compiler::FusionPlan>& plans) {
  Table table({{"arena", Align::kRight},
               {"RAM with in/out", Align::kRight},
               {"without", Align::kRight},
               {"MAC", Align::kRight},
               {"factor", Align::kRight},
               {"blocks"}});
  for (const compiler::FusionPlan& plan : plans) {
    table.AddRow({FormatCount(plan.arena_bytes), FormatCount(plan.peak_ram_bytes),
                  FormatCount(plan.peak_ram_without_io_bytes), FormatCount(plan.macs),
                  FactorText(plan), compiler::BlocksText(plan)});
  }
  fmt::print("{}", table.Render());
}

std::string OpNames(const compiler::Graph& graph, const std::vector<size_t>& ops) {
  std::string names;
  for (const size_t i : ops) {
    if (!names.empty()) names += ", ";
    names += graph.ops[i].name;
  }
  return names.empty() ? "nothing" : Printable(names);
}

/// What jobs' firmware makes of a setting: the arena of the whole program, in which there are the
/// operators before and behind the trunk and the network's input and output, too. Of a front
/// nothing: each of its points is a job of its own. Errors: why it does not run.
Result<std::optional<uint64_t>> ArenaOfProgram(std::span<const std::byte> tflite,
                                               const FusionOptions& options, bool is_front) {
  if (options.cost != "exact") {
    return Status(Code::kUnimplemented, "the device runs what the cost 'exact' counts");
  }
  if (is_front) return std::optional<uint64_t>();
  TRY_ASSIGN(const compiler::Variant variant, compiler::MakeVariant({{"fusion", options.setting}}));
  TRY_ASSIGN(const compiler::Compiled compiled, compiler::Compile(tflite, variant));
  return std::optional(compiled.plan.arena_bytes);
}

Json DocumentOf(const compiler::GraphChain& trunk, const std::vector<compiler::FusionPlan>& plans,
                const FusionOptions& options, const Result<std::optional<uint64_t>>& arena,
                bool is_front) {
  Json document = {{"fusion", options.setting},
                   {"cost", options.cost},
                   {"executable", arena.ok()},
                   {"layers", trunk.chain.size()},
                   {"ops_before", trunk.head_ops.size()},
                   {"ops_after", trunk.tail_ops.size()},
                   {"bytes_after", trunk.chain.tail.bytes}};
  if (!arena.ok()) document["not_executable"] = arena.status().message();
  if (arena.ok() && *arena) document["program_arena_bytes"] = **arena;
  if (is_front) {
    document["front"] = Json::array();
    for (const compiler::FusionPlan& plan : plans) {
      document["front"].push_back(compiler::ToJson(trunk.chain, plan));
    }
  } else {
    document.update(compiler::ToJson(trunk.chain, plans.front()));
  }
  return document;
}

/// Peak of the layers one by one, counted as the plan is; nothing where that cannot be had.
std::optional<int64_t> UnfusedPeak(const compiler::Chain& chain, compiler::FusionSetting setting,
                                   const std::string& cost) {
  setting.kind = compiler::FusionSetting::Kind::kBlocks;
  setting.blocks.clear();
  for (int32_t i = 0; i < chain.size(); ++i) setting.blocks += fmt::format("[{}]", i);
  const auto plans = compiler::PlanFusion(chain, setting, cost);
  if (!plans.ok()) return std::nullopt;
  return plans->front().arena_bytes;
}

MemoryPicture DrawFusion(const std::string& path, const compiler::Graph& graph,
                         const compiler::GraphChain& trunk, const compiler::FusionPlan& plan,
                         const compiler::FusionSetting& setting, const FusionOptions& options) {
  return MemoryOf(graph, trunk, plan,
                  {.model = ModelName(path),
                   .setting = options.setting,
                   .cost = options.cost,
                   .input = setting.input,
                   .output = setting.output,
                   .unfused = UnfusedPeak(trunk.chain, setting, options.cost)});
}

void PrintTrunk(const std::string& path, const compiler::Graph& graph,
                const compiler::GraphChain& trunk, const FusionOptions& options,
                const Result<std::optional<uint64_t>>& arena) {
  fmt::print(
      "{} with fusion {}, counted as {}: a plan, {}\n", path, options.setting, options.cost,
      arena.ok() ? "firmware executes it" : "no firmware executes it: " + arena.status().message());
  fmt::print("trunk  {} layers; before it {}, after it {}\n", trunk.chain.size(),
             OpNames(graph, trunk.head_ops), OpNames(graph, trunk.tail_ops));
  fmt::print("tail   {} B at once after the trunk{}\n", FormatCount(trunk.chain.tail.bytes),
             trunk.chain.tail.pools ? ", whose last map need not exist" : "");
  if (!arena.ok() || !*arena) return;
  fmt::print(
      "device {} B: the whole program's arena, with the network's input and output and what stands "
      "before and after the trunk\n",
      FormatCount(**arena));
}

void PrintPlans(const compiler::Chain& chain, const std::vector<compiler::FusionPlan>& plans,
                bool is_front) {
  if (is_front) {
    fmt::print("{} plans that no other beats\n\n", plans.size());
    PrintFront(plans);
  } else {
    PrintOne(chain, plans.front());
  }
}

}  // namespace

Result<int> ShowFusionPlan(const std::string& path, std::span<const std::byte> tflite,
                           const FusionOptions& options, const PictureFiles& pictures, bool json) {
  TRY_ASSIGN(const compiler::FusionSetting setting, compiler::ParseFusionSetting(options.setting));
  const bool is_front = compiler::IsFront(setting);
  if (is_front && pictures.any()) {
    return Status(Code::kInvalidArgument,
                  "a front is many plans, a drawing shows one: give --fusion one of its block "
                  "lists, or f_max=, ram= or min_ram");
  }
  TRY_ASSIGN(const compiler::Graph file, compiler::ReadTflite(tflite));
  const compiler::PassedGraph passed = compiler::RunPasses(file);
  const auto trunk = compiler::FindChain(passed.graph);
  if (!trunk.ok()) return trunk.status().WithContext(path);
  const auto plans = compiler::PlanFusion(trunk->chain, setting, options.cost);
  if (!plans.ok() && plans.status().code() == Code::kResourceExhausted) {
    fmt::print(stderr, "infeasible: {}\n", plans.status().message());
    return kExitInfeasible;
  }
  if (!plans.ok()) return plans.status().WithContext(path);
  const Result<std::optional<uint64_t>> arena = ArenaOfProgram(tflite, options, is_front);
  if (!pictures.to_stdout() && json) {
    fmt::print("{}", Dump(DocumentOf(*trunk, *plans, options, arena, is_front)));
  } else if (!pictures.to_stdout()) {
    PrintTrunk(path, passed.graph, *trunk, options, arena);
    PrintPlans(trunk->chain, *plans, is_front);
  }
  if (pictures.any()) {
    // Last: the plan is shown even if this cannot be written.
    TRY(WritePictures(pictures,
                      DrawFusion(path, passed.graph, *trunk, plans->front(), setting, options)));
  }
  return kExitOk;
}

}  // namespace tinyrig::cli
