#include "server/cli/campaign/fronts.h"

#include <span>

#include "firmware/compiler/fusion/graph_chain.h"
#include "firmware/compiler/fusion/setting.h"
#include "firmware/compiler/passes/passes.h"
#include "firmware/compiler/tflite/reader.h"
#include "server/cli/text/file.h"

namespace tinyrig::cli {
namespace {

Result<std::vector<std::string>> PointsOf(const std::string& model_path,
                                          const std::string& fusion) {
  TRY_ASSIGN(const compiler::FusionSetting setting, compiler::ParseFusionSetting(fusion));
  if (!compiler::IsFront(setting)) return std::vector{fusion};
  TRY_ASSIGN(const std::string bytes, ReadFile(model_path, kMaxModelBytes));
  TRY_ASSIGN(const compiler::Graph graph, compiler::ReadTflite(std::as_bytes(std::span(bytes))));
  const compiler::PassedGraph passed = compiler::RunPasses(graph);
  TRY_ASSIGN(const compiler::GraphChain trunk, compiler::FindChain(passed.graph));
  return compiler::SettingsOfFront(trunk.chain, fusion);
}

}  // namespace

const std::vector<std::string>& Fronts::Expand(const std::string& model_path,
                                               const std::string& fusion) {
  const auto [known, is_new] = known_.try_emplace({model_path, fusion});
  if (is_new) {
    Result<std::vector<std::string>> points = PointsOf(model_path, fusion);
    const bool expanded = points.ok() && !points->empty();
    known->second = expanded ? std::move(*points) : std::vector{fusion};
  }
  return known->second;
}

}  // namespace tinyrig::cli
