#include "server/cli/commands/follow.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "server/cli/client/fetch.h"
#include "server/cli/client/watch.h"
#include "server/cli/commands/present.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/json.h"
#include "server/cli/text/progress.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

constexpr std::chrono::milliseconds kTick{100};
constexpr size_t kPrivateBoards = 2;

enum class Choice { kContinue, kLeave, kCancel };

Choice AskWhatToDo(uint64_t campaign_id, const ProgressState& state, Interrupts& interrupts) {
  if (!IsTerminal(stdin) || !IsTerminal(stderr)) return Choice::kLeave;
  fmt::print(stderr,
             "\nCampaign {}: {} of {} jobs have ended. [c]ancel it, [l]eave it, or Enter to go on "
             "watching: ",
             campaign_id, EndedJobs(state.counts), AllJobs(state.counts));
  std::fflush(stderr);
  const int key = interrupts.AskKey();
  if (key == 'c' || key == 'C') return Choice::kCancel;
  if (key == '\n') return Choice::kContinue;
  // A second Ctrl-C, the end of input, 'l' and everything else: the choice that destroys nothing.
  return Choice::kLeave;
}

int Leave(uint64_t campaign_id, bool is_private, const Common& common) {
  const char* meanwhile =
      is_private ? "It stays queued and goes on when you do:" : "It goes on. To watch it again:";
  fmt::print(stderr, "\nNo longer watching campaign {}. {}\n    tinyrig watch {}{}\n", campaign_id,
             meanwhile, campaign_id, SameService(common));
  return kExitInterrupted;
}

void PrintForPeople(const CampaignRecord& record, const Common& common) {
  fmt::print("\n{}", ResultTable(record, DefaultMetrics(record)));
  if (const std::string failures = FailureText(record.jobs); !failures.empty()) {
    fmt::print("\n{}", failures);
  }
  for (const v1::Front& front : record.fronts) fmt::print("\n{}", FrontText(front));
  const auto measured = std::ranges::find_if(record.jobs, [](const JobRecord& job) {
    return job.result.state() == v1::JOB_STATE_SUCCEEDED;
  });
  if (measured != record.jobs.end()) {
    const std::string note = FidelityNote(measured->result.fidelity());
    if (!note.empty()) fmt::print("\n({})\n", note);
  }
  const uint64_t id = record.campaign.campaign_id();
  fmt::print(
      "\nCampaign {}: {}. Report with a plot: tinyrig report --campaign {} --html report.html{}\n",
      id, CountsText(CountStates(record.jobs)), id, SameService(common));
}

}  // namespace

std::string SameService(const Common& common) {
  if (!common.server.empty()) {
    const ChannelSecurity& security = common.server.security;
    std::string options = " --server " + common.server.address;
    if (!security.ca_file.empty()) options += " --ca " + security.ca_file;
    if (!security.token_file.empty()) options += " --token-file " + security.token_file;
    return options;
  }
  if (!common.state.empty() && std::getenv("TINYRIG_SERVER") == nullptr)
    return " --state " + common.state;
  return "";
}

std::string UsefulBoards(const std::vector<std::string>& board_types, size_t jobs) {
  std::string boards;
  for (const std::string& type : board_types) {
    const VirtualKind* kind = FindVirtualKind(type);
    if (kind == nullptr) continue;
    for (size_t i = 0; i < std::clamp<size_t>(jobs, 1, kPrivateBoards); ++i) {
      boards += (boards.empty() ? "" : ",") + std::string(kind->name);
    }
  }
  return boards.empty() ? "m4" : boards;
}

SessionNeeds NeedsOfMeasuring(std::string boards, Interrupts& interrupts) {
  SessionNeeds needs;
  needs.boards = std::move(boards);
  needs.stop = [&interrupts] { return interrupts.Take(); };
  needs.say = [](const std::string& line) { fmt::print(stderr, "tinyrig: {}\n", line); };
  return needs;
}

Result<std::optional<int>> WatchCampaign(const Session& session, uint64_t campaign_id,
                                         const Common& common, Interrupts& interrupts) {
  CampaignWatch watch(session.client(), campaign_id);
  ProgressView view(stderr);
  ProgressState state;
  bool told_away = false;
  bool cancelled = false;
  while (!watch.done()) {
    for (const v1::CampaignEvent& event : watch.Take()) {
      const std::string line = ApplyEvent(event, state);
      if (!line.empty()) view.Keep(line);
    }
    view.Draw(state);
    if (watch.reconnecting() && !told_away) view.Keep("the server is away; waiting for it");
    told_away = watch.reconnecting();
    if (!interrupts.WaitFor(kTick)) continue;
    view.Clear();
    if (cancelled) return std::optional<int>(kExitInterrupted);
    const Choice choice = AskWhatToDo(campaign_id, state, interrupts);
    if (choice == Choice::kLeave) {
      return std::optional<int>(Leave(campaign_id, session.is_private(), common));
    }
    if (choice == Choice::kCancel) {
      v1::CancelCampaignRequest request;
      request.set_campaign_id(campaign_id);
      TRY(session.client().Call(&v1::CampaignService::Stub::CancelCampaign, request, "cancelling"));
      cancelled = true;
    }
  }
  TRY(watch.status());
  if (cancelled) return std::optional<int>(kExitInterrupted);
  return std::optional<int>();
}

Result<int> FollowCampaign(const Session& session, uint64_t campaign_id, const Common& common,
                           Interrupts& interrupts) {
  TRY_ASSIGN(const std::optional<int> left,
             WatchCampaign(session, campaign_id, common, interrupts));
  if (left.has_value() && *left == kExitInterrupted && !common.json) return *left;
  TRY_ASSIGN(const CampaignRecord record,
             FetchRecord(session.client(), campaign_id, /*with_layers=*/common.json));
  if (common.json) {
    fmt::print("{}", Dump(CampaignJson(record)));
  } else {
    PrintForPeople(record, common);
  }
  if (left.has_value()) return *left;
  return ExitCodeOf(OutcomesOf(record.jobs));
}

}  // namespace tinyrig::cli
