#include "server/cli/report/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "server/cli/campaign/campaign_file.h"
#include "server/cli/client/fetch.h"
#include "server/cli/client/upload.h"
#include "server/cli/commands/command.h"
#include "server/cli/commands/follow.h"
#include "server/cli/commands/present.h"
#include "server/cli/commands/submit.h"
#include "server/cli/exit_code.h"
#include "server/cli/text/duration.h"
#include "server/cli/text/file.h"
#include "server/cli/text/progress.h"

namespace tinyrig::cli {
namespace {

struct ProfileOptions {
  std::string what;
  std::vector<std::string> variants;
  std::vector<std::string> board_types;
  std::string vectors;
  std::string html;
};

/// What is a number is a job.
std::optional<uint64_t> JobNumber(const std::string& text) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number == 0) return std::nullopt;
  return number;
}

Status Show(const std::vector<Profile>& profiles, const ProfileOptions& options, bool json) {
  if (options.html == "-") {
    fmt::print("{}", ProfileHtml(profiles, NowUs()));
    return OkStatus();
  }
  if (json) {
    Json list = Json::array();
    for (const Profile& profile : profiles) list.push_back(ProfileJson(profile));
    fmt::print("{}", Dump({{"profiles", std::move(list)}}));
  } else {
    const size_t width = std::max<size_t>(TerminalWidth(stdout), 80);
    for (const Profile& profile : profiles) {
      fmt::print("{}{}", &profile == &profiles.front() ? "" : "\n", ProfileText(profile, width));
    }
  }
  if (options.html.empty()) return OkStatus();
  // Last: what was measured is shown even if this cannot be written.
  TRY(WriteFile(options.html, ProfileHtml(profiles, NowUs())));
  fmt::print(stderr, "wrote {}\n", options.html);
  return OkStatus();
}

Result<int> ShowStored(uint64_t job_id, const ProfileOptions& options, const Common& common) {
  if (!options.variants.empty() || !options.board_types.empty() || !options.vectors.empty()) {
    return Status(
        Code::kInvalidArgument,
        fmt::format("{} is a job, measured already; --variant, --board-type and --vectors "
                    "are for models",
                    job_id));
  }
  TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
  TRY_ASSIGN(const JobRecord job, FetchJob(session.client(), job_id));
  if (job.result.state() != v1::JOB_STATE_SUCCEEDED) {
    return Status(Code::kFailedPrecondition,
                  fmt::format("job {} has not succeeded, so it has no profile; 'tinyrig job {}' "
                              "says how it is",
                              job_id, job_id));
  }
  TRY_ASSIGN(Profile profile, MakeProfile(job));
  TRY(Show({std::move(profile)}, options, common.json));
  return kExitOk;
}

Result<int> Measure(const ProfileOptions& options, const Common& common) {
  ModelRun run;
  run.model_path = options.what;
  run.board_types = options.board_types;
  run.variants = options.variants;
  run.vectors = options.vectors.empty() ? "A" : options.vectors;
  run.layer_hashes = false;
  run.profile = true;
  TRY_ASSIGN(LocalCampaign campaign, CampaignOfModel(run));
  const v1::CampaignSpec& spec = campaign.spec;
  const std::vector<std::string> types(spec.board_types().begin(), spec.board_types().end());
  const size_t jobs = types.size() * std::max<size_t>(options.variants.size(), 1);
  Interrupts interrupts;
  TRY_ASSIGN(const Session session,
             Session::Open(common.server, common.state,
                           NeedsOfMeasuring(UsefulBoards(types, jobs), interrupts)));
  TRY(UploadArtifacts(session.client(), campaign, [](const std::string&) {}));
  TRY_ASSIGN(const v1::Campaign submitted, SubmitCampaign(session.client(), spec));
  SayWhatIsMissing(session.client(), spec);
  const uint64_t id = submitted.campaign_id();
  TRY_ASSIGN(const std::optional<int> left, WatchCampaign(session, id, common, interrupts));
  if (left) return *left;
  TRY_ASSIGN(const CampaignRecord record, FetchRecord(session.client(), id, /*with_layers=*/true));
  std::vector<Profile> profiles;
  for (const JobRecord& job : record.jobs) {
    if (job.result.state() != v1::JOB_STATE_SUCCEEDED) continue;
    TRY_ASSIGN(Profile profile, MakeProfile(job));
    profiles.push_back(std::move(profile));
  }
  TRY(Show(profiles, options, common.json));
  if (const std::string failures = FailureText(record.jobs); !failures.empty()) {
    fmt::print(stderr, "{}", failures);
  }
  return ExitCodeOf(OutcomesOf(record.jobs));
}

}  // namespace

Runner DefineProfile(CLI::App& app) {
  auto options = std::make_shared<ProfileOptions>();
  app.add_option("WHAT", options->what,
                 "A model (.tflite, or its name in the zoo) to measure, or the number of a job")
      ->required()
      ->type_name("MODEL|JOB");
  app.add_option("--variant", options->variants,
                 "Variant to measure, repeatable (default: kernels=dsp,weights=int8)")
      ->type_name("K=V[,K=V]")
      ->allow_extra_args(false);
  app.add_option("--board-type", options->board_types,
                 "Board type, repeatable (default: virtual_m4)")
      ->type_name("TYPE")
      ->allow_extra_args(false);
  app.add_option("--vectors", options->vectors,
                 "Test inputs, of which the first is profiled (default: A)")
      ->type_name("NPZ|A|B|AB");
  app.add_option(
         "--html", options->html,
         "Write a page with the bars as a picture, too (- : that alone, to standard output)")
      ->type_name("FILE");
  return [options](const Common& common) -> Result<int> {
    if (const auto job = JobNumber(options->what)) return ShowStored(*job, *options, common);
    return Measure(*options, common);
  };
}

}  // namespace tinyrig::cli
