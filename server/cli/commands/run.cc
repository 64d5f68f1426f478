#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "server/cli/campaign/campaign_file.h"
#include "server/cli/campaign/fronts.h"
#include "server/cli/campaign/git_state.h"
#include "server/cli/campaign/variants.h"
#include "server/cli/campaign/zoo.h"
#include "server/cli/client/fetch.h"
#include "server/cli/client/upload.h"
#include "server/cli/commands/command.h"
#include "server/cli/commands/follow.h"
#include "server/cli/commands/submit.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

struct RunOptions {
  std::string path;
  std::vector<std::string> board_types;
  std::string vectors;
  std::vector<std::string> variants;
  std::vector<std::string> fusion;
  uint32_t repetitions = 0;
  bool layer_hashes = false;
  bool profile = false;
  bool wait = false;
  bool no_wait = false;
  bool check = false;
};

bool IsModel(const std::string& path) {
  return std::filesystem::path(path).extension() == ".tflite" || IsZooName(path);
}

/// What flags say outranks what the file says.
Status ApplyFlags(const RunOptions& options, LocalCampaign& campaign) {
  if (!options.board_types.empty()) {
    campaign.spec.mutable_board_types()->Assign(options.board_types.begin(),
                                                options.board_types.end());
  }
  if (!options.vectors.empty()) {
    campaign.vectors_path.clear();
    TRY(SetVectors(options.vectors, "", campaign));
  }
  if (!options.variants.empty()) {
    TRY(SetVariants(options.variants, *campaign.spec.mutable_variants()));
  }
  if (!options.fusion.empty()) TRY(SetFusion(options.fusion, *campaign.spec.mutable_variants()));
  if (options.repetitions != 0) campaign.spec.set_repetitions(options.repetitions);
  if (options.layer_hashes) campaign.spec.set_layer_hashes(true);
  if (options.profile) campaign.spec.set_profile(true);
  return OkStatus();
}

Result<LocalCampaign> ReadCampaign(const RunOptions& options) {
  if (IsModel(options.path)) {
    ModelRun run;
    run.model_path = options.path;
    TRY_ASSIGN(LocalCampaign campaign, CampaignOfModel(run));
    TRY(ApplyFlags(options, campaign));
    return campaign;
  }
  TRY_ASSIGN(LocalCampaign campaign, LoadCampaign(options.path));
  TRY(ApplyFlags(options, campaign));
  return campaign;
}

size_t JobsOf(const v1::CampaignSpec& spec) {
  return ExpandVariants(spec.variants()).size() * static_cast<size_t>(spec.models_size()) *
         static_cast<size_t>(spec.board_types_size());
}

/// As the server counts them: a front is a job a point.
uint32_t JobsOf(const v1::Campaign& campaign) {
  const v1::JobCounts& counts = campaign.counts();
  return counts.queued() + counts.leased() + counts.succeeded() + counts.failed() +
         counts.infeasible() + counts.cancelled();
}

/// The variants of a model, one a job.
std::vector<v1::Variant> VariantsOf(const v1::VariantMatrix& matrix, const std::string& model_path,
                                    Fronts& fronts) {
  std::vector<v1::Variant> variants;
  for (v1::Variant& variant : ExpandVariants(matrix)) {
    for (const std::string& fusion : fronts.Expand(model_path, variant.fusion())) {
      variants.push_back(variant);
      variants.back().set_fusion(fusion);
    }
  }
  return variants;
}

/// `run --check`: what would be measured.
int PrintExpansion(const LocalCampaign& campaign, bool json) {
  const v1::CampaignSpec& spec = campaign.spec;
  Json jobs = Json::array();
  Table table({{"model"}, {"variant"}, {"board type"}});
  Fronts fronts;
  for (size_t i = 0; i < campaign.model_paths.size(); ++i) {
    const std::string& model = spec.models(static_cast<int>(i)).name();
    const auto variants = VariantsOf(spec.variants(), campaign.model_paths[i], fronts);
    for (const std::string& type : spec.board_types()) {
      for (const v1::Variant& variant : variants) {
        table.AddRow({model, VariantText(variant), type});
        jobs.push_back({{"model", model}, {"variant", VariantText(variant)}, {"board_type", type}});
      }
    }
  }
  if (json) {
    fmt::print("{}", Dump({{"name", spec.name()}, {"jobs", jobs}}));
  } else {
    fmt::print("campaign '{}': {} jobs\n\n{}", spec.name(), jobs.size(), table.Render());
  }
  return kExitOk;
}

Result<int> SubmitOnly(const Client& client, const v1::Campaign& campaign, const Common& common) {
  const uint64_t id = campaign.campaign_id();
  if (common.json) {
    TRY_ASSIGN(const CampaignRecord record, FetchRecord(client, id, false));
    fmt::print("{}", Dump(CampaignJson(record)));
  } else {
    fmt::print("campaign {} is queued; follow it with: tinyrig watch {}{}\n", id, id,
               SameService(common));
  }
  return kExitOk;
}

Result<int> Run(const RunOptions& options, const Common& common) {
  TRY_ASSIGN(LocalCampaign campaign, ReadCampaign(options));
  if (options.check) return PrintExpansion(campaign, common.json);
  AddGitLabels(options.path, campaign.spec);
  const v1::CampaignSpec& spec = campaign.spec;
  Interrupts interrupts;
  const std::vector<std::string> types(spec.board_types().begin(), spec.board_types().end());
  TRY_ASSIGN(const Session session,
             Session::Open(common.server, common.state,
                           NeedsOfMeasuring(UsefulBoards(types, JobsOf(spec)), interrupts)));
  if (options.no_wait && session.is_private()) {
    return Status(
        Code::kUnavailable,
        "--no-wait needs a service that goes on without this command; start one with 'tinyrig up'");
  }
  TRY(UploadArtifacts(session.client(), campaign, [](const std::string&) {}));
  TRY_ASSIGN(const v1::Campaign submitted, SubmitCampaign(session.client(), spec));
  SayWhatIsMissing(session.client(), spec);
  // A private service ends with this command: there is nothing to come back to.
  if (!options.wait && !session.is_private())
    return SubmitOnly(session.client(), submitted, common);
  fmt::print(stderr, "campaign {} ({}): {} jobs\n", submitted.campaign_id(), spec.name(),
             JobsOf(submitted));
  return FollowCampaign(session, submitted.campaign_id(), common, interrupts);
}

}  // namespace

Runner DefineRun(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  app.add_option("FILE", options->path,
                 "A campaign (YAML) or a model (.tflite, or its name in the zoo)")
      ->required();
  app.add_option("--board-type", options->board_types,
                 "Board type, repeatable (a model: virtual_m4)")
      ->type_name("TYPE")
      ->allow_extra_args(false);
  app.add_option("--vectors", options->vectors,
                 "Test inputs: a file, or computed patterns (a model: AB)")
      ->type_name("NPZ|A|B|AB");
  app.add_option("--variant", options->variants,
                 "Variant to measure, repeatable (a model: kernels=dsp,weights=int8)")
      ->type_name("K=V[,K=V]")
      ->allow_extra_args(false);
  app.add_option("--fusion", options->fusion,
                 "Fusion setting to measure each variant with, repeatable: msf:GOAL, tiny:GOAL, a "
                 "block list (see 'plan'); GOAL front is one job for each plan of the front")
      ->type_name("SETTING")
      ->allow_extra_args(false);
  app.add_option("--repetitions", options->repetitions, "Timed inferences per vector")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000));
  app.add_flag("--layer-hashes", options->layer_hashes,
               "Hash every operator's output in an extra run (a model: on)");
  app.add_flag("--profile", options->profile,
               "Count every operator, on the first vector, in an extra run (see 'profile')");
  CLI::Option* wait = app.add_flag("--wait", options->wait,
                                   "Show progress and results (always with a private service)");
  app.add_flag("--no-wait", options->no_wait, "Only submit: the default with a running service")
      ->excludes(wait);
  app.add_flag("--check", options->check, "Only check the file and list the jobs");
  return [options](const Common& common) { return Run(*options, common); };
}

}  // namespace tinyrig::cli
